package twitch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

const (
	testClientID     = "client-id"
	testClientSecret = "client-secret-MARKER-1"
	testUserToken    = "user-token-MARKER-2"
	testHookSecret   = "hook:MARKER-secret-3"
	testCallback     = "https://example.com/webhooks/twitch"
)

var testNow = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// A stand stands in for Twitch. It hands out the app tokens itself: app-1, app-2
// and so on.
type stand struct {
	url    string
	client *Client

	mu       sync.Mutex
	tokens   int             // handed out
	requests []string        // method and path of those that were for other things
	pauses   []time.Duration // that the client slept
}

func newStand(t testing.TB, handler http.HandlerFunc) *stand {
	t.Helper()
	s := &stand{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth2/token" {
			s.token(t, w, r)
			return
		}
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.Path)
		s.mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	s.client = NewClient(s.config())
	t.Cleanup(s.client.http.CloseIdleConnections)
	return s
}

func (s *stand) config() ClientConfig {
	return ClientConfig{
		ClientID: testClientID, ClientSecret: testClientSecret,
		APIURL: s.url + "/helix", AuthURL: s.url,
		Now: func() time.Time { return testNow },
		Sleep: func(ctx context.Context, d time.Duration) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.pauses = append(s.pauses, d)
			return ctx.Err()
		},
	}
}

func (s *stand) token(t testing.TB, w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "" || r.Header.Get("Authorization") != "" {
		t.Errorf("token request with query %q, authorization %q", r.URL.RawQuery, r.Header.Get("Authorization"))
	}
	if r.PostFormValue("client_id") != testClientID || r.PostFormValue("client_secret") != testClientSecret ||
		r.PostFormValue("grant_type") != "client_credentials" {
		t.Errorf("token request with form %v", r.PostForm)
	}
	s.mu.Lock()
	s.tokens++
	token := fmt.Sprintf("app-%d", s.tokens)
	s.mu.Unlock()
	answerJSON(w, 200, `{"access_token":"`+token+`","expires_in":5000000,"token_type":"bearer"}`)
}

// seen is the requests so far, and forgets them.
func (s *stand) seen() (requests []string, pauses []time.Duration, tokens int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests, pauses, tokens = s.requests, s.pauses, s.tokens
	s.requests, s.pauses, s.tokens = nil, nil, 0
	return requests, pauses, tokens
}

func answerJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// A roundTrip is a transport that is a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// methods are all that ask Twitch, each with a good answer.
var methods = []struct {
	name   string
	good   string
	status int
	as     identity
	call   func(context.Context, *Client) error
}{
	{"Streams", `{"data":[{"id":"9","user_id":"1","started_at":"2026-05-01T11:00:00Z"}],"pagination":{}}`, 200, app,
		func(ctx context.Context, c *Client) error { _, err := c.Streams(ctx, []string{"1"}); return err }},
	{"Users", `{"data":[{"id":"1","login":"a","display_name":"A"}]}`, 200, app,
		func(ctx context.Context, c *Client) error {
			_, err := c.Users(ctx, []string{"1"}, []string{"b"})
			return err
		}},
	{"Grants", `{"data":[{"user_id":"1","scopes":["moderation:read"]}]}`, 200, app,
		func(ctx context.Context, c *Client) error { _, err := c.Grants(ctx, []string{"1"}); return err }},
	{"Validate", `{"client_id":"client-id","user_id":"1","login":"a","scopes":null,"expires_in":60}`, 200, user,
		func(ctx context.Context, c *Client) error { _, err := c.Validate(ctx, testUserToken); return err }},
	{"ModeratedChannels", `{"data":[{"broadcaster_id":"2"}],"pagination":{}}`, 200, user,
		func(ctx context.Context, c *Client) error {
			_, err := c.ModeratedChannels(ctx, testUserToken, "1")
			return err
		}},
	{"IsModerator", `{"data":[{"user_id":"2"}],"pagination":{}}`, 200, user,
		func(ctx context.Context, c *Client) error {
			_, err := c.IsModerator(ctx, testUserToken, "1", "2")
			return err
		}},
	{"IsVIP", `{"data":[],"pagination":{}}`, 200, user,
		func(ctx context.Context, c *Client) error {
			_, err := c.IsVIP(ctx, testUserToken, "1", "2")
			return err
		}},
	{"Subscriptions", `{"data":[],"total":0,"total_cost":0,"max_total_cost":10000,"pagination":{}}`, 200, app,
		func(ctx context.Context, c *Client) error { _, err := c.Subscriptions(ctx); return err }},
	{"Subscribe", `{"data":[{"id":"s","status":"webhook_callback_verification_pending","type":"stream.online"}]}`, 202, app,
		func(ctx context.Context, c *Client) error {
			_, _, err := c.Subscribe(ctx, Wanted{Type: "stream.online", Version: "1"}, testCallback, testHookSecret)
			return err
		}},
	{"Unsubscribe", ``, 204, app,
		func(ctx context.Context, c *Client) error { return c.Unsubscribe(ctx, "s") }},
}
