package persistence

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
)

func TestWhatCanNeverSucceedIsDeadLettered(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 12000) + "1" + strings.Repeat("}", 12000)
	tests := []struct {
		name   string
		data   string
		reason string
	}{
		{"no data at all", ``, "not_json"},
		{"cut off", `{"type":"system.source.status","payload":{`, "not_json"},
		{"bytes that are no text", "\xff\xfe{}", "not_json"},
		{"nested deeper than anything reads", deep, "not_json"},
		{"a list", `[1,2,3]`, "not_an_object"},
		{"a text", `"{}"`, "not_an_object"},
		{"no type anywhere", `{"payload":{"platform":"slack","id":"a"}}`, "no_type"},
		{"no identity", `{"type":"system.source.status","payload":{"status":"ERROR"}}`, "no_identity"},
		{"an empty id", `{"type":"system.source.status","payload":{"platform":"slack","id":""}}`, "no_identity"},
		{"no platform", `{"type":"system.source.status","payload":{"id":"a"}}`, "no_identity"},
		{"a platform that nobody knows", `{"type":"system.stream.online","payload":{"platform":"unknown","broadcasterId":"1"}}`, "no_identity"},
		{"an id of 600 characters", `{"type":"system.source.status","payload":{"platform":"slack","id":"` + strings.Repeat("a", 600) + `"}}`, "no_identity"},
		{"an id of 513 bytes", `{"type":"system.source.status","payload":{"platform":"slack","id":"` + strings.Repeat("é", 256) + `a"}}`, "no_identity"},
		{"an id with control characters", `{"type":"system.source.status","payload":{"platform":"slack","id":"a\u0000b"}}`, "no_identity"},
		{"an id with a line break", `{"type":"system.stream.offline","payload":{"platform":"twitch","broadcasterId":"1\n2"}}`, "no_identity"},
		{"a platform with a slash", `{"type":"system.source.status","payload":{"platform":"a/b","id":"1"}}`, "no_identity"},
		{"a platform that the store keeps for itself", `{"type":"system.source.status","payload":{"platform":"__a","id":"1__"}}`, "no_identity"},
		{"an id that is an object", `{"type":"system.source.status","payload":{"platform":"slack","id":{}}}`, "no_identity"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			m := event.BusMessage{ID: "m-1", Data: []byte(test.data), Attributes: event.Attributes{"x": "y"}, PublishTime: sent}
			b.deliver(t, m, http.StatusNoContent)
			if outcome := b.outcome(t); outcome != outcomeDeadLettered {
				t.Errorf("logged as %q", outcome)
			}
			letter, sent := b.letter(t)
			payload := letter.Object("payload")
			if payload.Text("reason") != test.reason || payload.Object("error").Text("message") == "" {
				t.Errorf("reason %q, error %v", payload.Text("reason"), payload["error"])
			}
			if letter.Text("correlationId") == "" || sent.Attributes["correlationId"] != letter.Text("correlationId") {
				t.Errorf("correlationId %q, attributes %v", letter.Text("correlationId"), sent.Attributes)
			}
			if diff := cmp.Diff(m, original(t, payload)); diff != "" {
				t.Errorf("the original (-sent +kept):\n%s", diff)
			}
			if documents := snapshot(t, b.store); len(documents) != 0 {
				t.Errorf("stored %v", documents)
			}
		})
	}
}

// original is the message that a dead letter keeps.
func original(t tester, payload event.Object) event.BusMessage {
	t.Helper()
	kept, err := base64.StdEncoding.DecodeString(payload.Text("original"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := event.DecodePush([]byte(`{"message":` + string(kept) + `}`))
	if err != nil {
		t.Fatal(err)
	}
	if m.Data == nil {
		m.Data = []byte{}
	}
	return m
}

// What the envelope says outside its payload is the original's, else the
// function's own (bus contract, section 9).
func TestTheEnvelopeOfADeadLetter(t *testing.T) {
	t.Parallel()
	t.Run("of a whole event", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		root := event.Object{
			"v": "2", "type": event.TypeSourceStatus, "correlationId": "c-1", "traceId": "t-1",
			"ingress":  map[string]any{"ingressAt": "2026-05-01T12:00:00.000Z", "source": "ingress.slack", "connector": "system", "channel": "#x"},
			"identity": map[string]any{"external": map[string]any{"id": "9", "platform": "slack", "displayName": "Nine"}, "user": map[string]any{"a": "b"}},
			"egress":   map[string]any{"destination": "there", "connector": "system"},
			"routing":  map[string]any{"stage": "reaction", "slip": []any{"s"}, "history": []any{}},
			"payload":  map[string]any{"status": "ERROR"},
		}
		b.deliver(t, message(t, root), http.StatusNoContent)
		letter, m := b.letter(t)
		letter["payload"].(map[string]any)["original"] = "checked elsewhere"
		want := event.Object{
			"v": "2", "type": "router.deadletter.v1", "correlationId": "c-1", "traceId": "t-1",
			"ingress": root["ingress"], "identity": root["identity"], "egress": root["egress"], "routing": root["routing"],
			"payload": map[string]any{
				"reason":     "no_identity",
				"error":      map[string]any{"code": "invalid", "message": "the event names no platform or no id that can be used"},
				"lastStepId": "persistence", "originalType": "system.source.status", "slipSummary": "[]",
				"originalPayloadPreview": map[string]any{"status": "ERROR"},
				"egressSource":           "ingress.slack", "metadata": map[string]any{}, "original": "checked elsewhere",
			},
		}
		if diff := cmp.Diff(want, letter); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
		attributes := event.Attributes{
			"type": "router.deadletter.v1", "source": "ingress.slack", "correlationId": "c-1", "idempotencyKey": "c-1", "platform": "slack",
		}
		if diff := cmp.Diff(attributes, m.Attributes); diff != "" {
			t.Errorf("attributes (-want +got):\n%s", diff)
		}
	})
	t.Run("of what is no event", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.deliver(t, event.BusMessage{
			ID: "m-1", Data: []byte(`{`), PublishTime: sent,
			Attributes: event.Attributes{"type": "system.stream.online", "source": "ingress.kick"},
		}, http.StatusNoContent)
		letter, _ := b.letter(t)
		for name, want := range map[string]event.Object{
			"identity": {"external": map[string]any{"id": "unknown", "platform": "system"}},
			"egress":   {"destination": "deadletter"},
			"ingress":  {"ingressAt": event.FormatTime(now), "source": "persistence", "connector": "system"},
			"routing":  {"stage": "initial", "slip": []any{}, "history": []any{}},
		} {
			if diff := cmp.Diff(want, letter.Object(name)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		payload := letter.Object("payload")
		if payload.Text("originalType") != "system.stream.online" || payload.Text("egressSource") != "ingress.kick" ||
			payload.Text("originalPayloadPreview") != "{" {
			t.Errorf("payload %v", payload)
		}
	})
	t.Run("of a long one", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.deliver(t, status(t, event.Object{"status": strings.Repeat("x", 2000)}), http.StatusNoContent)
		letter, _ := b.letter(t)
		preview := letter.Object("payload").Object("originalPayloadPreview")
		if cut, ok := preview.Bool("truncated"); !ok || !cut || preview.Text("length") != fmt.Sprint(2000+len(`{"status":""}`)) {
			t.Errorf("preview %v", preview)
		}
	})
}

// The correlationId that a dead letter gets because the original has none is that
// of the body, so that a redelivery makes the same letter.
func TestARedeliveryMakesTheSameDeadLetter(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	m := event.BusMessage{ID: "m-1", Data: []byte(`[]`), PublishTime: sent}
	b.deliver(t, m, http.StatusNoContent)
	first, _ := b.letter(t)
	m.ID = "m-2"
	b.deliver(t, m, http.StatusNoContent)
	if again, _ := b.letter(t); again.Text("correlationId") != first.Text("correlationId") {
		t.Errorf("correlationId %q, then %q", first.Text("correlationId"), again.Text("correlationId"))
	}
}

// Pub/Sub refuses a message with an attribute over 1024 bytes, so a dead letter
// that repeats the original's words would never get away.
func TestADeadLetterFitsThroughTheBus(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 600)
	b := newBench(t)
	b.deliver(t, message(t, event.Object{
		"type": event.TypeSourceStatus, "correlationId": long,
		"ingress":  event.Object{"source": long, "ingressAt": "2026-05-01T12:00:00.000Z"},
		"identity": event.Object{"external": event.Object{"id": "1", "platform": long}},
		"payload":  event.Object{"platform": long, "id": "1"},
	}), http.StatusNoContent)
	letter, m := b.letter(t)
	for name, value := range m.Attributes {
		if len(value) > 1024 {
			t.Errorf("attribute %s has %d bytes", name, len(value))
		}
	}
	if letter.Text("correlationId") != long {
		t.Error("the body has another correlationId than the original")
	}
}
