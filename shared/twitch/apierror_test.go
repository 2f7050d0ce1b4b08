package twitch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var sentinels = []error{
	ErrTokenInvalid, ErrScopeMissing, ErrRateLimited,
	ErrSubscriptionExists, ErrSubscriptionLimit, ErrCostLimit, ErrVersionRemoved,
}

func TestWhatARefusalMeans(t *testing.T) {
	t.Parallel()
	subscribe := func(ctx context.Context, c *Client) error {
		_, _, err := c.Subscribe(ctx, Wanted{Type: "channel.vip.add", Version: "1"}, testCallback, testHookSecret)
		return err
	}
	moderator := func(ctx context.Context, c *Client) error {
		_, err := c.IsModerator(ctx, testUserToken, "1", "2")
		return err
	}
	validate := func(ctx context.Context, c *Client) error { _, err := c.Validate(ctx, testUserToken); return err }
	list := func(ctx context.Context, c *Client) error { _, err := c.Subscriptions(ctx); return err }
	for _, tt := range []struct {
		name    string
		call    func(context.Context, *Client) error
		status  int
		message string
		want    error // nil: none of the sentinels
		scope   string
	}{
		{"a token that is no more", moderator, 401, "Invalid OAuth token", ErrTokenInvalid, ""},
		{"a token that is no more, when validated", validate, 401, "invalid access token", ErrTokenInvalid, ""},
		{"no message at all", moderator, 401, "", ErrTokenInvalid, ""},
		{"a token of another app", moderator, 401, "Client ID and OAuth token do not match", nil, ""},
		{"a token of another user", moderator, 401, "The ID in broadcaster_id must match the user ID found in the request's OAuth token.", nil, ""},
		{"a token of another user, in other words", moderator, 401, "incorrect user authorization", nil, ""},
		{"a missing scope", moderator, 401, "Missing scope: moderation:read", ErrScopeMissing, "moderation:read"},
		{"a missing scope of three parts", moderator, 403, "Missing required scope user:read:moderated_channels", ErrScopeMissing, "user:read:moderated_channels"},
		{"a missing scope without a blank", moderator, 401, "Missing Scope:moderation:read", ErrScopeMissing, "moderation:read"},
		{"one of two scopes", moderator, 401, "The token must include channel:read:vips or channel:manage:vips scope", ErrScopeMissing, "channel:read:vips"},
		{"a scope that has no name", moderator, 401, "missing scope", ErrScopeMissing, ""},
		{"a subscription that its user has not allowed", subscribe, 403, "subscription missing proper authorization", ErrScopeMissing, ""},
		{"forbidden for another reason", moderator, 403, "no", nil, ""},
		{"too many requests", moderator, 429, "", ErrRateLimited, ""},
		{"too many requests to subscribe", subscribe, 429, "Too Many Requests", ErrRateLimited, ""},
		{"too many of the same", subscribe, 429, "maximum subscriptions with type and condition exceeded", ErrSubscriptionLimit, ""},
		{"too many of the same, in capitals", subscribe, 429, "Maximum Subscriptions With Type And Condition Exceeded", ErrSubscriptionLimit, ""},
		{"a subscription that is there", subscribe, 409, "subscription already exists", ErrSubscriptionExists, ""},
		{"a conflict about something else", list, 409, "", nil, ""},
		{"costs, forbidden", subscribe, 403, "total cost exceeded", ErrCostLimit, ""},
		{"costs, bad request", subscribe, 400, "Cost would exceed max_total_cost", ErrCostLimit, ""},
		{"costs, too many", subscribe, 429, "cost exceeded", ErrCostLimit, ""},
		{"a bad request", subscribe, 400, "invalid condition", nil, ""},
		{"a version that is no more", subscribe, 410, "", ErrVersionRemoved, ""},
		{"something else that is no more", list, 410, "", nil, ""},
		{"trouble", subscribe, 500, "cost scope match", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, refused(tt.status, http.StatusText(tt.status), tt.message))
			err := tt.call(t.Context(), s.client)
			for _, sentinel := range sentinels {
				if got := errors.Is(err, sentinel); got != (sentinel == tt.want) {
					t.Errorf("is %q: %t: %v", sentinel, got, err)
				}
			}
			var e *APIError
			if !errors.As(err, &e) {
				t.Fatalf("error %v is no APIError", err)
			}
			message := tt.message
			if message == "" {
				message = http.StatusText(tt.status)
			}
			if e.Status != tt.status || e.Message != message || e.Scope != tt.scope {
				t.Errorf("%+v, want status %d, message %q, scope %q", e, tt.status, message, tt.scope)
			}
		})
	}
}

func TestALimitTellsItsReset(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reset string
		want  time.Time
	}{
		{"1777640400", time.Unix(1777640400, 0).UTC()},
		{reset: ""}, {reset: "soon"}, {reset: "-1"}, {reset: "0"}, {reset: "99999999999999"}, {reset: "1e9"},
	} {
		s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Ratelimit-Reset", tt.reset)
			refused(429, "Too Many Requests", "")(w, r)
		})
		var e *APIError
		if _, err := s.client.Subscriptions(t.Context()); !errors.As(err, &e) || !e.Reset.Equal(tt.want) {
			t.Errorf("%q: error %v, reset %v, want %v", tt.reset, err, e.Reset, tt.want)
		}
	}
}

// TestAProxysRefusalSaysNothingOfTheToken, whose end would be written down.
func TestAProxysRefusalSaysNothingOfTheToken(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>Unauthorized</html>", "{}"} {
		s := newStand(t, static(401, body))
		var e *APIError
		if _, err := s.client.Validate(t.Context(), testUserToken); errors.Is(err, ErrTokenInvalid) || !errors.As(err, &e) || e.Status != 401 {
			t.Errorf("%q: error %v, want a bare 401", body, err)
		}
	}
}

func TestWhatARefusalSays(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		``:                                   "",
		`x`:                                  "",
		`[]`:                                 "",
		`null`:                               "",
		`{"message":"m","error":"e"}`:        "m",
		`{"message":"","error":"e"}`:         "e",
		`{"message":null,"error":"e"}`:       "e",
		`{"message":7,"error":"e"}`:          "e",
		`{"status":400,"message":"m","x":1}`: "m",
		`{"message":"m"} x`:                  "",
	} {
		if got := said([]byte(body)); got != want {
			t.Errorf("said(%s) = %q, want %q", body, got, want)
		}
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("Bearer s3cret-0123 failed", "s3cret-0123")
	f.Add(strings.Repeat("ü", 400), "ü")
	f.Add("http://user:pa@ss@host/ \x00\xff\n", "x y")
	f.Add("aab", "aa")
	f.Fuzz(func(t *testing.T, text, secret string) {
		got := quote(text, []string{secret, ""})
		if len(got) > maxQuote+len("...") || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00") {
			t.Errorf("quote = %q", got)
		}
		// What stands for a secret may itself hold a short one.
		if len(secret) > len(redacted) && utf8.ValidString(secret) && strings.Contains(got, secret) {
			t.Errorf("quote = %q holds %q", got, secret)
		}
	})
}

func TestAnErrorSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]*APIError{
		"Twitch answered 503":                             {Status: 503},
		"Twitch answered 400: bad":                        {Status: 400, Message: "bad"},
		"Twitch answered 409: subscription exists":        {Status: 409, kind: ErrSubscriptionExists},
		"Twitch answered 401: scope missing: Missing x:y": {Status: 401, Message: "Missing x:y", kind: ErrScopeMissing},
	} {
		if got := fmt.Sprint(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
