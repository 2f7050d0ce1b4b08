package persistence

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// dice chooses one of n, for what the name says.
type dice func(name string, n int) int

func drawn(t *rapid.T) dice {
	return func(name string, n int) int { return rapid.IntRange(0, n-1).Draw(t, name) }
}

// one is one of the values.
func one[T any](roll dice, name string, values ...T) T { return values[roll(name, len(values))] }

// maybe sets a field to one of the values, or leaves it out.
func maybe(roll dice, body event.Object, name string, values ...any) {
	if i := roll(name, 2*len(values)); i < len(values) {
		body[name] = values[i]
	}
}

// day is the day of the generated events, which fall into its first 150 minutes.
var day = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// generated is the n-th of a set of events about a source: of any type, in times
// that collide, from clocks that run ahead or behind, under ids that collide,
// with fields missing. Only what would make the outcome hang on the order is left
// out: events that may not create a document.
func generated(t tester, roll dice, key source.Key, n int) event.BusMessage {
	t.Helper()
	kind := one(roll, "type",
		event.TypeSourceStatus, event.TypeSourceStatus, event.TypeSourceStatus, event.TypeSourceStatus,
		event.TypeStreamOnline, event.TypeStreamOnline, event.TypeStreamOffline, event.TypeStreamUpdate,
		event.TypeTwitchUpdate, event.TypeConnectorChanged, "chat.message.v1", "")
	when := day.Add(time.Duration(roll("minute", 150))*time.Minute + time.Duration(roll("second", 3))*time.Second)
	at := event.FormatTime(when)
	id := one(roll, "id", fmt.Sprint("event-", n), fmt.Sprint("event-", n), fmt.Sprint("shared-", roll("shared", 5)))
	m := event.BusMessage{
		ID:          fmt.Sprint(key, "/", n),
		PublishTime: when.Add(time.Duration(roll("delay", 20)-10) * time.Minute),
		Attributes:  event.Attributes{one(roll, "attribute", "correlationId", "correlationid"): id},
	}
	if roll("broken", 25) == 0 {
		m.Data = []byte(one(roll, "body", `{`, `[]`, `{"type":"system.source.status","payload":{"status":"ERROR"}}`))
		return m
	}

	root := event.Object{"v": "2", "type": kind, "ingress": event.Object{"ingressAt": at, "source": "ingress." + key.Platform}}
	if roll("named", 2) == 0 {
		root["correlationId"] = id
	}
	body := event.Object{"platform": key.Platform, "observedAt": at}
	maybe(roll, body, "displayName", "A", "B")
	switch kind {
	case event.TypeConnectorChanged:
		root["id"], root["connector"], root["timestamp"] = key.ID, key.Platform, at
		root["currentState"] = one(roll, "state", "CONNECTED", "ERROR", "CONNECTING")
	case event.TypeStreamOnline, event.TypeStreamOffline, event.TypeStreamUpdate, event.TypeTwitchUpdate:
		body["broadcasterId"] = key.ID
		streamFields(roll, kind, when, body)
		root["externalEvent"] = event.Object{"source": key.Platform + ".x", "metadata": body}
	default:
		body["id"] = key.ID
		statusFields(roll, body)
		root["payload"] = body
	}
	m.Data = encode(t, root)
	return m
}

func statusFields(roll dice, body event.Object) {
	maybe(roll, body, "status", "CONNECTED", "DISCONNECTED", "ERROR", "CONNECTING", "odd")
	maybe(roll, body, "connector", "irc", "eventsub")
	maybe(roll, body, "lastError", nil, "text", event.Object{"code": "c", "message": "m"})
	maybe(roll, body, "authStatus", "VALID", "EXPIRED", "REVOKED")
	maybe(roll, body, "auth", event.Object{"reason": "r"}, event.Object{"scopes": []any{"a"}})
	maybe(roll, body, "permissions", []any{"MODERATOR"}, []any{}, []any{"VIP", "BROADCASTER"})
	maybe(roll, body, "roles", event.Object{"VIP": true}, event.Object{"VIP": false, "MODERATOR": true})
	maybe(roll, body, "instanceId", "bot-a", "bot-b")
	maybe(roll, body, "latencyMs", 5, 7)
	maybe(roll, body, "metadata", event.Object{"state": "CONNECTED"}, event.Object{"a": 1}, event.Object{"a": nil, "b": "x"})
	if roll("metrics", 2) == 0 {
		body["metrics"] = event.Object{"received": roll("received", 10), "errors": roll("errors", 4)}
	}
}

func streamFields(roll dice, kind string, when time.Time, body event.Object) {
	maybe(roll, body, "streamId", "s1", "s2", "s3")
	if kind == event.TypeStreamOnline && roll("stated", 2) == 0 {
		body["startedAt"] = event.FormatTime(when.Add(-time.Duration(roll("early", 11)) * time.Minute))
	}
	if kind == event.TypeStreamUpdate || roll("viewers", 2) == 0 {
		body["viewerCount"] = roll("viewerCount", 10)
	}
	maybe(roll, body, "title", "x", "y", nil)
	maybe(roll, body, "categoryName", "Music")
}
