package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
)

// evening is n events about some sources within fifty minutes, in the order in
// which they happened. The same seed gives the same.
func evening(t testing.TB, seed uint64, n, sources int) []event.BusMessage {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, seed))
	offsets := make([]time.Duration, n)
	for i := range offsets {
		offsets[i] = time.Duration(random.Int64N(int64(50 * time.Minute))).Truncate(time.Millisecond)
	}
	slices.Sort(offsets)
	messages := make([]event.BusMessage, n)
	for i, offset := range offsets {
		happening := happening{random: random, n: i, id: fmt.Sprint(random.IntN(sources)), at: aired.Add(offset)}
		messages[i] = happening.message(t)
	}
	return messages
}

// A happening is one event about one channel.
type happening struct {
	random *rand.Rand
	n      int
	id     string // of the channel
	at     time.Time
}

func (h happening) message(t testing.TB) event.BusMessage {
	t.Helper()
	kind, payload := h.payload()
	payload["platform"], payload["observedAt"] = "twitch", event.FormatTime(h.at)
	correlationID := event.NewID(fmt.Sprint("evening/", h.n))
	body, err := json.Marshal(event.Object{
		"v": "2", "type": kind, "correlationId": correlationID, "payload": payload,
		"ingress": event.Object{"ingressAt": event.FormatTime(h.at), "source": "ingress.twitch"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return event.BusMessage{
		ID: fmt.Sprint(h.n), Data: body, PublishTime: h.at.Add(time.Second),
		Attributes: event.Attributes{"type": kind, "correlationId": correlationID},
	}
}

// payload is what happened. Streams begin, are seen and end in no order that
// makes sense, as lost and late events have it.
func (h happening) payload() (kind string, payload event.Object) {
	stream := fmt.Sprint(h.id, "-", h.random.IntN(3))
	switch h.random.IntN(8) {
	case 0:
		return event.TypeStreamOnline, event.Object{
			"broadcasterId": h.id, "streamId": stream, "viewerCount": h.random.IntN(500),
			"startedAt": event.FormatTime(h.at.Add(-time.Duration(h.random.IntN(300)) * time.Second)),
		}
	case 1:
		payload := event.Object{"broadcasterId": h.id}
		if h.random.IntN(2) == 0 {
			payload["streamId"] = stream
		}
		return event.TypeStreamOffline, payload
	case 2, 3:
		return event.TypeStreamUpdate, event.Object{
			"broadcasterId": h.id, "streamId": stream, "viewerCount": h.random.IntN(500),
			"title": fmt.Sprint("Title ", h.random.IntN(5)), "categoryName": fmt.Sprint("Category ", h.random.IntN(3)),
		}
	case 4:
		return event.TypeSourceStatus, event.Object{
			"id": h.id, "authStatus": h.one("VALID", "EXPIRED", "REVOKED"), "auth": event.Object{"reason": h.one("a", "b")},
			"roles": event.Object{h.one("MODERATOR", "VIP"): h.random.IntN(2) == 0},
		}
	}
	payload = event.Object{
		"id": h.id, "status": h.one("CONNECTED", "DISCONNECTED", "ERROR"), "connector": h.one("irc", "eventsub"),
		"instanceId": h.one("bot-a", "bot-b"), "latencyMs": h.random.IntN(90),
		"metrics": event.Object{"received": h.random.IntN(1000), "errors": h.random.IntN(10)},
	}
	switch h.random.IntN(3) {
	case 0:
		payload["lastError"] = nil
	case 1:
		payload["lastError"] = event.Object{"code": h.one("X", "Y"), "message": "broken"}
	}
	return event.TypeSourceStatus, payload
}

func (h happening) one(values ...string) string { return values[h.random.IntN(len(values))] }
