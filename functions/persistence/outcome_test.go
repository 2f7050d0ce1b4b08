package persistence

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
)

func TestEventsThatConcernNoSourceAreAcknowledgedAndCounted(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		body string
	}{
		{"chat", `{"type":"chat.message.v1","message":{"text":"hi"}}`},
		{"a type of the platform that is not ours", `{"type":"system.twitch.raid","payload":{"platform":"twitch","id":"1"}}`},
		{"a transition, be it our own", `{"type":"system.source.transition","payload":{"platform":"twitch","id":"1"}}`},
		{"a dead letter", `{"type":"router.deadletter.v1","payload":{"reason":"no_identity"}}`},
		{"an early EventSub event of another kind", `{"type":"twitch.eventsub.v1","externalEvent":{"kind":"channel.follow"}}`},
		{"a connector that is undefined", `{"type":"connector.status.changed","connector":"undefined","currentState":"ERROR","timestamp":"2026-05-01T12:00:00Z"}`},
		{"a connector without an id", `{"type":"connector.status.changed","connector":"slack","currentState":"ERROR"}`},
		{"a type with control characters", `{"type":"a\u0000b\nc"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.deliver(t, event.BusMessage{ID: "m-1", Data: []byte(test.body), PublishTime: sent}, http.StatusNoContent)
			if outcome := b.outcome(t); outcome != outcomeIgnored {
				t.Errorf("logged as %q", outcome)
			}
			b.quiet(t)
			if documents := snapshot(t, b.store); len(documents) != 0 {
				t.Errorf("stored %v", documents)
			}
		})
	}
}

func TestOneLineIsLoggedForAnEvent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	line := func(outcome string, transitions string) []event.Object {
		return []event.Object{{
			"level": "INFO", "msg": "event handled", "outcome": outcome, "messageId": "m-1", "type": "system.source.status",
			"source": "slack:a", "eventId": "c-1", "transitions": transitions,
		}}
	}
	for _, step := range []struct {
		name string
		want []event.Object
	}{
		{"the first time", line(outcomeStored, "1")},
		{"again", line(outcomeUnchanged, "1")},
	} {
		b.deliver(t, connected(t), http.StatusNoContent)
		got := b.log.take(t)
		for _, l := range got {
			l["transitions"] = l.Text("transitions")
			delete(l, "time")
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

// authorization is what EventSub makes of a user.authorization.* event, which
// anyone can cause for an account of theirs.
func authorization(t tester, kind, authStatus string) event.BusMessage {
	t.Helper()
	m := message(t, event.Object{
		"v": "2", "type": event.TypeSourceStatus, "correlationId": "auth-" + authStatus,
		"ingress":       event.Object{"ingressAt": "2026-05-01T12:00:01.000Z", "source": "ingress.twitch.eventsub", "connector": "twitch"},
		"externalEvent": event.Object{"id": "x", "source": "twitch.eventsub", "kind": kind, "createdAt": "2026-05-01T12:00:01.000Z"},
		"payload": event.Object{
			"platform": "twitch", "id": "77", "authStatus": authStatus, "auth": event.Object{"reason": kind},
		},
	})
	m.Attributes = event.Attributes{"type": event.TypeSourceStatus}
	return m
}

func TestAuthorizationEventsCreateNoDocument(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, m := range []event.BusMessage{
		authorization(t, "user.authorization.grant", "VALID"), authorization(t, "user.authorization.revoke", "REVOKED"),
	} {
		b.deliver(t, m, http.StatusNoContent)
		if outcome := b.outcome(t); outcome != outcomeUnknownSource {
			t.Errorf("logged as %q", outcome)
		}
	}
	b.quiet(t)
	if documents := snapshot(t, b.store); len(documents) != 0 {
		t.Errorf("stored %v", documents)
	}

	b.deliver(t, status(t, event.Object{"platform": "twitch", "id": "77", "status": "CONNECTED"}), http.StatusNoContent)
	b.deliver(t, authorization(t, "user.authorization.revoke", "REVOKED"), http.StatusNoContent)
	if d := document(t, b.store, "twitch:77"); d.AuthStatus != "REVOKED" {
		t.Errorf("authStatus of the document that exists is %q", d.AuthStatus)
	}
}
