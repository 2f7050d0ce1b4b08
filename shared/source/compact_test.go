package source

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// text draws texts that repeat, and some that are no UTF-8.
func text(r *rapid.T) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "CONNECTED", "ERROR", "a", "b", "\xff"}), rapid.String(),
	).Draw(r, "text")
}

func drawLog(r *rapid.T) *log {
	list := func() []observation {
		return rapid.SliceOfN(rapid.Custom(func(r *rapid.T) observation {
			return observation{
				At: rapid.Int64().Draw(r, "at"), ID: text(r), Key: text(r), Value: text(r), Reason: text(r), By: text(r),
				State: text(r), Instance: text(r), Start: rapid.Int64().Draw(r, "start"), Stated: rapid.Bool().Draw(r, "stated"), Type: text(r),
			}
		}), 0, 8).Draw(r, "observations")
	}
	return &log{Base: list(), Recent: list()}
}

func drawSent(r *rapid.T) sent {
	return rapid.SliceOfN(rapid.Custom(func(r *rapid.T) Change {
		c := Change{Facet: Facet(text(r)), To: Value(text(r)), EventID: text(r), Reason: text(r), By: text(r)}
		// The years that a timestamp may have.
		c.At = instant(rapid.Int64Range(time.Time{}.UnixMilli(), 253402300799999).Draw(r, "at"))
		if rapid.Bool().Draw(r, "known before") {
			from := Value(text(r))
			c.From = &from
		}
		return c
	}), 0, 8).Draw(r, "sent")
}

var emptyIsNone = []cmp.Option{cmpopts.EquateEmpty(), cmp.AllowUnexported(log{}, observation{})}

// What was written is read, and written again the same.
func TestCompactBookkeepingComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		ls := make(logs)
		for _, facet := range facets {
			if rapid.Bool().Draw(r, "has "+string(facet)) {
				ls[facet] = drawLog(r)
			}
		}
		var readLogs logs
		again(r, ls, &readLogs)
		if diff := cmp.Diff(ls, readLogs, emptyIsNone...); diff != "" {
			r.Errorf("logs (-written +read):\n%s", diff)
		}
		s := drawSent(r)
		var readSent sent
		again(r, s, &readSent)
		if diff := cmp.Diff(s, readSent, emptyIsNone...); diff != "" {
			r.Errorf("transitions (-written +read):\n%s", diff)
		}
	})
}

type compact interface {
	MarshalBinary() ([]byte, error)
	UnmarshalBinary([]byte) error
}

// again writes a value, reads it and writes what was read.
func again(r *rapid.T, value interface{ MarshalBinary() ([]byte, error) }, read compact) {
	written, err := value.MarshalBinary()
	if err == nil {
		err = read.UnmarshalBinary(written)
	}
	if err != nil {
		r.Fatal(err)
	}
	if rewritten, err := read.MarshalBinary(); err != nil || !bytes.Equal(written, rewritten) {
		r.Errorf("written as %x, then as %x, %v", written, rewritten, err)
	}
}

func TestCompactBookkeepingHasEachTextOnce(t *testing.T) {
	t.Parallel()
	ls := make(logs)
	const events, id = 100, "11111111-2222-3333-4444-%012d"
	for _, facet := range facets {
		l := new(log)
		for i := range events {
			l.Recent = append(l.Recent, observation{At: int64(i) * 60_000, ID: fmt.Sprintf(id, i), Key: "irc", Value: Connected, By: "heartbeat"})
		}
		ls[facet] = l
	}
	written, err := ls.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if most := events * (len(facets)*14 + 37) * 11 / 10; len(written) > most {
		t.Errorf("%d bytes, want at most %d", len(written), most)
	}
}

// Whatever a store gives back is read or refused, with memory in proportion.
func FuzzCompactBookkeeping(f *testing.F) {
	full := logs{FacetStatus: {Recent: []observation{{At: 1, ID: "a", Value: Connected}, {At: 2, ID: "b", Value: Error}}}}
	encoded, err := full.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	from := Value(Offline)
	encoded, err = sent{{Facet: FacetStreamStatus, From: &from, To: Online, EventID: "a"}}.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Add([]byte{0, 0xff, 0xff, 0x03})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		ls, s := logs{FacetStatus: nil}, sent{{EventID: "before"}}
		if ls.UnmarshalBinary(encoded) != nil && len(ls) != 1 {
			t.Errorf("refused, and the logs are %v", ls)
		}
		if s.UnmarshalBinary(encoded) != nil && (len(s) != 1 || s[0].EventID != "before") {
			t.Errorf("refused, and the transitions are %v", s)
		}
		observations := 0
		for _, l := range ls {
			if l != nil {
				observations += len(l.Base) + len(l.Recent)
			}
		}
		if observations > len(encoded) || len(s) > max(1, len(encoded)) {
			t.Errorf("%d observations and %d transitions from %d bytes", observations, len(s), len(encoded))
		}
	})
}
