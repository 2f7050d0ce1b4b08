package source_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// sessionsOf are the sessions of twitch:1 as readers see them.
func (w *world) sessionsOf(t *testing.T) map[string]fields {
	t.Helper()
	shown := make(map[string]fields)
	for key, session := range w.sessions["twitch:1"] {
		shown[key] = decode[fields](t, encode(t, session.Public()))
	}
	return shown
}

func clock(minute int) string {
	return at("12:00:00").Add(time.Duration(minute) * time.Minute).Format("15:04:05")
}

// poll is what a poll of Helix tells of a live stream.
func poll(t *testing.T, minute int, stream string, viewers int) event.BusMessage {
	t.Helper()
	return say(t, event.TypeStreamUpdate, clock(minute), fields{
		"eventId": fmt.Sprint("poll-", minute), "streamId": stream, "viewerCount": viewers,
	})
}

// A stream of two hours with a drop of three minutes in the middle, of which
// Helix tells late: it still shows the stream for four minutes after each end,
// and not yet for the first three minutes.
func TestATwoHourStreamLeavesItsSessionsAndMinutes(t *testing.T) {
	t.Parallel()
	messages := []event.BusMessage{
		say(t, event.TypeTwitchUpdate, clock(-5), fields{"title": "Soon"}),
		say(t, event.TypeStreamOnline, clock(0), fields{"streamId": "a", "startedAt": "2026-05-01T12:00:00Z", "type": "live", "title": "Hello"}),
		say(t, event.TypeTwitchUpdate, clock(30), fields{"title": "Games", "categoryId": "7", "categoryName": "Chess"}),
		say(t, event.TypeStreamOffline, clock(60), fields{"streamId": "a"}),
		say(t, event.TypeStreamOnline, clock(63), fields{"streamId": "b", "startedAt": "2026-05-01T13:03:00Z", "type": "live"}),
		say(t, event.TypeStreamOffline, clock(123), fields{"reason": "poll"}),
	}
	for minute := 3; minute <= 64; minute++ { // counts 100 for every minute but the last four
		viewers := 100
		if minute > 60 {
			viewers = 9999
		}
		messages = append(messages, poll(t, minute, "a", viewers))
	}
	for minute := 66; minute <= 127; minute++ {
		messages = append(messages, poll(t, minute, "b", 2*minute))
	}
	messages = append(messages, say(t, event.TypeStreamUpdate, clock(70), fields{"eventId": "title-70", "streamId": "b", "title": "Games", "categoryId": "7", "categoryName": "Chess"}))

	want := map[string]fields{
		"a": {
			"id": "a", "type": "live", "startedAt": "2026-05-01T12:00:00.000Z", "endedAt": "2026-05-01T13:00:00.000Z",
			"minutes": 60.0, "title": "Games",
			"titles": []any{
				fields{"at": "2026-05-01T12:00:00.000Z", "title": "Hello"},
				fields{"at": "2026-05-01T12:30:00.000Z", "title": "Games"},
			},
			"categories":  []any{fields{"at": "2026-05-01T12:30:00.000Z", "id": "7", "name": "Chess"}},
			"peakViewers": 100.0, "averageViewers": 100.0, "lastViewers": 100.0,
		},
		"b": {
			"id": "b", "type": "live", "startedAt": "2026-05-01T13:03:00.000Z", "endedAt": "2026-05-01T14:03:00.000Z",
			"endReason": "poll", "resumes": "a", "minutes": 60.0, "title": "Games",
			"titles":      []any{fields{"at": "2026-05-01T13:10:00.000Z", "title": "Games"}},
			"categories":  []any{fields{"at": "2026-05-01T13:10:00.000Z", "id": "7", "name": "Chess"}},
			"peakViewers": 246.0, "averageViewers": 189.0, "lastViewers": 246.0,
		},
	}
	wantMinutes := make(map[string]int64)
	for minute := 3; minute <= 123; minute++ {
		count := int64(100)
		switch {
		case minute > 60 && minute < 66:
			continue
		case minute >= 66:
			count = int64(2 * minute)
		}
		wantMinutes["twitch:1/"+event.FormatTime(at("12:00:00").Add(time.Duration(minute)*time.Minute))] = count
	}
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 30 {
		delivered := messages
		if round > 0 {
			delivered = shuffledWithDuplicates(random, messages)
		}
		w := newWorld(t).deliver(delivered...)
		if diff := cmp.Diff(want, w.sessionsOf(t)); diff != "" {
			t.Fatalf("round %d: sessions (-want +got):\n%s", round, diff)
		}
		if diff := cmp.Diff(wantMinutes, w.shownHours()); diff != "" {
			t.Fatalf("round %d: minutes (-want +got):\n%s", round, diff)
		}
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	const (
		online  = event.TypeStreamOnline
		offline = event.TypeStreamOffline
	)
	start := func(minute int, stream string) event.BusMessage {
		return say(t, online, clock(minute), fields{"streamId": stream})
	}
	for name, test := range map[string]struct {
		messages []event.BusMessage
		want     map[string]fields // by stream, only the fields given
	}{
		"a stream that goes on lasts until its newest sign of life": {
			[]event.BusMessage{start(0, "a"), poll(t, 7, "a", 5)},
			map[string]fields{"a": {"minutes": 7.0, "endedAt": nil, "lastViewers": 5.0}},
		},
		"a stream whose end was never heard ends where the next one starts": {
			[]event.BusMessage{start(0, "a"), start(40, "b")},
			map[string]fields{
				"a": {"minutes": 40.0, "endReason": source.ReasonSuperseded},
				"b": {"resumes": nil, "minutes": 0.0},
			},
		},
		"a stream that starts long after the last one resumes nothing": {
			[]event.BusMessage{start(0, "a"), say(t, offline, clock(10), nil), start(26, "b")},
			map[string]fields{"a": {"minutes": 10.0}, "b": {"resumes": nil}},
		},
		"a stream that comes back under its own id is one session": {
			[]event.BusMessage{start(0, "a"), say(t, offline, clock(10), nil), start(12, "a"), say(t, offline, clock(20), nil)},
			map[string]fields{"a": {"minutes": 20.0, "endedAt": "2026-05-01T12:20:00.000Z"}},
		},
		"viewers of no named stream belong to the one that was live": {
			[]event.BusMessage{start(0, "a"), poll(t, 1, "", 3), poll(t, 2, "", 5)},
			map[string]fields{"a": {"averageViewers": 4.0, "peakViewers": 5.0}},
		},
		"a count stands for the minutes until the next one and the end": {
			[]event.BusMessage{start(0, "a"), poll(t, 50, "a", 10), poll(t, 70, "a", 40), say(t, offline, clock(79), nil)},
			map[string]fields{"a": {"averageViewers": 20.0, "minutes": 79.0}}, // 20 minutes with 10, 10 with 40
		},
		"a count stands for an hour at most": {
			[]event.BusMessage{start(0, "a"), poll(t, 0, "a", 10), poll(t, 200, "a", 71)},
			map[string]fields{"a": {"averageViewers": 11.0}}, // 61 minutes with 10, one with 71
		},
		"viewers of another stream count nowhere": {
			[]event.BusMessage{start(0, "a"), poll(t, 1, "z", 3)},
			map[string]fields{"a": {"averageViewers": nil}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := newWorld(t).deliver(test.messages...).sessionsOf(t)
			if len(got) != len(test.want) {
				t.Errorf("sessions %v", got)
			}
			for stream, want := range test.want {
				compare(t, stream, want, got[stream])
			}
		})
	}
}

// Somebody who polls every five seconds must not use up the room of an hour.
func TestTitlesAreSeenHoweverOftenOneLooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t).deliver(say(t, event.TypeStreamOnline, "12:00:00", fields{"streamId": "a"}))
	for second := 0; second < 3600; second += 5 {
		title := "First"
		if second >= 3300 {
			title = "Last"
		}
		clock := at("12:00:00").Add(time.Duration(second) * time.Second).Format("15:04:05")
		w.deliver(say(t, event.TypeStreamUpdate, clock, fields{"streamId": "a", "title": title, "viewerCount": second}))
	}
	compare(t, "a", fields{
		"title": "Last",
		"titles": []any{
			fields{"at": "2026-05-01T12:00:00.000Z", "title": "First"}, fields{"at": "2026-05-01T12:55:00.000Z", "title": "Last"},
		},
	}, w.sessionsOf(t)["a"])
}

func TestAMinuteTakesItsNewestCount(t *testing.T) {
	t.Parallel()
	count := func(clock string, viewers int) event.BusMessage {
		return say(t, event.TypeStreamUpdate, clock, fields{"streamId": "a", "viewerCount": viewers})
	}
	w := newWorld(t).deliver(
		say(t, event.TypeStreamOnline, "12:00:00", fields{"streamId": "a"}),
		count("12:05:40", 7), count("12:05:10", 90), count("12:06:00", 8),
	)
	want := map[string]int64{"twitch:1/2026-05-01T12:05:00.000Z": 7, "twitch:1/2026-05-01T12:06:00.000Z": 8}
	if diff := cmp.Diff(want, w.shownHours()); diff != "" {
		t.Errorf("minutes (-want +got):\n%s", diff)
	}
	compare(t, "a", fields{"peakViewers": 8.0, "averageViewers": 7.5}, w.sessionsOf(t)["a"])
}
