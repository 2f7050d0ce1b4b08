package ledger_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/ledger"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
)

// whole is an entry in which everything is set.
func whole() ledger.Entry {
	return ledger.Entry{
		Published: map[string]ledger.Published{"stream": {Digest: "d", At: 1}, "connector twitch": {Digest: "e", At: 2}},
		Watched:   true,
		Login:     "examplechan",
		ID:        "1337",
		Stream:    &ledger.Stream{Known: true, Believed: "9001", Candidate: "9002", Polls: 1, Since: 3, Compared: 4},
		Counters:  map[string]ledger.Counters{"twitch": {Digest: "f", Still: 5, Suspect: true}},
		Token:     &ledger.Token{Validated: 6, Expires: 7, Known: true, Dead: "EXPIRED", Digest: "g"},
		Roles:     8,
		Grant:     &ledger.Grant{Asked: 9, Scopes: []string{"a", "b"}},
		Connector: &ledger.Connector{Misses: 2, Sources: []ledger.Served{{Connector: "twitch", Platform: "twitch", ID: "555", Told: true}}},
	}
}

func TestWhatIsNotedIsReadAgain(t *testing.T) {
	t.Parallel()
	s, err := bolt.Open(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	l, err := ledger.Read(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	l.Note("twitch:1337", whole(), noon)
	l.Note("connector bots", ledger.Entry{}, noon.Add(time.Second))
	if err := l.Write(t.Context(), s, noon); err != nil {
		t.Fatal(err)
	}
	again, err := ledger.Read(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	want := whole()
	want.Noted = noon.Unix()
	if diff := cmp.Diff(want, again.Entry("twitch:1337")); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ledger.Entry{Noted: noon.Unix() + 1}, again.Entry("connector bots")); diff != "" {
		t.Errorf("entry of nothing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"connector bots", "twitch:1337"}, again.Names()); diff != "" || len(again.Spoilt) > 0 {
		t.Errorf("spoilt %q, names (-want +got):\n%s", again.Spoilt, diff)
	}
	if diff := cmp.Diff(ledger.Entry{}, again.Entry("twitch:1338")); diff != "" {
		t.Errorf("an entry that is none (-want +got):\n%s", diff)
	}
}

func TestTenThousandEntriesAreTwentyPagesAndOneRead(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.filled(10_000)
	if len(s.stored) != 20 || s.writes != 1 {
		t.Errorf("%d pages in %d writes", len(s.stored), s.writes)
	}
	s.reads = 0
	l := s.read()
	if got := len(l.Names()); got != 10_000 || s.reads != 1 {
		t.Errorf("%d entries in %d reads", got, s.reads)
	}
	for page, raw := range s.stored {
		if len(raw) > 1<<19 {
			t.Errorf("page %s has %d bytes", page, len(raw))
		}
	}
}

func TestOnlyPagesThatChangedAreWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(*ledger.Ledger)
		want string
	}{
		"nothing":            {func(*ledger.Ledger) {}, ""},
		"looked at":          {func(l *ledger.Ledger) { l.Entry(name(700)) }, ""},
		"noted as it is":     {func(l *ledger.Ledger) { l.Note(name(700), l.Entry(name(700)), noon.Add(time.Hour)) }, ""},
		"noted as another":   {func(l *ledger.Ledger) { l.Note(name(700), ledger.Entry{Login: "x"}, noon) }, "1"},
		"a new one":          {func(l *ledger.Ledger) { l.Note("new", ledger.Entry{}, noon) }, "2"},
		"more than has room": {func(l *ledger.Ledger) { noteNew(l, 700) }, "2 3"},
		"first and last page": {func(l *ledger.Ledger) {
			l.Note(name(0), ledger.Entry{}, noon)
			l.Note(name(1000), ledger.Entry{}, noon)
		}, "0 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			s.filled(1001)
			l := s.read()
			s.writes = 0
			c.do(l)
			if got := s.write(l, noon.Add(time.Hour)); got != c.want || c.want == "" && s.writes != 0 {
				t.Errorf("wrote pages %q in %d writes, want %q", got, s.writes, c.want)
			}
			if got := s.write(l, noon.Add(time.Hour)); got != "" {
				t.Errorf("then wrote pages %q", got)
			}
		})
	}
}

func noteNew(l *ledger.Ledger, n int) {
	for i := range n {
		l.Note(fmt.Sprint("new ", i), ledger.Entry{}, noon)
	}
}

// An entry that is empty in another way is the same, once it was stored or not.
func TestNotingTheSameWritesNothing(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]ledger.Entry{
		"everything": whole(),
		"nothing":    {},
		"empty lists and maps": {
			Published: map[string]ledger.Published{}, Counters: map[string]ledger.Counters{},
			Grant: &ledger.Grant{Asked: 1, Scopes: []string{}}, Connector: &ledger.Connector{Sources: []ledger.Served{}},
		},
		"empty structures": {Stream: &ledger.Stream{}, Token: &ledger.Token{}, Grant: &ledger.Grant{}, Connector: &ledger.Connector{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			l := s.read()
			for range 3 {
				l.Note("x", e, noon)
			}
			s.write(l, noon)
			l.Note("x", e, noon.Add(time.Minute))
			if got := s.write(l, noon.Add(time.Minute)); got != "" {
				t.Errorf("wrote %q for the same", got)
			}
			l = s.read()
			l.Note("x", e, noon.Add(2*time.Minute))
			if got := s.write(l, noon.Add(2*time.Minute)); got != "" {
				t.Errorf("wrote %q for the same after it was read", got)
			}
		})
	}
}

func TestAnEntryIsACopy(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	l := s.read()
	spoil := func(e ledger.Entry) {
		e.Published["stream"] = ledger.Published{Digest: "other"}
		e.Counters["twitch"] = ledger.Counters{Digest: "other"}
		*e.Stream, *e.Token = ledger.Stream{}, ledger.Token{}
		e.Grant.Scopes[0], e.Connector.Sources[0] = "other", ledger.Served{}
		e.Grant.Asked, e.Connector.Misses = 0, 0
	}
	given := whole()
	l.Note("x", given, noon)
	spoil(given)
	spoil(l.Entry("x"))
	want := whole()
	want.Noted = noon.Unix()
	if diff := cmp.Diff(want, l.Entry("x")); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
}

func TestASpoiltPageIsToldAndRewritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		page, content string
		names         int    // that are known all the same
		written       string // when a new entry was noted
	}{
		"no JSON within":          {"1", `{"entries":"{"}`, 500, "1"},
		"no text within":          {"1", `{"entries":{"x":{}}}`, 500, "1"},
		"a list within":           {"1", `{"entries":"[]"}`, 500, "1"},
		"a number for an entry":   {"1", `{"entries":"{\"x\":5}"}`, 500, "1"},
		"nothing within":          {"1", `{}`, 500, "1"},
		"null":                    {"1", `null`, 500, "1"},
		"the first page":          {"0", `{"entries":"{"}`, 0, "0"},
		"a page far away":         {"7", `{"entries":"{"}`, 500, "1 -7"},
		"no number":               {"notes", `{"entries":"{\"x\":{}}"}`, 500, "1 -notes"},
		"a number below all":      {"-1", `{"entries":"{\"x\":{}}"}`, 500, "--1 1"},
		"a number beyond all":     {"1000000", `{"entries":"{\"x\":{}}"}`, 500, "1 -1000000"},
		"a number in other words": {"01", `{"entries":"{\"x\":{}}"}`, 500, "-01 1"},
		"a number with a sign":    {"+1", `{"entries":"{\"x\":{}}"}`, 500, "-+1 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			s.filled(500)
			s.stored[c.page] = []byte(c.content)
			l := s.read()
			if diff := cmp.Diff([]string{c.page}, l.Spoilt); diff != "" {
				t.Errorf("spoilt (-want +got):\n%s", diff)
			}
			if got := len(l.Names()); got != c.names {
				t.Errorf("%d entries, want %d", got, c.names)
			}
			l.Note("new", ledger.Entry{Login: "new"}, noon)
			if got := s.write(l, noon); got != c.written {
				t.Errorf("wrote %q, want %q", got, c.written)
			}
			again := s.read()
			if len(again.Spoilt) > 0 || again.Entry("new").Login != "new" || len(again.Names()) != c.names+1 {
				t.Errorf("then spoilt %q, %d entries", again.Spoilt, len(again.Names()))
			}
		})
	}
}

func TestASpoiltPageGoesThoughNothingIsNoted(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.stored["3"] = []byte(`{"entries":"{"}`)
	if got := s.write(s.read(), noon); got != "-3" {
		t.Errorf("wrote %q", got)
	}
}

func TestAnEntryThatIsThereTwiceIsThereOnceThen(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.put("0", `{"x":{"n":1777636800,"l":"first"}}`)
	s.put("1", `{"x":{"n":1777636800,"l":"second"},"y":{"n":1777636800}}`)
	l := s.read()
	if got := l.Entry("x").Login; got != "first" || len(l.Names()) != 2 || len(l.Spoilt) > 0 {
		t.Errorf("login %q, names %q, spoilt %q", got, l.Names(), l.Spoilt)
	}
	if got := s.write(l, noon); got != "1" {
		t.Errorf("wrote %q", got)
	}
}

func TestWhatIsNotNotedIsForgotten(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	s := newShelf(t)
	l := s.read()
	for i := range 501 {
		l.Note(name(i), ledger.Entry{}, noon)
	}
	l.Note(name(0), ledger.Entry{Login: "x"}, noon.Add(day))
	if got := s.write(l, noon.Add(14*day)); got != "0 1" || len(s.read().Names()) != 501 {
		t.Fatalf("after 14 days wrote %q", got)
	}
	if got := s.write(l, noon.Add(14*day+time.Second)); got != "0 -1" {
		t.Errorf("a second later wrote %q", got)
	}
	if diff := cmp.Diff([]string{name(0)}, l.Names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(l.Names(), s.read().Names()); diff != "" {
		t.Errorf("names that are stored (-want +got):\n%s", diff)
	}
	if got := s.write(l, noon.Add(30*day)); got != "-0" || len(l.Names()) != 0 || len(s.stored) != 0 {
		t.Errorf("at last wrote %q, %q left", got, l.Names())
	}
}

// What is noted on every tick is not forgotten, though it never changes.
func TestWhatIsNotedUnchangedIsNotForgotten(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	written := 0
	for hour := 0; hour < 24*60; hour += 8 {
		now := noon.Add(time.Duration(hour) * time.Hour)
		l := s.read()
		if hour > 0 && l.Entry("connector bots").Connector == nil {
			t.Fatalf("forgotten after %d hours", hour)
		}
		l.Note("connector bots", ledger.Entry{Connector: &ledger.Connector{Sources: []ledger.Served{{ID: "555", Told: true}}}}, now)
		if s.write(l, now) != "" {
			written++
		}
	}
	if written > 61 {
		t.Errorf("written %d times in 60 days", written)
	}
}

func TestErrorsOfTheStore(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.stored["5"] = []byte(`{"entries":"{"}`)
	l := s.read()
	l.Note("x", ledger.Entry{Login: "x"}, noon)
	s.broken = true
	if _, err := ledger.Read(t.Context(), s); !errors.Is(err, errBroken) {
		t.Errorf("reading: %v", err)
	}
	if err := l.Write(t.Context(), s, noon); !errors.Is(err, errBroken) {
		t.Errorf("writing: %v", err)
	}
	s.broken = false
	if got := s.write(l, noon); got != "0 -5" {
		t.Errorf("tried again it wrote %q", got)
	}
}
