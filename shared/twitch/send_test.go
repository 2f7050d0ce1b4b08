package twitch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// inTurn answers with each handler once, and with the last for good.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		handlers[min(int(n.Add(1)), len(handlers))-1](w, r)
	}
}

// limited is a 429 that ends at an offset from now.
func limited(after time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Ratelimit-Reset", strconv.FormatInt(testNow.Add(after).Unix(), 10))
		refused(429, "Too Many Requests", "")(w, r)
	}
}

// TestSendingAgain holds how often and after what pause a request is sent
// (facts/twitch.md section 5, #10 to #12).
func TestSendingAgain(t *testing.T) {
	t.Parallel()
	good := static(200, `{"data":[],"pagination":{}}`)
	bad := static(503, "")
	for _, tt := range []struct {
		name     string
		answers  []http.HandlerFunc
		deadline time.Duration // 0: none
		requests int
		pauses   []time.Duration
		status   int // of the error, 0: none
	}{
		{name: "a good answer needs no other", answers: []http.HandlerFunc{good}, requests: 1},
		{name: "after a 5xx once more", answers: []http.HandlerFunc{bad, good}, requests: 2, pauses: []time.Duration{failurePause}},
		{name: "but not twice", answers: []http.HandlerFunc{bad, static(502, ""), good}, requests: 2, pauses: []time.Duration{failurePause}, status: 502},
		{name: "not when the pause ends behind the deadline", answers: []http.HandlerFunc{bad, good}, deadline: failurePause, requests: 1, status: 503},
		{name: "after a 429 when its reset comes", answers: []http.HandlerFunc{limited(5 * time.Second), good}, requests: 2, pauses: []time.Duration{5 * time.Second}},
		{name: "after a 429 with a reset within the deadline", answers: []http.HandlerFunc{limited(5 * time.Second), good}, deadline: time.Hour, requests: 2, pauses: []time.Duration{5 * time.Second}},
		{name: "after a 429 with a reset in the past at once", answers: []http.HandlerFunc{limited(-time.Hour), good}, requests: 2, pauses: []time.Duration{0}},
		{name: "after a 429 not twice", answers: []http.HandlerFunc{limited(time.Second), limited(time.Second), good}, requests: 2, pauses: []time.Duration{time.Second}, status: 429},
		{name: "not when the reset is behind the deadline", answers: []http.HandlerFunc{limited(30 * time.Second), good}, deadline: 20 * time.Second, requests: 1, status: 429},
		{name: "not when the reset is far", answers: []http.HandlerFunc{limited(2 * time.Minute), good}, requests: 1, status: 429},
		{name: "not when no reset is told", answers: []http.HandlerFunc{refused(429, "Too Many Requests", ""), good}, requests: 1, status: 429},
		{name: "after a 429 and a 5xx", answers: []http.HandlerFunc{limited(time.Second), bad, good}, requests: 3, pauses: []time.Duration{time.Second, failurePause}},
		{name: "not after another refusal", answers: []http.HandlerFunc{static(404, ""), good}, requests: 1, status: 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, inTurn(tt.answers...))
			ctx := t.Context()
			if tt.deadline > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, tt.deadline)
				defer cancel()
			}
			_, err := s.client.Subscriptions(ctx)
			var refused *APIError
			errors.As(err, &refused)
			if (err != nil) != (tt.status != 0) || refused != nil && refused.Status != tt.status {
				t.Errorf("error %v, want status %d", err, tt.status)
			}
			requests, pauses, _ := s.seen()
			if len(requests) != tt.requests {
				t.Errorf("%d requests, want %d", len(requests), tt.requests)
			}
			if diff := cmp.Diff(tt.pauses, pauses); diff != "" {
				t.Errorf("pauses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSendingAgainKeepsTheBody(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var bodies []string
	s := newStand(t, inTurn(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		bodies = append(bodies, string(body))
		w.Header().Set("Connection", "close")
		answerJSON(w, 503, "")
	}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		bodies = append(bodies, string(body))
		answerJSON(w, 202, `{"data":[{"id":"s","status":"enabled","type":"t"}]}`)
	}))
	if _, _, err := s.client.Subscribe(t.Context(), Wanted{Type: "t", Version: "1"}, testCallback, testHookSecret); err != nil {
		t.Fatal(err)
	}
	if len(bodies) != 2 || bodies[0] == "" || bodies[0] != bodies[1] {
		t.Errorf("bodies %q, want the same twice", bodies)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	s := newStand(t, limited(time.Second))
	config := s.config()
	config.Sleep = func(context.Context, time.Duration) error { return context.DeadlineExceeded }
	_, err := NewClient(config).Subscriptions(t.Context())
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrRateLimited) {
		t.Errorf("error %v, want both the deadline and the limit", err)
	}
}

func TestAppTokenIsFetchedOnceForAll(t *testing.T) {
	t.Parallel()
	s := newStand(t, static(200, `{"data":[]}`))
	together(t, 50, func() error { _, err := s.client.Users(t.Context(), []string{"1"}, nil); return err })
	if _, _, tokens := s.seen(); tokens != 1 {
		t.Errorf("%d tokens fetched, want 1", tokens)
	}
}

func TestAppTokenIsRenewedOnceForAll(t *testing.T) {
	t.Parallel()
	s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer app-2" {
			refused(401, "Unauthorized", "Invalid OAuth token")(w, r)
			return
		}
		answerJSON(w, 200, `{"data":[]}`)
	})
	together(t, 50, func() error { _, err := s.client.Users(t.Context(), []string{"1"}, nil); return err })
	if _, _, tokens := s.seen(); tokens != 2 {
		t.Errorf("%d tokens fetched, want 2", tokens)
	}
}

// together calls f so many times at the same time.
func together(t *testing.T, n int, f func() error) {
	t.Helper()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if err := f(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestAppTokenIsRenewedOnceARequest(t *testing.T) {
	t.Parallel()
	s := newStand(t, refused(401, "Unauthorized", "Invalid OAuth token"))
	_, err := s.client.Subscriptions(t.Context())
	if errors.Is(err, ErrTokenInvalid) {
		t.Errorf("error %v speaks of a user token", err)
	}
	if requests, _, tokens := s.seen(); len(requests) != 2 || tokens != 2 {
		t.Errorf("%d requests with %d tokens, want 2 with 2", len(requests), tokens)
	}
}

func TestAppTokenIsNotRenewedForAScope(t *testing.T) {
	t.Parallel()
	s := newStand(t, refused(401, "Unauthorized", "Missing scope: moderation:read"))
	if _, err := s.client.Subscriptions(t.Context()); !errors.Is(err, ErrScopeMissing) {
		t.Errorf("error %v, want ErrScopeMissing", err)
	}
	if requests, _, tokens := s.seen(); len(requests) != 1 || tokens != 1 {
		t.Errorf("%d requests with %d tokens, want 1 with 1", len(requests), tokens)
	}
}

// TestUserTokenIsNeverReplaced holds that a 401 for a user token is the end: no
// refresh, no app token in its place (facts/twitch.md section 5, #1 to #5).
func TestUserTokenIsNeverReplaced(t *testing.T) {
	t.Parallel()
	s := newStand(t, refused(401, "Unauthorized", "Invalid OAuth token"))
	for _, method := range methods {
		if method.as != user {
			continue
		}
		if err := method.call(t.Context(), s.client); !errors.Is(err, ErrTokenInvalid) {
			t.Errorf("%s: error %v, want ErrTokenInvalid", method.name, err)
		}
		if requests, _, tokens := s.seen(); len(requests) != 1 || tokens != 0 {
			t.Errorf("%s: %d requests, %d app tokens, want 1 and 0", method.name, len(requests), tokens)
		}
	}
}

func TestNoUserTokenIsNoAppToken(t *testing.T) {
	t.Parallel()
	s := newStand(t, static(200, `{"data":[],"client_id":"x"}`))
	for name, call := range map[string]func() error{
		"Validate":          func() error { _, err := s.client.Validate(t.Context(), ""); return err },
		"ModeratedChannels": func() error { _, err := s.client.ModeratedChannels(t.Context(), "", "1"); return err },
		"IsModerator":       func() error { _, err := s.client.IsModerator(t.Context(), "", "1", "2"); return err },
		"IsVIP":             func() error { _, err := s.client.IsVIP(t.Context(), "", "1", "2"); return err },
	} {
		if err := call(); !errors.Is(err, ErrTokenInvalid) {
			t.Errorf("%s: error %v, want ErrTokenInvalid", name, err)
		}
	}
	if requests, _, tokens := s.seen(); len(requests)+tokens != 0 {
		t.Errorf("requests %q, %d tokens", requests, tokens)
	}
}

// TestConcurrentUse lets user tokens and the app token go side by side: none may
// be sent with another's request (facts/twitch.md section 5, #5 and #8).
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
		// The answer to a token is a channel of its name.
		answerJSON(w, 200, fmt.Sprintf(`{"client_id":%q,"data":[{"broadcaster_id":%[1]q}]}`, r.Header.Get("Authorization")))
	})
	var wg sync.WaitGroup
	for i := range 40 {
		token := "token-" + strconv.Itoa(i)
		wg.Go(func() {
			channels, err := s.client.ModeratedChannels(t.Context(), token, "1")
			if diff := cmp.Diff([]string{"Bearer " + token}, channels); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
		wg.Go(func() {
			told, err := s.client.Validate(t.Context(), token)
			if told.ClientID != "OAuth "+token || err != nil {
				t.Errorf("%v: %+v", err, told)
			}
		})
	}
	wg.Wait()
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := newStand(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		for _, method := range methods {
			var refused *APIError
			if err := method.call(t.Context(), s.client); !errors.As(err, &refused) || refused.Status != status {
				t.Errorf("%s: error %v, want status %d", method.name, err, status)
			}
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests went to another host", n)
	}
}

func TestTokenEndpointFails(t *testing.T) {
	t.Parallel()
	for _, tt := range badAnswers {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/oauth2/token" {
					t.Errorf("a request to %s without a token", r.URL.Path)
				}
				asked.Add(1)
				tt.answer(w, r)
			}))
			t.Cleanup(server.Close)
			config := (&stand{url: server.URL}).config()
			_, err := NewClient(config).Subscriptions(t.Context())
			var refused *APIError
			if err == nil || errors.As(err, &refused) && refused.Status != tt.status || errors.Is(err, ErrTokenInvalid) {
				t.Errorf("error %v, want status %d", err, tt.status)
			}
			if n := asked.Load(); n > 2 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

func TestAppTokenCannotBeRenewed(t *testing.T) {
	t.Parallel()
	var tokens atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/oauth2/token":
			answerJSON(w, 401, "")
		case tokens.Add(1) == 1:
			answerJSON(w, 200, `{"access_token":"app-1"}`)
		default:
			answerJSON(w, 403, `{"status":403,"message":"invalid client secret"}`)
		}
	}))
	t.Cleanup(server.Close)
	_, err := NewClient((&stand{url: server.URL}).config()).Subscriptions(t.Context())
	var refused *APIError
	if !errors.As(err, &refused) || refused.Status != 403 || refused.Message != "invalid client secret" {
		t.Errorf("error %v, want that of the renewal", err)
	}
}

// TestDefaults lets a client without a clock wait by itself.
func TestDefaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hosts []string
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			hosts = append(hosts, r.URL.Scheme+"://"+r.URL.Host+r.URL.Path)
			header := http.Header{"Ratelimit-Reset": {strconv.FormatInt(time.Now().Add(7*time.Second).Unix(), 10)}}
			status, body := 429, ""
			if len(hosts) != 2 {
				status, body = 200, `{"access_token":"app","data":[],"client_id":"id"}`
			}
			return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
		})
		begin := time.Now()
		client := NewClient(ClientConfig{ClientID: "id", Transport: transport})
		if _, err := client.Subscriptions(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != 7*time.Second {
			t.Errorf("took %s, want the 7 s until the reset", took)
		}
		want := []string{
			"https://id.twitch.tv/oauth2/token",
			"https://api.twitch.tv/helix/eventsub/subscriptions", "https://api.twitch.tv/helix/eventsub/subscriptions",
		}
		if diff := cmp.Diff(want, hosts); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestGivingUpWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := NewClient(ClientConfig{ClientID: "id", Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 503, Body: http.NoBody}, nil
		})})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(failurePause/2, cancel)
		begin := time.Now()
		_, err := client.Validate(ctx, "token")
		var refused *APIError
		if !errors.Is(err, context.Canceled) || !errors.As(err, &refused) || refused.Status != 503 {
			t.Errorf("error %v, want both that it was cancelled and the 503", err)
		}
		if took := time.Since(begin); took != failurePause/2 {
			t.Errorf("took %s", took)
		}
	})
}

func TestTimeoutsOfTheTransportAreDeadlines(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ fail, want error }{
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, context.DeadlineExceeded},
		{fmt.Errorf("reading: %w", context.DeadlineExceeded), context.DeadlineExceeded},
		{context.Canceled, context.Canceled},
	} {
		client := NewClient(ClientConfig{ClientID: "id", Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, tt.fail })})
		if _, err := client.Validate(t.Context(), "token"); !errors.Is(err, tt.want) {
			t.Errorf("%v: error %v, want %v", tt.fail, err, tt.want)
		}
	}
}
