package eventsub

import (
	"net/http"
	"testing"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

// TestEnvelopesWithoutARow compares whole the events that are none of the 22: what
// becomes a status, and what goes out by the general rule. Those of the 22 are
// TestRows's.
func TestEnvelopesWithoutARow(t *testing.T) {
	t.Parallel()
	const (
		channel = `"ingressAt":"2026-05-01T12:00:08.000Z","source":"ingress.twitch.eventsub","connector":"twitch","channel":"#examplechan"`
		none    = `"ingressAt":"2026-05-01T12:00:08.000Z","source":"ingress.twitch.eventsub","connector":"twitch"`
		people  = `"user_id":"555","user_login":"bot","user_name":"Bot","broadcaster_user_id":"1337","broadcaster_user_login":"examplechan","broadcaster_user_name":"ExampleChan"`
		bus     = `"userId":"555","userLogin":"bot","userDisplayName":"Bot","broadcasterId":"1337","broadcasterLogin":"examplechan","broadcasterDisplayName":"ExampleChan"`
		self    = `{"external":{"id":"1337","platform":"twitch","displayName":"ExampleChan","metadata":{"login":"examplechan"}}}`
	)
	for _, tt := range []struct {
		name, messageType, body             string
		kind, ingress, identity, egress     string
		eventKind, version, metadata, other string // other: what else externalEvent has
		payload                             string
	}{
		{
			name: "a revocation", messageType: twitch.MessageRevocation,
			body: `{"subscription":{"id":"sub","status":"authorization_revoked","type":"stream.online","version":"1",
				"condition":{"broadcaster_user_id":"1337"},"transport":{"method":"webhook","callback":"null"},"cost":0}}`,
			kind: event.TypeSourceStatus, ingress: none, egress: `"destination":"","connector":"twitch"`,
			identity:  `{"external":{"id":"1337","platform":"twitch","metadata":{}}}`,
			eventKind: "revocation", version: "1",
			metadata: `"subscriptionId":"sub","subscriptionType":"stream.online","condition":{"broadcasterId":"1337"}`,
			payload: `{"platform":"twitch","id":"1337","connector":"eventsub","status":"DISCONNECTED","authStatus":"REVOKED",
				"auth":{"reason":"authorization_revoked"},"observedAt":"2026-05-01T12:00:07.123Z",
				"lastError":{"code":"authorization_revoked","message":"Twitch revoked the subscription to stream.online","at":"2026-05-01T12:00:07.123Z"}}`,
		},
		{
			name: "a user who takes a grant back and is gone", messageType: twitch.MessageNotification,
			body: `{"subscription":{"type":"user.authorization.revoke","version":"1","condition":{"client_id":"c"}},
				"event":{"client_id":"c","user_id":"44","user_login":null,"user_name":null}}`,
			kind: event.TypeSourceStatus, ingress: none, egress: `"destination":"","connector":"twitch"`,
			identity:  `{"external":{"id":"44","platform":"twitch","metadata":{}}}`,
			eventKind: "user.authorization.revoke", version: "1",
			metadata: `"clientId":"c","userId":"44","userLogin":null,"userDisplayName":null`,
			other:    `,"rawPayload":{"client_id":"c","user_id":"44","user_login":null,"user_name":null}`,
			payload: `{"platform":"twitch","id":"44","authStatus":"REVOKED","auth":{"reason":"user.authorization.revoke"},
				"observedAt":"2026-05-01T12:00:07.123Z"}`,
		},
		{
			name: "a role of the bot", messageType: twitch.MessageNotification,
			body: `{"subscription":{"type":"channel.vip.remove","version":"1","condition":{"broadcaster_user_id":"1337"}},"event":{` + people + `}}`,
			kind: event.TypeSourceStatus, ingress: channel, egress: `"destination":"","connector":"twitch","channel":"#examplechan"`,
			identity: self, eventKind: "channel.vip.remove", version: "1", metadata: bus, other: `,"rawPayload":{` + people + `}`,
			payload: `{"platform":"twitch","id":"1337","roles":{"VIP":false},"observedAt":"2026-05-01T12:00:07.123Z"}`,
		},
		{
			name: "a type that nobody knows", messageType: twitch.MessageNotification,
			body: `{"subscription":{"type":"channel.something.new","version":"beta","condition":{"broadcaster_user_id":"1337"}},
				"event":{"id":"e-1","thing_at":"2026-05-01T12:00:00Z",` + people + `}}`,
			kind: "system.twitch.something.new", ingress: channel, egress: `"destination":"","connector":"twitch","channel":"#examplechan"`,
			identity: self, eventKind: "channel.something.new", version: "beta",
			metadata: `"id":"e-1","thingAt":"2026-05-01T12:00:00.000Z",` + bus,
			other:    `,"rawPayload":{"id":"e-1","thing_at":"2026-05-01T12:00:00Z",` + people + `}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, rec := newHandler(t)
			m := notification(tt.body)
			m.kind = tt.messageType
			wantStatus(t, serve(h, m.request()), http.StatusNoContent)
			id := event.NewID(messageID)
			want := object(t, []byte(`{"v":"2","type":"`+tt.kind+`","correlationId":"`+id+`","ingress":{`+tt.ingress+`},"identity":`+tt.identity+
				`,"egress":{`+tt.egress+`},"externalEvent":{"id":"eventsub-`+id+`","source":"twitch.eventsub","kind":"`+tt.eventKind+
				`","version":"`+tt.version+`","createdAt":"2026-05-01T12:00:07.123Z","metadata":{`+tt.metadata+
				`,"observedAt":"2026-05-01T12:00:07.123Z"}`+tt.other+`},"routing":{"stage":"initial","slip":[],"history":[]}}`))
			if tt.payload != "" {
				want["payload"] = map[string]any(object(t, []byte(tt.payload)))
			}
			wantMessage(t, rec, want)
		})
	}
}
