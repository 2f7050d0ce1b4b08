package status

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever comes, a reader gets exactly what it missed, or is told that this is
// not known any more.
func TestARingTellsWhatWasMissed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var r ring
		r.restart()
		var told []string
		var places []place
		for range rapid.IntRange(0, 20).Draw(t, "events") {
			places = append(places, r.here())
			data := strings.Repeat("x", rapid.SampledFrom([]int{1, 10, maxFrameBytes / 8}).Draw(t, "bytes"))
			r.add("source", []byte(data))
			told = append(told, string(appendFrame(nil, r.here(), "source", []byte(data))))
		}
		places = append(places, r.here())
		for i, place := range places {
			missed, ok := r.since(place)
			if !ok {
				if len(told)-i <= 1 {
					t.Errorf("the newest event is not known")
				}
				continue
			}
			same := func(frame []byte, wanted string) bool { return string(frame) == wanted }
			if !slices.EqualFunc(missed, told[i:], same) {
				t.Errorf("since %v: %d events, which are not the last %d", place, len(missed), len(told)-i)
			}
		}
		if len(r.frames) > maxFrames || len(r.frames) > 1 && r.bytes > maxFrameBytes {
			t.Errorf("%d events of %d bytes are kept", len(r.frames), r.bytes)
		}
	})
}

func TestARingKnowsNothingOfOtherPlaces(t *testing.T) {
	t.Parallel()
	var r, other ring
	r.restart()
	other.restart()
	r.add("source", []byte("{}"))
	other.add("source", []byte("{}"))
	for _, p := range []place{{}, other.here(), {r.epoch, 2}, {r.epoch, -1}, {"", 1}} {
		if _, ok := r.since(p); ok {
			t.Errorf("%v is known", p)
		}
	}
	before := r.here()
	r.restart()
	if _, ok := r.since(before); ok {
		t.Error("a place of an epoch that ended is known")
	}
	for range maxFrames + 5 {
		r.add("source", []byte("{}"))
	}
	if len(r.frames) != maxFrames {
		t.Errorf("%d events are kept", len(r.frames))
	}
}

func FuzzParsePlace(f *testing.F) {
	for _, seed := range []string{"", "ABC-1", "-1", "A--1", "A-99999999999999999999", "A-1-2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := parsePlace(text)
		if p.number < 0 || p != (place{}) && parsePlace(p.String()) != p {
			t.Errorf("%q is %+v", text, p)
		}
	})
}
