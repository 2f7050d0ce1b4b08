package status

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/source"
)

// turn is a change of the connection some minutes ago.
func turn(minutes int, from, to string) source.Change {
	c := source.Change{Facet: source.FacetStatus, To: source.Value(to), At: ago(time.Duration(minutes) * time.Minute)}
	if from != "" {
		c.From = ptr(source.Value(from))
	}
	return c
}

func TestAvailability(t *testing.T) {
	t.Parallel()
	minutes := scopes[0]
	tests := []struct {
		name    string
		changes []source.Change
		state   string
		share   string
		breaks  int
		// The texts of the segments that end so many minutes ago.
		texts map[int]string
	}{
		{"what never changed is as it is now", nil, source.Connected, "100 %", 0,
			map[int]string{0: "connected", 89: "connected"}},
		{"what was never said is not known", nil, "", "", 0, map[int]string{0: "nothing known", 89: "nothing known"}},
		{"nothing is known before the first word", []source.Change{turn(30, "", source.Connected)}, source.Connected, "100 %", 0,
			map[int]string{31: "nothing known", 30: "connected", 0: "connected"}},
		{"the first change tells what was before", []source.Change{turn(45, source.Error, source.Connected)}, source.Connected, "50.4 %", 0,
			map[int]string{60: "0 % connected, error for 1 min", 40: "connected"}},
		{"a break is seen in its segment", []source.Change{
			turn(20, source.Connected, source.Disconnected), turn(18, source.Disconnected, source.Connected),
		}, source.Connected, "97.7 %", 1, map[int]string{
			21: "connected", 20: "11.8 % connected, disconnected for 52 s", 19: "0 % connected, disconnected for 1 min", 18: "88.1 % connected, disconnected for 7 s", 17: "connected",
		}},
		{"changes of other facets do not count", []source.Change{
			{Facet: source.FacetStreamStatus, To: source.Online, At: ago(time.Minute)},
		}, source.Error, "0 %", 0, map[int]string{0: "0 % connected, error for 7 s"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := newAvailability(minutes, test.changes, test.state, now, now)
			if a.Share() != test.share || a.Breaks != test.breaks {
				t.Errorf("%q with %d breaks, want %q with %d", a.Share(), a.Breaks, test.share, test.breaks)
			}
			got := make(map[int]string)
			for minute := range test.texts {
				got[minute] = a.Segments[segmentCount-1-minute].Text()
			}
			if diff := cmp.Diff(test.texts, got); diff != "" {
				t.Errorf("segments (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNotKnownAnyMoreIsNotGuessed(t *testing.T) {
	t.Parallel()
	changes := []source.Change{turn(30, source.Disconnected, source.Connected)}
	a := newAvailability(scopes[0], changes, source.Connected, now, now.Add(-30*time.Minute))
	got := []string{a.Share(), a.Segments[segmentCount-1-31].Text(), a.Segments[segmentCount-1-29].Text()}
	want := []string{"0 %", "0 % connected, disconnected for 1 min", "nothing known"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever happened, the segments hold the whole time up to now and no more, and
// what is drawn stays within the drawing.
func TestSegmentsHoldAllTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		covered := rapid.SampledFrom(scopes).Draw(t, "scope")
		from, _ := covered.bounds(now)
		states := []string{source.Connected, source.Disconnected, source.Error}
		count := rapid.IntRange(0, 20).Draw(t, "changes")
		var changes []source.Change
		at, state := from, rapid.SampledFrom(states).Draw(t, "first")
		for range count {
			at = at.Add(time.Duration(rapid.Int64Range(0, int64(covered.Length)/20).Draw(t, "pause")))
			if !at.Before(now) {
				break
			}
			next := rapid.SampledFrom(states).Draw(t, "state")
			changes = append(changes, source.Change{Facet: source.FacetStatus, From: ptr(source.Value(state)), To: source.Value(next), At: source.Time{Time: at}})
			state = next
		}
		a := newAvailability(covered, changes, state, now, now)
		var sum time.Duration
		for _, s := range a.Segments {
			if s.known() > s.To.Sub(s.From) {
				t.Fatalf("a segment of %v holds %v", s.To.Sub(s.From), s.known())
			}
			sum += s.known()
		}
		if want := now.Sub(from); sum != want {
			t.Fatalf("the segments hold %v, want %v", sum, want)
		}
		for _, b := range a.Bars() {
			if b.TroubleHeight < 0 || b.TroubleHeight > barHeight || (b.Trouble == "") != (b.TroubleHeight == 0) {
				t.Fatalf("drawn %+v", b)
			}
		}
	})
}

func TestAScopeHoldsEverythingSinceTheBeginning(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, asked string
		since       time.Time
		want        string
	}{
		{"a new installation", "", now.Add(-time.Hour), "90m"},
		{"one of today", "", now.Add(-2 * time.Hour), "24h"},
		{"one of last week", "", now.Add(-7 * 24 * time.Hour), "90d"},
		{"an old one", "", now.Add(-1000 * 24 * time.Hour), "90d"},
		{"an empty one", "", time.Time{}, "90d"},
		{"what was asked for", "24h", now, "24h"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := scopeNamed(test.asked, test.since, now).Name; got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestTheCurve(t *testing.T) {
	t.Parallel()
	sample := func(minutes int, count int64) source.ViewerSample {
		return source.ViewerSample{At: ago(time.Duration(minutes) * time.Minute), Count: count}
	}
	off := func(minutes int) source.Change {
		return source.Change{Facet: source.FacetStreamStatus, To: source.Offline, At: ago(time.Duration(minutes) * time.Minute)}
	}
	tests := []struct {
		name    string
		samples []source.ViewerSample
		changes []source.Change
		live    bool
		want    string
	}{
		{"nothing is drawn of nothing", nil, nil, false, ""},
		{"nothing is drawn of what is long ago", []source.ViewerSample{sample(7*60, 5)}, nil, true, ""},
		{"a count stands until the next one, and the last until now", []source.ViewerSample{sample(20, 10), sample(10, 20)}, nil, true,
			"M0.0 20.0H0.0V20.0H80.0V2.0H160.0"},
		{"it breaks where the stream ended", []source.ViewerSample{sample(20, 10), sample(5, 10)}, []source.Change{off(15)}, true,
			"M0.0 2.0H0.0V2.0H40.0M120.0 2.0H120.0V2.0H160.0"},
		{"it ends with the last stream", []source.ViewerSample{sample(20, 10)}, []source.Change{off(10)}, false, "M0.0 2.0H0.0V2.0H80.0"},
		{"the first minutes are not the whole width", []source.ViewerSample{sample(5, 0)}, nil, true, "M80.0 38.0H80.0V38.0H160.0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := newCurve(test.samples, test.changes, test.live, now).Line; got != test.want {
				t.Errorf("drawn %q, want %q", got, test.want)
			}
		})
	}
}
