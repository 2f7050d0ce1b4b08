package source_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

const maxDocument = 64 << 10

// flood delivers n events and gives the world; each event is made by body.
func flood(t *testing.T, n int, kind string, body func(i int) fields) *world {
	t.Helper()
	w := newWorld(t)
	for i := range n {
		w.deliver(spaced(t, kind, time.Duration(i)*time.Minute, body(i)))
	}
	return w
}

// spaced is an event of twitch:1 some time after midnight.
func spaced(t *testing.T, kind string, after time.Duration, body fields) event.BusMessage {
	t.Helper()
	when := at("00:00:00").Add(after)
	full := fields{"observedAt": event.FormatTime(when), "eventId": fmt.Sprintf("00000000-0000-4000-8000-%012d", after.Milliseconds())}
	for name, value := range body {
		full[name] = value
	}
	m := say(t, kind, "00:00:00", full)
	m.PublishTime = when
	return m
}

func TestTheDocumentStaysSmallWhateverArrives(t *testing.T) {
	long := strings.Repeat("\u0001é😀", 400)
	for name, c := range map[string]struct {
		kind string
		body func(i int) fields
	}{
		"ever new connectors with errors": {event.TypeSourceStatus, func(i int) fields {
			return fields{"connector": fmt.Sprint(long, i), "status": "ERROR", "instanceId": fmt.Sprint(long, i),
				"lastError": fields{"code": long, "message": long}}
		}},
		"ever new instances and counters": {event.TypeSourceStatus, func(i int) fields {
			return fields{"instanceId": fmt.Sprint("instance", i), "metrics": fields{fmt.Sprint("c", i): i, "received": i}}
		}},
		"counters without an instance": {event.TypeSourceStatus, func(i int) fields {
			return fields{"connector": fmt.Sprint(i % 40), "metrics": fields{"received": i % 7, "sent": i, "a": 1 << 40, "b": 2, "c": 3}}
		}},
		"ever new streams": {event.TypeStreamOnline, func(i int) fields {
			return fields{"streamId": fmt.Sprint("stream-", i), "type": long, "title": long}
		}},
		"endless offlines": {event.TypeStreamOffline, func(int) fields { return nil }},
		"flapping": {event.TypeSourceStatus, func(i int) fields {
			return fields{"status": []string{"CONNECTED", "ERROR"}[i%2], "reason": long, "authStatus": []string{"EXPIRED", "REVOKED"}[i%2],
				"roles": fields{"VIP": i%2 == 0, "MODERATOR": i%3 == 0}}
		}},
		"ever new metadata": {event.TypeSourceStatus, func(i int) fields {
			return fields{"metadata": fields{fmt.Sprint("key", i): long, fmt.Sprint("list", i): []any{long, long, i}, fmt.Sprint("map", i): fields{"a": long}}}
		}},
		"all of it at once": {event.TypeSourceStatus, func(i int) fields {
			return fields{"connector": fmt.Sprint(long, i%50), "status": []string{"CONNECTED", "ERROR"}[i%2], "reason": long,
				"lastError": fields{"code": long, "message": long}, "metadata": fields{fmt.Sprint("key", i): long},
				"instanceId": fmt.Sprint(long, i%100), "metrics": fields{fmt.Sprint(long[:20], i%30): i}, "displayName": long,
				"authStatus": "VALID", "auth": fields{"reason": long, "scopes": strings.Split(strings.Repeat(long+" ", 200), " ")},
				"eventId": fmt.Sprint(long, i)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := flood(t, floodSize(), c.kind, c.body)
			for key, d := range w.documents {
				if size := len(encode(t, d)); size > maxDocument {
					t.Errorf("%s has %d bytes", key, size)
				}
			}
		})
	}
}

// Where the history of a flood is no longer exact, the current values are.
func TestCurrentValuesAreExactBeyondTheLogs(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var messages []event.BusMessage
	for i := range 900 {
		kind, body := event.TypeSourceStatus, fields{
			"connector": fmt.Sprint("c", i%3), "status": []string{"CONNECTED", "ERROR", "DISCONNECTED"}[random.IntN(3)],
			"authStatus": []string{"EXPIRED", "REVOKED"}[random.IntN(2)], "roles": fields{"VIP": random.IntN(2) == 0},
			"metadata": fields{"a": i}, "lastError": fields{"message": fmt.Sprint(i)},
		}
		if i%5 == 0 {
			kind, body = []string{event.TypeStreamOnline, event.TypeStreamOffline}[random.IntN(2)], fields{
				"streamId": fmt.Sprint("s", i/90), "startedAt": event.FormatTime(at("00:00:00").Add(time.Duration(i/90*90) * time.Minute)),
			}
		}
		messages = append(messages, spaced(t, kind, time.Duration(i)*time.Minute, body))
	}
	want := newWorld(t).deliver(messages...).public()
	for range rounds() {
		got := newWorld(t).deliver(shuffledWithDuplicates(random, messages)...).public()
		if got["twitch:1"] != want["twitch:1"] {
			t.Fatalf("another document:\n%s\n%s", got["twitch:1"], want["twitch:1"])
		}
	}
}

func TestSamplesUpToAnHourLateCountExactly(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	var messages []event.BusMessage
	for i := range 400 {
		messages = append(messages, spaced(t, event.TypeSourceStatus, time.Duration(i)*time.Minute, fields{
			"metrics": fields{"received": random.IntN(50)},
		}))
	}
	late := append([]event.BusMessage{}, messages...)
	for i := 0; i+59 < len(late); i += 30 {
		block := late[i : i+59]
		random.Shuffle(len(block), func(a, b int) { block[a], block[b] = block[b], block[a] })
	}
	want := newWorld(t).deliver(messages...).documents["twitch:1"].Metrics.Counts["messagesIn"]
	late = shiftsAtMost(late, messages)
	got := newWorld(t).deliver(late...).documents["twitch:1"].Metrics.Counts["messagesIn"]
	if got != want {
		t.Errorf("%d messages, want %d", got, want)
	}
}

// A crowd on one source comes out of order by as many as are under way at a time:
// every change is in the history all the same, and none that was not.
func TestAHotSourceKeepsItsWholeHistory(t *testing.T) {
	const flips, together = 400, 60
	var messages []event.BusMessage
	for i := range flips {
		messages = append(messages, spaced(t, event.TypeSourceStatus, time.Duration(i)*time.Second, fields{
			"status": []string{"CONNECTED", "ERROR"}[i%2],
		}))
	}
	want := newWorld(t).deliver(messages...)
	random := rand.New(rand.NewPCG(7, 8))
	for round := range rounds() {
		late := append([]event.BusMessage{}, messages...)
		for i := 0; i+together <= len(late); i += together {
			block := late[i : i+together]
			random.Shuffle(len(block), func(a, b int) { block[a], block[b] = block[b], block[a] })
		}
		newWorld(t).deliver(late...).sameAs(want, fmt.Sprint("round ", round))
	}
}

// floodSize is beyond all bounds, but in short, when each event costs the race
// detector a tenth of a second.
func floodSize() int {
	if testing.Short() {
		return 60
	}
	return 600
}

// rounds is how often what takes long is tried; once where it is a thing of races.
func rounds() int {
	if testing.Short() {
		return 1
	}
	return 4
}

// shiftsAtMost puts back in order what an overlap of shuffles made more than an
// hour late.
func shiftsAtMost(late, inOrder []event.BusMessage) []event.BusMessage {
	newest := time.Time{}
	for _, m := range late {
		if newest.Sub(m.PublishTime) > time.Hour {
			return inOrder
		}
		if m.PublishTime.After(newest) {
			newest = m.PublishTime
		}
	}
	return late
}

// The values of a document that others wrote, or whose bookkeeping cannot be
// read, stand until events say more.
func TestADocumentWithoutBookkeepingIsTakenOver(t *testing.T) {
	whole := newWorld(t)
	whole.deliver(say(t, event.TypeSourceStatus, "11:30:00", fields{
		"status": "DISCONNECTED", "connector": "irc", "instanceId": "i-1", "metrics": fields{"received": 100},
	}))
	kept := whole.documents["twitch:1"].Bookkeeping.State
	other := func(field string, value any) *source.Bookkeeping {
		encoded, err := cbor.Marshal(map[string]any{ // the counters could be read
			field:      value,
			"counters": fields{"instances": fields{"irc": fields{"i-1": fields{"t": 1, "c": fields{"messagesIn": 100}}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return &source.Bookkeeping{State: encoded}
	}
	for name, bookkeeping := range map[string]*source.Bookkeeping{
		"there is none":                       nil,
		"it is empty":                         {},
		"it is cut off":                       {State: kept[:len(kept)-1]},
		"it is followed by something":         {State: append(slices.Clone(kept), 0)},
		"its logs are of another kind":        other("logs", fields{"status": fields{"recent": []any{fields{"t": 1, "i": "a", "v": "ERROR"}}}}),
		"its transitions are of another kind": other("sent", []any{fields{"f": "status", "w": "ERROR"}}),
	} {
		t.Run(name, func(t *testing.T) { takeOver(t, bookkeeping) })
	}
}

func takeOver(t *testing.T, bookkeeping *source.Bookkeeping) {
	w := newWorld(t)
	w.documents["twitch:1"] = decodeDocument(t, `{"id":"1","platform":"twitch","displayName":"Old","status":"ERROR",
		"lastStatusUpdate":"2026-05-01T11:00:00.000Z","streamStatus":"ONLINE","lastStreamUpdate":"2026-05-01T10:00:00.000Z",
		"lastError":{"message":"boom","at":"2026-05-01T11:00:00.000Z"},"metrics":{"messagesIn":5},"metadata":{"title":"t"},
		"authStatus":"VALID","permissions":["MODERATOR"]}`)
	w.documents["twitch:1"].Bookkeeping = bookkeeping
	w.deliver(say(t, event.TypeSourceStatus, "12:00:00", fields{"latencyMs": 3, "connector": "irc", "metrics": fields{"received": 2}}))
	compare(t, "document", fields{
		"displayName": "Old", "status": "ERROR", "streamStatus": "ONLINE", "lastError": fields{"message": "boom"},
		"metrics": fields{"messagesIn": 7.0}, "metadata": fields{"title": "t"}, "authStatus": "VALID",
		"permissions": []any{"MODERATOR"}, "latencyMs": 3.0,
	}, decode[fields](t, encode(t, w.documents["twitch:1"])))

	w.deliver(
		say(t, event.TypeSourceStatus, "12:01:00", fields{"connector": "twitch", "status": "CONNECTED", "lastError": nil}),
		say(t, event.TypeStreamOffline, "12:02:00", nil),
	)
	compare(t, "document", fields{"status": "CONNECTED", "lastError": nil, "streamStatus": "OFFLINE"},
		decode[fields](t, encode(t, w.documents["twitch:1"])))
}
