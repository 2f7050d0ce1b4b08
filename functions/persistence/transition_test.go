package persistence

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
)

// failing is the status that makes the document slack:a worse.
func failing(t tester) event.BusMessage {
	t.Helper()
	return message(t, event.Object{
		"v": "2", "type": event.TypeSourceStatus, "correlationId": "c-2",
		"ingress": event.Object{"ingressAt": "2026-05-01T12:00:00.500Z", "source": "ingress.slack"},
		"payload": event.Object{"platform": "slack", "id": "a", "status": "ERROR", "lastError": event.Object{"code": "socket_error", "message": "boom"}},
	})
}

func TestATransitionAsTheBusCarriesIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.deliver(t, connected(t), http.StatusNoContent)
	first := b.rec.take()
	b.deliver(t, failing(t), http.StatusNoContent)
	second := b.rec.take()
	if len(first) != 1 || len(second) != 1 || second[0].Topic != bus.Transition {
		t.Fatalf("published %v and %v, want a transition each", first, second)
	}
	id := event.NewID("slack:a/status/c-2")
	want := event.Object{
		"v": "2", "type": "system.source.transition", "correlationId": id,
		"ingress":  map[string]any{"ingressAt": "2026-05-01T12:00:00.500Z", "source": "persistence", "connector": "system"},
		"identity": map[string]any{"external": map[string]any{"id": "a", "platform": "slack"}},
		"egress":   map[string]any{"destination": "", "connector": "system"},
		"payload": map[string]any{
			"platform": "slack", "id": "a", "facet": "status", "from": "CONNECTED", "to": "ERROR",
			"at": "2026-05-01T12:00:00.500Z", "eventId": "c-2", "reason": "socket_error", "by": "ingress.slack",
		},
		"routing": map[string]any{"stage": "initial", "slip": []any{}, "history": []any{}},
	}
	if diff := cmp.Diff(want, object(t, second[0].Message.Data)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	attributes := event.Attributes{
		"type": "system.source.transition", "source": "persistence", "correlationId": id, "idempotencyKey": id, "platform": "slack",
	}
	if diff := cmp.Diff(attributes, second[0].Message.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if object(t, first[0].Message.Data).Object("payload").Has("from") {
		t.Error("a transition from the unknown has a from")
	}
}

func TestPermissionsAreAListInATransition(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i, roles := range []event.Object{{"MODERATOR": true, "VIP": true}, {"MODERATOR": false, "VIP": false}} {
		m := message(t, event.Object{
			"type": event.TypeSourceStatus, "correlationId": "c-" + string(rune('1'+i)),
			"payload": event.Object{"platform": "twitch", "id": "1", "roles": roles},
		})
		b.deliver(t, m, http.StatusNoContent)
	}
	var got []any
	for _, p := range b.rec.take() {
		payload := object(t, p.Message.Data).Object("payload")
		got = append(got, payload["from"], payload["to"])
	}
	if diff := cmp.Diff([]any{nil, []any{"MODERATOR", "VIP"}, []any{"MODERATOR", "VIP"}, []any{}}, got); diff != "" {
		t.Errorf("from and to (-want +got):\n%s", diff)
	}
}
