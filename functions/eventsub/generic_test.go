package eventsub

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
)

// generalEvent is what a notification of a type is published as.
func generalEvent(t *testing.T, subscription, data string) event.Object {
	t.Helper()
	h, rec := newHandler(t)
	wantStatus(t, serve(h, notification(`{"subscription":`+subscription+`,"event":`+data+`}`).request()), http.StatusNoContent)
	return onlyEvent(t, rec)
}

func TestTypesWithoutARow(t *testing.T) {
	t.Parallel()
	for twitch, want := range map[string]string{
		"channel.ad_break.begin":      "system.twitch.ad_break.begin",
		"channel.shield_mode.begin":   "system.twitch.shield_mode.begin",
		"conduit.shard.disabled":      "system.twitch.conduit.shard.disabled",
		"user.update":                 "system.twitch.user.update",
		"user.whisper.message":        "system.twitch.user.whisper.message",
		"automod.message.hold":        "system.twitch.automod.message.hold",
		"channel.hype_train.v2-begin": "system.twitch.hype_train.v2-begin",
		"something":                   "system.twitch.something",
		strings.Repeat("x", 100):      "system.twitch." + strings.Repeat("x", 100),
		"user.authorization.other":    "system.twitch.user.authorization.other",
		"channel.channel.x":           "system.twitch.channel.x",
	} {
		t.Run(twitch, func(t *testing.T) {
			t.Parallel()
			e := generalEvent(t, `{"type":"`+twitch+`"}`, `{"broadcaster_user_id":"1337"}`)
			if got := e.Text("type"); got != want {
				t.Errorf("type = %q, want %q", got, want)
			}
		})
	}
}

func TestGenericMetadata(t *testing.T) {
	t.Parallel()
	e := generalEvent(t, `{"type":"channel.ad_break.begin","version":"1"}`, `{
		"duration_seconds":60, "is_automatic":false, "started_at":"2026-05-01T12:00:00.987654321+02:00", "ended_at":"later", "next_ad_at":null,
		"broadcaster_user_id":1337, "broadcaster_user_login":"examplechan", "broadcaster_user_name":"ExampleChan",
		"requester_user_id":12, "from_broadcaster_user_name":"A", "target_user_login":"t", "moderator_user_id":"m", "chatter_user_name":"C",
		"deep":{"user_id":7,"list":[{"user_name":"U","created_at":"2026-05-01T12:00:00Z"},3,"x",null]},
		"observed_at":"2020-01-01T00:00:00Z","userId":"loses","user_id":"wins","_x":1,"y_":2,"a__b":3,"_":4,"":5,"UPPER_CASE":6,"n_2_d":7}`)
	want := map[string]any{
		"durationSeconds": number("60"), "isAutomatic": false, "startedAt": "2026-05-01T10:00:00.987Z", "endedAt": "later", "nextAdAt": nil,
		"broadcasterId": "1337", "broadcasterLogin": "examplechan", "broadcasterDisplayName": "ExampleChan",
		"requesterUserId": "12", "raidingBroadcasterDisplayName": "A", "targetUserLogin": "t", "moderatorId": "m", "chatterDisplayName": "C",
		"deep": map[string]any{"userId": "7", "list": []any{
			map[string]any{"userDisplayName": "U", "createdAt": "2026-05-01T12:00:00.000Z"}, number("3"), "x", nil,
		}},
		"observedAt": sentAt, "userId": "wins", "_x": number("1"), "y_": number("2"), "aB": number("3"), "_": number("4"), "": number("5"),
		"UPPERCASE": number("6"), "n2D": number("7"),
	}
	if diff := cmp.Diff(want, e.Object("externalEvent")["metadata"]); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if got := e.Object("externalEvent").Text("createdAt"); got != sentAt {
		t.Errorf("createdAt = %q, want %q", got, sentAt)
	}
}

func TestGenericIdentity(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("9", 600)
	for _, tt := range []struct{ name, condition, event, want string }{
		{"the broadcaster first", `{"broadcaster_user_id":"9"}`,
			`{"broadcaster_user_id":"1337","broadcaster_user_login":"examplechan","broadcaster_user_name":"ExampleChan","user_id":"44"}`,
			`{"id":"1337","platform":"twitch","displayName":"ExampleChan","metadata":{"login":"examplechan"}}`},
		{"then the user", `{"broadcaster_user_id":"9"}`, `{"user_id":"44","user_login":"someuser","user_name":"SomeUser"}`,
			`{"id":"44","platform":"twitch","displayName":"SomeUser","metadata":{"login":"someuser"}}`},
		{"then the condition's broadcaster", `{"user_id":"8","broadcaster_user_id":"9"}`, `{"x":1}`,
			`{"id":"9","platform":"twitch","metadata":{}}`},
		{"then the condition's user", `{"user_id":8}`, `{"client_id":"c"}`, `{"id":"8","platform":"twitch","metadata":{}}`},
		{"then the client", `{"client_id":"d"}`, `{"client_id":"c"}`, `{"id":"c","platform":"twitch","metadata":{}}`},
		{"then the condition's client", `{"client_id":"d","conduit_id":"x"}`, `{"conduit_id":"x"}`, `{"id":"d","platform":"twitch","metadata":{}}`},
		{"nobody known", `{}`, `{}`, `{"id":"unknown","platform":"twitch","metadata":{}}`},
		{"an id of 600 characters is none", `{}`, `{"broadcaster_user_id":"` + long + `","user_id":"44"}`,
			`{"id":"44","platform":"twitch","metadata":{"broadcasterId":"` + long + `"}}`},
		{"an id with a slash is one", `{}`, `{"broadcaster_user_id":"a/b"}`, `{"id":"a/b","platform":"twitch","metadata":{}}`},
		{"control characters are none", `{}`, `{"broadcaster_user_id":"a\nb","user_id":"\u0085"}`,
			`{"id":"unknown","platform":"twitch","metadata":{"broadcasterId":"a\nb"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := generalEvent(t, `{"type":"x","condition":`+tt.condition+`}`, tt.event)
			want := map[string]any(object(t, []byte(tt.want)))
			if diff := cmp.Diff(want, e.Object("identity")["external"]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestChannelIsAbsentWithoutALogin(t *testing.T) {
	t.Parallel()
	e := generalEvent(t, `{"type":"user.update"}`, `{"user_id":"44","user_login":"someuser"}`)
	if e.Object("ingress").Has("channel") || e.Object("egress").Has("channel") {
		t.Errorf("ingress = %v, egress = %v", e["ingress"], e["egress"])
	}
}

// TestTypeOfTheBodyIsBelieved: the signature covers the body, not the headers.
func TestTypeOfTheBodyIsBelieved(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, subscription, kind, version string }{
		{"type and version of the body", `{"type":"channel.follow","version":"2"}`, "channel.follow", "2"},
		{"those of the headers where the body has none", `{}`, "channel.subscribe", "7"},
		{"those of the headers without a subscription", `null`, "channel.subscribe", "7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, rec := newHandler(t)
			r := notification(`{"subscription":` + tt.subscription + `,"event":{"user_id":"44"}}`).request()
			r.Header.Set("twitch-eventsub-subscription-TYPE", "channel.subscribe")
			r.Header.Set("Twitch-Eventsub-Subscription-Version", "7")
			wantStatus(t, serve(h, r), http.StatusNoContent)
			x := onlyEvent(t, rec).Object("externalEvent")
			if x.Text("kind") != tt.kind || x.Text("version") != tt.version {
				t.Errorf("kind %q, version %q; want %q, %q", x.Text("kind"), x.Text("version"), tt.kind, tt.version)
			}
		})
	}
}
