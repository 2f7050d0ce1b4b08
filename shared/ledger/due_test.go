package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/ledger"
)

func TestDue(t *testing.T) {
	t.Parallel()
	published := func(about, digest string, at time.Time) ledger.Entry {
		var e ledger.Entry
		e.Publish(about, digest, at)
		return e
	}
	for name, c := range map[string]struct {
		entry        ledger.Entry
		now          time.Time
		due, changed bool
	}{
		"never published":           {ledger.Entry{}, noon, true, true},
		"something else published":  {published("auth", "d", noon), noon, true, true},
		"another one published":     {published("stream", "e", noon), noon, true, true},
		"published at this instant": {published("stream", "d", noon), noon, false, false},
		"published an hour ago":     {published("stream", "d", noon), noon.Add(time.Hour), true, false},
		"published in the future":   {published("stream", "d", noon.Add(3*time.Hour)), noon, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			due, changed := c.entry.Due("twitch:1337", "stream", "d", c.now, time.Hour)
			if due != c.due || changed != c.changed {
				t.Errorf("due %v, changed %v; want %v, %v", due, changed, c.due, c.changed)
			}
		})
	}
}

// Whatever the ticks are, nothing unchanged is left unpublished for longer than
// refresh by a tick that could have published it, and nothing is published twice
// in a period.
func TestAnUnchangedThingIsDueOnceInEveryRefresh(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		refresh := time.Duration(rapid.Int64Range(1, 7*24*3600).Draw(t, "refresh in s")) * time.Second
		name, about := rapid.String().Draw(t, "name"), rapid.String().Draw(t, "about")
		now := noon.Add(time.Duration(rapid.Int64Range(0, 1<<30).Draw(t, "start")) * time.Second)
		var e ledger.Entry
		e.Publish(about, "d", now)
		start, last, times := now, now, 0
		steps := rapid.SliceOfN(rapid.Int64Range(0, 3*int64(refresh/time.Second)), 1, 50).Draw(t, "ticks in s")
		for _, step := range steps {
			now = now.Add(time.Duration(step) * time.Second)
			due, changed := e.Due(name, about, "d", now, refresh)
			if changed {
				t.Fatal("nothing changed")
			}
			if !due && now.Sub(last) >= refresh {
				t.Fatalf("not due %v after it was published, with a refresh of %v", now.Sub(last), refresh)
			}
			if due {
				e.Publish(about, "d", now)
				last = now
				times++
			}
		}
		if most := int64(now.Sub(start)/refresh) + 1; int64(times) > most {
			t.Fatalf("published %d times in %v, with a refresh of %v", times, now.Sub(start), refresh)
		}
	})
}

func TestRefreshesAreSpread(t *testing.T) {
	t.Parallel()
	const names, ticks = 10_000, 60
	for shape, c := range map[string]struct {
		about string
		name  func(i int) string
	}{
		"ids in a row":     {"stream", func(i int) string { return fmt.Sprintf("twitch:%d", 100_000_000+i) }},
		"ids of one width": {"connector eventsub", func(i int) string { return fmt.Sprintf("twitch:%05d", i) }},
		"ids far apart":    {"auth", func(i int) string { return fmt.Sprintf("twitch:%d", i*7919) }},
		"ids of letters":   {"connector slack", func(i int) string { return fmt.Sprintf("slack:U%X", i) }},
	} {
		t.Run(shape, func(t *testing.T) {
			t.Parallel()
			ids, entries := make([]string, names), make([]ledger.Entry, names)
			for i := range names {
				ids[i] = c.name(i)
				entries[i].Publish(c.about, "d", noon)
			}
			all := 0
			for tick := 1; tick <= ticks; tick++ {
				now := noon.Add(time.Duration(tick) * time.Minute)
				due := 0
				for i, id := range ids {
					if isDue, _ := entries[i].Due(id, c.about, "d", now, time.Hour); isDue {
						entries[i].Publish(c.about, "d", now)
						due++
					}
				}
				if all += due; due > names*4/100 {
					t.Errorf("%d are due at tick %d", due, tick)
				}
			}
			if all != names {
				t.Errorf("%d were due in an hour", all)
			}
		})
	}
}

func TestElapsedOfWhatNeverWas(t *testing.T) {
	t.Parallel()
	for _, period := range []time.Duration{0, time.Millisecond, time.Second, time.Hour} {
		if !ledger.Elapsed("twitch:1337", 0, noon, period) {
			t.Errorf("never is not %v ago", period)
		}
	}
}
