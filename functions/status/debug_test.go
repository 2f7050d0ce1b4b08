package status

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

// listed are subscriptions as a test has them.
type listed struct {
	list twitch.SubscriptionList
	err  error
}

func (l listed) Subscriptions(context.Context) (twitch.SubscriptionList, error) { return l.list, l.err }

const bearer = "t0ken-0123456789"

func TestDebuggingIsForBearersOfTheToken(t *testing.T) {
	t.Parallel()
	h := New(Config{DebugToken: bearer}, keep(t), silent())
	tests := []struct {
		name, header string
		status       int
	}{
		{"the token", "Bearer " + bearer, 200},
		{"the token, with the scheme in other letters", "bearer  " + bearer, 200},
		{"no token", "", 401},
		{"an empty token", "Bearer ", 401},
		{"another token", "Bearer " + strings.ToUpper(bearer), 401},
		{"the beginning of the token", "Bearer " + bearer[:5], 401},
		{"more than the token", "Bearer " + bearer + "x", 401},
		{"another scheme", "Basic " + bearer, 401},
		{"the token alone", bearer, 401},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := with(t, h, "/_debug/twitch", "Authorization", test.header)
			if r.StatusCode != test.status || (r.Header.Get("Www-Authenticate") != "") != (test.status == 401) {
				t.Errorf("answered %d, %v", r.StatusCode, r.Header)
			}
			if r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control %q", r.Header.Get("Cache-Control"))
			}
		})
	}
	// In the address it would be in logs.
	if r := get(t, h, "/_debug/twitch?token="+bearer); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("a token in the query is answered %d", r.StatusCode)
	}
	if r := with(t, New(Config{}, keep(t), silent()), "/_debug/twitch", "Authorization", "Bearer "); r.StatusCode != http.StatusNotFound {
		t.Errorf("without a token set: %d", r.StatusCode)
	}
}

func TestDebuggingShowsWhatThereIs(t *testing.T) {
	t.Parallel()
	d := document("twitch", "1")
	d.AuthStatus, d.Auth = source.Valid, &source.Auth{Scopes: []string{"chat:read"}, At: source.Time{Time: now}}
	d.Metadata = source.Metadata{"login": "examplechan"}
	d.Bookkeeping = &source.Bookkeeping{State: []byte("opaque")}
	s := keep(t, d, document("slack", "1"))
	records := map[string]any{latestName: map[string]any{"at": "x"}, reportName: map[string]any{
		"status": "ok",
		"answers": []any{
			map[string]any{"connector": "irc", "body": `{"state":"CONNECTED","n":1.5}`},
			map[string]any{"connector": "kick", "body": "<h1>Bad gateway"},
		},
	}}
	if err := s.Write(t.Context(), store.Heartbeat, records); err != nil {
		t.Fatal(err)
	}
	seen := map[string]any{"stream.online": map[string]any{"type": "stream.online"}, "channel.update": map[string]any{"type": "channel.update"}}
	if err := s.Write(t.Context(), store.Webhooks, seen); err != nil {
		t.Fatal(err)
	}
	h := New(Config{DebugToken: bearer, Redact: true}, s, silent())
	h.twitch = listed{list: twitch.SubscriptionList{
		TotalCost: 1, MaxTotalCost: 10_000,
		Subscriptions: []twitch.Subscription{
			{ID: "a", Type: "stream.online", Version: "1", Status: "enabled", Condition: event.Object{"broadcaster_user_id": "1"}, Cost: 1,
				Callback: "https://x/", CreatedAt: now},
			{ID: "b", Type: "channel.update", Version: "2", Status: "webhook_callback_verification_failed", Condition: event.Object{}},
		},
	}}
	auth := map[string]any{"scopes": []any{"chat:read"}, "at": "2026-05-01T12:00:07.120Z"}
	want := map[string]any{
		"subscriptions": map[string]any{
			"total": 2.0, "totalCost": 1.0, "maxTotalCost": 10_000.0,
			"byStatus": map[string]any{"enabled": 1.0, "webhook_callback_verification_failed": 1.0},
			"subscriptions": []any{
				map[string]any{
					"id": "b", "type": "channel.update", "version": "2", "status": "webhook_callback_verification_failed",
					"condition": map[string]any{}, "cost": 0.0,
				},
				map[string]any{
					"id": "a", "type": "stream.online", "version": "1", "status": "enabled", "cost": 1.0,
					"condition": map[string]any{"broadcaster_user_id": "1"}, "callback": "https://x/", "createdAt": "2026-05-01T12:00:07.120Z",
				},
			},
		},
		"tokens":   []any{map[string]any{"source": "twitch:1", "authStatus": "VALID", "auth": auth}},
		"webhooks": []any{map[string]any{"type": "channel.update"}, map[string]any{"type": "stream.online"}},
		"channels": []any{map[string]any{
			"id": "1", "platform": "twitch", "authStatus": "VALID", "auth": auth, "metadata": map[string]any{"login": "examplechan"},
			"createdAt": "2026-05-01T12:00:07.120Z", "updatedAt": "2026-05-01T12:00:07.120Z",
		}},
		"latest": map[string]any{"at": "x"},
		"report": map[string]any{"status": "ok"},
		"connectors": map[string]any{
			"irc": map[string]any{"state": "CONNECTED", "n": 1.5}, "kick": "<h1>Bad gateway",
		},
	}
	if diff := cmp.Diff(want, decoded(t, with(t, h, "/_debug/twitch", "Authorization", "Bearer "+bearer), http.StatusOK)); diff != "" {
		t.Errorf("debugging (-want +got):\n%s", diff)
	}

	h.twitch = listed{err: errors.New("listing subscriptions: 503")}
	got := decoded(t, with(t, h, "/_debug/twitch", "Authorization", "Bearer "+bearer), http.StatusOK)
	if got["subscriptionsError"] != "listing subscriptions: 503" || got["subscriptions"] != nil || got["latest"] == nil {
		t.Errorf("while Twitch does not answer: %v", got)
	}
}

func TestDebuggingWithoutARecordOrAStore(t *testing.T) {
	t.Parallel()
	got := decoded(t, with(t, New(Config{DebugToken: bearer}, keep(t), silent()), "/_debug/twitch", "Authorization", "Bearer "+bearer), http.StatusOK)
	want := map[string]any{
		"subscriptionsError": "TWITCH_CLIENT_ID and TWITCH_CLIENT_SECRET are not set", "tokens": []any{}, "webhooks": []any{}, "connectors": map[string]any{},
		"channels": []any{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("with nothing there (-want +got):\n%s", diff)
	}
	broken := New(Config{DebugToken: bearer}, failing{errors.New("down")}, silent())
	if r := with(t, broken, "/_debug/twitch", "Authorization", "Bearer "+bearer); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without a store: %d", r.StatusCode)
	}
}
