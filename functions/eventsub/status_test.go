package eventsub

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

const sentAt = "2026-05-01T12:00:07.123Z" // timestamp as the bus writes it

// statusEvent is the one event that a message is published as, which must be a
// system.source.status.
func statusEvent(t *testing.T, m webhook) event.Object {
	t.Helper()
	h, rec := newHandler(t)
	wantStatus(t, serve(h, m.request()), http.StatusNoContent)
	e := onlyEvent(t, rec)
	if got := e.Text("type"); got != event.TypeSourceStatus {
		t.Fatalf("type = %q, want %q", got, event.TypeSourceStatus)
	}
	return e
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	disconnected := func(id, reason string) map[string]any {
		return map[string]any{
			"platform": "twitch", "id": id, "connector": "eventsub", "status": "DISCONNECTED",
			"lastError": map[string]any{
				"code": reason, "message": "Twitch revoked the subscription to stream.online", "at": sentAt,
			},
			"observedAt": sentAt,
		}
	}
	revoked := disconnected("1337", "authorization_revoked")
	revoked["authStatus"] = "REVOKED"
	revoked["auth"] = map[string]any{"reason": "authorization_revoked"}

	for _, tt := range []struct {
		name, status, condition string
		want                    map[string]any
	}{
		{"authorization_revoked is about the authorization, too", `"authorization_revoked"`, `{"broadcaster_user_id":"1337"}`, revoked},
		{"user_removed", `"user_removed"`, `{"broadcaster_user_id":"1337"}`, disconnected("1337", "user_removed")},
		{"notification_failures_exceeded", `"notification_failures_exceeded"`, `{"broadcaster_user_id":"1337"}`, disconnected("1337", "notification_failures_exceeded")},
		{"version_removed", `"version_removed"`, `{"broadcaster_user_id":"1337"}`, disconnected("1337", "version_removed")},
		{"moderator_removed", `"moderator_removed"`, `{"broadcaster_user_id":"1337","moderator_user_id":"555"}`, disconnected("1337", "moderator_removed")},
		{"a reason of the future", `"something_new"`, `{"broadcaster_user_id":"1337"}`, disconnected("1337", "something_new")},
		{"no reason", `null`, `{"broadcaster_user_id":"1337"}`, disconnected("1337", "unknown")},
		{"an id that is a number", `"user_removed"`, `{"broadcaster_user_id":1337}`, disconnected("1337", "user_removed")},
		{"a chat read as the bot is about the channel", `"chat_user_banned"`, `{"broadcaster_user_id":"1337","user_id":"555"}`, disconnected("1337", "chat_user_banned")},
		{"raids to a channel", `"user_removed"`, `{"to_broadcaster_user_id":"1337","from_broadcaster_user_id":""}`, disconnected("1337", "user_removed")},
		{"raids from a channel", `"user_removed"`, `{"to_broadcaster_user_id":"","from_broadcaster_user_id":"1338"}`, disconnected("1338", "user_removed")},
		{"a user", `"user_removed"`, `{"user_id":"44","client_id":"c"}`, disconnected("44", "user_removed")},
		{"an id with a slash", `"user_removed"`, `{"broadcaster_user_id":"a/b"}`, disconnected("a/b", "user_removed")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := notification(`{"subscription":{"id":"sub","type":"stream.online","version":"1","status":` + tt.status + `,"condition":` + tt.condition + `}}`)
			m.kind = twitch.MessageRevocation
			e := statusEvent(t, m)
			if diff := cmp.Diff(tt.want, e["payload"]); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
			if got := e.Object("identity").Object("external").Text("id"); got != tt.want["id"] {
				t.Errorf("identity.external.id = %q, want %q", got, tt.want["id"])
			}
			x := e.Object("externalEvent")
			if x.Text("kind") != "revocation" || x.Text("version") != "1" || x.Has("rawPayload") {
				t.Errorf("externalEvent = %v", x)
			}
		})
	}
}

func TestRevocationWithoutTheTypeOfItsSubscription(t *testing.T) {
	t.Parallel()
	m := notification(`{"subscription":{"status":"user_removed","condition":{"broadcaster_user_id":"1337"}}}`)
	m.kind = twitch.MessageRevocation
	for header, want := range map[string]string{
		"":               "Twitch revoked a subscription",
		"stream.offline": "Twitch revoked the subscription to stream.offline",
	} {
		h, rec := newHandler(t)
		r := m.request()
		r.Header.Set(twitch.HeaderSubscriptionType, header)
		wantStatus(t, serve(h, r), http.StatusNoContent)
		if got := onlyEvent(t, rec).Object("payload").Object("lastError").Text("message"); got != want {
			t.Errorf("message = %q, want %q", got, want)
		}
	}
}

func TestRevocationOfNoSourceIsOnlyLogged(t *testing.T) {
	t.Parallel()
	for _, subscription := range []string{
		`{}`, `{"condition":null}`, `{"condition":{}}`, `{"condition":{"client_id":"c"},"status":"authorization_revoked"}`,
		`{"condition":{"broadcaster_user_id":""}}`, `{"condition":[]}`,
	} {
		h, rec := newHandler(t)
		m := notification(`{"subscription":` + subscription + `}`)
		m.kind = twitch.MessageRevocation
		wantStatus(t, serve(h, m.request()), http.StatusNoContent)
		if messages := rec.take(); len(messages) != 0 {
			t.Errorf("%s: published %+v", subscription, messages)
		}
	}
}

// TestRevocationIgnoresAgeAndMemory: both are about notifications (design section 8).
func TestRevocationIgnoresAgeAndMemory(t *testing.T) {
	t.Parallel()
	h, rec := newHandler(t)
	m := notification(`{"subscription":{"status":"user_removed","condition":{"broadcaster_user_id":"1337"}}}`)
	m.kind, m.timestamp = twitch.MessageRevocation, "2020-01-01T00:00:00Z"
	for range 2 {
		wantStatus(t, serve(h, m.request()), http.StatusNoContent)
		onlyEvent(t, rec)
	}
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	payload := func(authStatus, reason string) map[string]any {
		return map[string]any{
			"platform": "twitch", "id": "44", "authStatus": authStatus,
			"auth": map[string]any{"reason": reason}, "observedAt": sentAt,
		}
	}
	granted := payload("VALID", "user.authorization.grant")
	granted["displayName"] = "SomeUser"
	for _, tt := range []struct {
		name, kind, event string
		want              map[string]any
	}{
		{"a grant", "user.authorization.grant",
			`{"client_id":"c","user_id":"44","user_login":"someuser","user_name":"SomeUser"}`, granted},
		{"a revoke of a user whose account is gone", "user.authorization.revoke",
			`{"client_id":"c","user_id":"44","user_login":null,"user_name":null}`, payload("REVOKED", "user.authorization.revoke")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := statusEvent(t, notification(`{"subscription":{"type":"`+tt.kind+`","version":"1","condition":{"client_id":"c"}},"event":`+tt.event+`}`))
			if diff := cmp.Diff(tt.want, e["payload"]); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
			if got := e.Object("externalEvent").Text("kind"); got != tt.kind {
				t.Errorf("externalEvent.kind = %q, want %q", got, tt.kind)
			}
			if got := e.Object("identity").Object("external").Text("id"); got != "44" {
				t.Errorf("identity.external.id = %q", got)
			}
		})
	}
}

func TestRolesOfTheBot(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind, role string
		granted    bool
	}{
		{"channel.moderator.add", "MODERATOR", true},
		{"channel.moderator.remove", "MODERATOR", false},
		{"channel.vip.add", "VIP", true},
		{"channel.vip.remove", "VIP", false},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			t.Parallel()
			e := statusEvent(t, notification(roleBody(tt.kind, `"555"`)))
			want := map[string]any{
				"platform": "twitch", "id": "1337", "roles": map[string]any{tt.role: tt.granted}, "observedAt": sentAt,
			}
			if diff := cmp.Diff(want, e["payload"]); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
			external := map[string]any{
				"id": "1337", "platform": "twitch", "displayName": "ExampleChan", "metadata": map[string]any{"login": "examplechan"},
			}
			if diff := cmp.Diff(external, e.Object("identity")["external"]); diff != "" {
				t.Errorf("identity.external (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("an id that is a number is the bot all the same", func(t *testing.T) {
		t.Parallel()
		statusEvent(t, notification(roleBody("channel.vip.add", "555")))
	})
}

func TestRolesOfOthersAreEventsLikeAny(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, bot, user string }{
		{"another user", "555", `"556"`},
		{"no bot configured", "", `"555"`},
		{"no bot configured and no user", "", `""`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, rec := newHandler(t)
			h.BotUserID = tt.bot
			wantStatus(t, serve(h, notification(roleBody("channel.moderator.remove", tt.user)).request()), http.StatusNoContent)
			e := onlyEvent(t, rec)
			if e.Text("type") != "system.twitch.moderator.remove" || e.Has("payload") {
				t.Errorf("event = %v", e)
			}
		})
	}
}

func roleBody(kind, user string) string {
	return `{"subscription":{"type":"` + kind + `","version":"1","condition":{"broadcaster_user_id":"1337"}},"event":{"user_id":` + user +
		`,"user_login":"bot","user_name":"Bot","broadcaster_user_id":"1337","broadcaster_user_login":"examplechan","broadcaster_user_name":"ExampleChan"}}`
}
