package source_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"pgregory.net/rapid"
)

// messages generates what a few sources' publishers may send, of all types:
// times collide, clocks run ahead, facts come again under new event ids, ids and
// fields are missing.
func messages(t *rapid.T) []event.BusMessage {
	count := rapid.IntRange(1, 40).Draw(t, "count")
	list := make([]event.BusMessage, 0, count)
	for i := range count {
		list = append(list, message(t, i))
	}
	return list
}

func message(t *rapid.T, i int) event.BusMessage {
	minute := rapid.IntRange(0, 150).Draw(t, "minute")
	when := at("12:00:00").Add(time.Duration(minute)*time.Minute + time.Duration(rapid.IntRange(0, 2).Draw(t, "second"))*time.Second)
	published := when.Add(time.Duration(rapid.IntRange(-10, 10).Draw(t, "delay")) * time.Minute)
	id := fmt.Sprintf("event-%02d", rapid.IntRange(0, 99).Draw(t, "id"))
	if rapid.Bool().Draw(t, "unique") {
		id = fmt.Sprintf("unique-%d", i)
	}
	platform := "twitch"
	channel := rapid.SampledFrom([]string{"1", "2"}).Draw(t, "channel")
	kind := rapid.SampledFrom([]string{
		event.TypeSourceStatus, event.TypeSourceStatus, event.TypeSourceStatus,
		event.TypeStreamOnline, event.TypeStreamOffline, event.TypeStreamUpdate, event.TypeTwitchUpdate,
		event.TypeConnectorChanged,
	}).Draw(t, "type")

	root := map[string]any{
		"v": "2", "type": kind, "correlationId": id,
		"ingress": map[string]any{"ingressAt": event.FormatTime(when), "source": "ingress." + platform},
	}
	body := map[string]any{"platform": platform, "observedAt": event.FormatTime(when)}
	if rapid.Bool().Draw(t, "named") {
		body["displayName"] = rapid.SampledFrom([]string{"A", "B"}).Draw(t, "name")
	}
	switch kind {
	case event.TypeSourceStatus:
		body["id"] = channel
		statusBody(t, body)
		root["payload"] = body
	case event.TypeConnectorChanged:
		root["id"], root["connector"] = channel, platform
		root["currentState"] = rapid.SampledFrom([]string{"CONNECTED", "ERROR", "CONNECTING"}).Draw(t, "state")
		root["timestamp"] = event.FormatTime(when)
	default:
		body["broadcasterId"] = channel
		streamBody(t, kind, when, body)
		root["externalEvent"] = map[string]any{"source": "twitch.eventsub", "metadata": body}
	}
	data, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return event.BusMessage{Data: data, PublishTime: published, ID: fmt.Sprint(i)}
}

func statusBody(t *rapid.T, body map[string]any) {
	maybe := func(name string, values ...any) {
		if i := rapid.IntRange(-len(values), len(values)-1).Draw(t, name); i >= 0 {
			body[name] = values[i]
		}
	}
	maybe("status", "CONNECTED", "DISCONNECTED", "ERROR", "CONNECTING", "odd")
	maybe("connector", "irc", "eventsub")
	maybe("lastError", nil, "text", map[string]any{"code": "c", "message": "m"})
	maybe("authStatus", "VALID", "EXPIRED", "REVOKED")
	maybe("auth", map[string]any{"reason": "r"}, map[string]any{"scopes": []any{"a"}}, map[string]any{"reason": source.ReasonExpiring})
	maybe("permissions", []any{"MODERATOR"}, []any{}, []any{"VIP", "BROADCASTER"})
	maybe("roles", map[string]any{"VIP": true}, map[string]any{"VIP": false, "MODERATOR": true})
	maybe("instanceId", "bot-a", "bot-b")
	maybe("latencyMs", 5, 7)
	maybe("metadata", map[string]any{"state": "CONNECTED"}, map[string]any{"a": 1}, map[string]any{"a": nil, "b": "x"})
	if rapid.Bool().Draw(t, "metrics") {
		body["metrics"] = map[string]any{
			"received": rapid.IntRange(0, 9).Draw(t, "received"),
			"errors":   rapid.IntRange(0, 3).Draw(t, "errors"),
		}
	}
}

func streamBody(t *rapid.T, kind string, when time.Time, body map[string]any) {
	if stream := rapid.SampledFrom([]string{"", "s1", "s2", "s3"}).Draw(t, "stream"); stream != "" {
		body["streamId"] = stream
	}
	if kind == event.TypeStreamOnline && rapid.Bool().Draw(t, "stated") {
		early := time.Duration(rapid.IntRange(0, 10).Draw(t, "early")) * time.Minute
		body["startedAt"] = event.FormatTime(when.Add(-early))
	}
	if kind == event.TypeStreamUpdate || rapid.Bool().Draw(t, "viewers") {
		body["viewerCount"] = rapid.IntRange(0, 9).Draw(t, "viewerCount")
	}
	if kind == event.TypeTwitchUpdate {
		body["title"] = rapid.SampledFrom([]any{"x", "y", nil}).Draw(t, "title")
	}
}

// deliveries puts messages into a random order and repeats some of them.
func deliveries(t *rapid.T, label string, list []event.BusMessage) []event.BusMessage {
	repeated := append([]event.BusMessage{}, list...)
	for range rapid.IntRange(0, len(list)).Draw(t, label+" duplicates") {
		repeated = append(repeated, rapid.SampledFrom(list).Draw(t, label+" duplicate"))
	}
	return rapid.Permutation(repeated).Draw(t, label)
}

func TestAnyOrderAndAnyRepetitionGiveTheSameDocumentsAndHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := messages(t)
		one := newWorld(t).deliver(deliveries(t, "one order", list)...)
		other := newWorld(t).deliver(deliveries(t, "other order", list)...)
		one.sameAs(other, "two orders")
	})
}

// What a crash between storing and publishing swallows, the redelivery brings
// back: every transition that a merge found is published in the end.
func TestCrashesBetweenStoringAndPublishingLoseNoTransition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		queue := deliveries(t, "order", messages(t))
		w := newWorld(t)
		found, published := make(map[string]bool), make(map[string]bool)
		for len(queue) > 0 {
			m := queue[0]
			queue = queue[1:]
			u, err := source.Read(m)
			if err != nil {
				continue
			}
			names := make(map[string]bool)
			for _, transition := range w.apply(u).Transitions {
				names[u.Key.String()+string(encode(t, transition))] = true
			}
			maps.Copy(found, names)
			if rapid.IntRange(0, 2).Draw(t, "crash") == 0 {
				// Not acknowledged: it comes again, some time.
				i := rapid.IntRange(0, len(queue)).Draw(t, "comes again")
				queue = append(queue[:i:i], append([]event.BusMessage{m}, queue[i:]...)...)
				continue
			}
			maps.Copy(published, names)
		}
		for name := range found {
			if !published[name] {
				t.Fatalf("never published: %s", name)
			}
		}
	})
}

// The transitions of an in-order delivery are its history.
func TestInOrderDeliveryPublishesTheHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 20).Draw(t, "count")
		var list []event.BusMessage
		for i := range count {
			list = append(list, statusMessage(t, i))
		}
		w := newWorld(t).deliver(list...)
		published := make(map[string]source.Change)
		for _, change := range w.transitions {
			published[change.Key()] = change
		}
		history := w.history["twitch:1"]
		if len(published) != len(history) {
			t.Fatalf("%d transitions, %d entries", len(published), len(history))
		}
		for key, change := range history {
			if string(encode(t, change)) != string(encode(t, published[key])) {
				t.Fatalf("entry %s, transition %s", encode(t, change), encode(t, published[key]))
			}
		}
	})
}

func statusMessage(t *rapid.T, minute int) event.BusMessage {
	when := at("12:00:00").Add(time.Duration(minute) * time.Minute)
	body := map[string]any{"platform": "twitch", "id": "1", "observedAt": event.FormatTime(when)}
	statusBody(t, body)
	data, err := json.Marshal(map[string]any{
		"type": event.TypeSourceStatus, "correlationId": fmt.Sprint(minute), "payload": body,
	})
	if err != nil {
		t.Fatal(err)
	}
	return event.BusMessage{Data: data, PublishTime: when}
}
