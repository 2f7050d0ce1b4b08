package twitchtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	const jsonType = "application/json; charset=utf-8"
	for _, tt := range []struct {
		name        string
		fault       twitchtest.Fault
		status      int
		contentType string
		body        string
	}{
		{"none", twitchtest.Fault{}, 200, jsonType, `{"data":[],"pagination":{}}`},
		{"401", twitchtest.Failure(401, "Invalid OAuth token"), 401, jsonType, `{"error":"Unauthorized","status":401,"message":"Invalid OAuth token"}`},
		{"503", twitchtest.Failure(503, ""), 503, jsonType, `{"error":"Service Unavailable","status":503,"message":""}`},
		{"429", twitchtest.TooManyRequests(30 * time.Second), 429, jsonType, `{"error":"Too Many Requests","status":429,"message":"Request limit exceeded"}`},
		{"a page of a proxy", twitchtest.HTML(502), 502, "text/html", "<html><head><title>502 Bad Gateway</title></head><body></body></html>\n"},
		{"no body", twitchtest.Body(""), 200, jsonType, ""},
		{"null", twitchtest.Body(`{"data":null}`), 200, jsonType, `{"data":null}`},
		{"half of the answer", twitchtest.Truncated(), 200, jsonType, `{"data":[],"p`},
		{"a redirect", twitchtest.Redirect("/elsewhere"), 302, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig()
			server := httptest.NewServer(r)
			defer server.Close()
			client := server.Client()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			read := func() (*http.Response, string) {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/mock/streams", nil)
				if err != nil {
					t.Fatal(err)
				}
				request.Header = http.Header{"Authorization": {"Bearer " + r.app}, "Client-Id": {twitchtest.ClientID}}
				response, err := client.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				body, err := io.ReadAll(response.Body)
				if err != nil {
					t.Fatal(err)
				}
				return response, string(body)
			}
			r.Inject("GET /helix/streams", 1, tt.fault)
			response, body := read()
			if diff := cmp.Diff(tt.body, body); diff != "" || response.StatusCode != tt.status || response.Header.Get("Content-Type") != tt.contentType {
				t.Errorf("%d %q (-want +got):\n%s", response.StatusCode, response.Header.Get("Content-Type"), diff)
			}
			if tt.status == 429 {
				if reset := response.Header.Get("Ratelimit-Reset"); reset != fmt.Sprint(start.Add(30*time.Second).Unix()) {
					t.Errorf("Ratelimit-Reset %q", reset)
				}
			}
			if requests := r.Requests(); len(requests) != 1 || requests[0].Status != tt.status {
				t.Errorf("requests %v", requests)
			}
			if response, _ := read(); response.StatusCode != 200 {
				t.Errorf("the next one = %d", response.StatusCode)
			}
		})
	}
}

func TestHuge(t *testing.T) {
	t.Parallel()
	r := newRig()
	r.Inject("/helix/users", 1, twitchtest.Huge(5<<20+1))
	body := r.do(t, http.MethodGet, "/helix/users", "", "").Body
	if size := body.Len(); size != 5<<20+1+len(`{"data":[]}`) || !json.Valid(body.Bytes()) {
		t.Errorf("%d bytes", size)
	}
}

func TestFaultsComeInOrder(t *testing.T) {
	t.Parallel()
	r := newRig()
	const path = "/helix/eventsub/subscriptions"
	r.Inject(path, 1, twitchtest.Failure(500, ""))
	r.Inject("GET "+path, 2, twitchtest.Failure(503, ""))
	r.Inject("GET "+path, 1, twitchtest.Fault{})
	r.Inject("GET "+path, 1, twitchtest.Failure(429, ""))
	var got []int
	for range 3 {
		got = append(got, r.do(t, http.MethodGet, path, r.app, "").Code)
	}
	got = append(got, r.do(t, http.MethodPost, path, r.app, "").Code)
	r.Heal("GET " + path)
	got = append(got, r.do(t, http.MethodGet, path, r.app, "").Code)
	if diff := cmp.Diff([]int{503, 503, 200, 500, 200}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBlocked(t *testing.T) {
	t.Parallel()
	r := newRig()
	server := httptest.NewServer(r)
	defer server.Close()
	gate := twitchtest.NewGate()
	r.Inject("/oauth2/validate", 2, twitchtest.Blocked(gate))
	ask := func(ctx context.Context) (int, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/oauth2/validate", nil)
		if err != nil {
			return 0, err
		}
		request.Header.Set("Authorization", "OAuth "+r.app)
		response, err := server.Client().Do(request)
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-gate.Reached()
		cancel()
	}()
	if _, err := ask(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that goes away: %v", err)
	}
	go gate.Open()
	if code, err := ask(t.Context()); code != 200 || err != nil {
		t.Errorf("through the open gate: %d, %v", code, err)
	}
	gate.Open()
}

func TestLatency(t *testing.T) {
	t.Parallel()
	c := &clock{now: start}
	w := twitchtest.New(twitchtest.Config{Now: c.Now, Latency: 50 * time.Millisecond, Sleep: func(ctx context.Context, d time.Duration) error {
		c.Advance(d)
		return ctx.Err()
	}})
	r := &rig{World: w, clock: c, app: w.AppToken()}
	r.get(t, "/helix/users?id=1", r.app)
	r.get(t, "/helix/users?id=1", r.app)
	if went := c.Now().Sub(start); went != 100*time.Millisecond {
		t.Errorf("%s went by", went)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	r := newRig()
	token := r.AddUser("1", "one", "One").Token(time.Hour)
	r.do(t, "GET", "/helix/users?id=1&id=2", r.app, "")
	r.do(t, "GET", "/mock/users", token, "")
	r.do(t, "DELETE", "/eventsub/subscriptions?id=x", "nonsense", "")
	r.do(t, "GET", "/auth/validate", "", "")
	want := []twitchtest.Request{
		{Method: "GET", Path: "/helix/users", Query: map[string][]string{"id": {"1", "2"}}, With: twitchtest.WithApp, Status: 200},
		{Method: "GET", Path: "/helix/users", Query: map[string][]string{}, With: twitchtest.WithUser, UserID: "1", Status: 200},
		{Method: "DELETE", Path: "/helix/eventsub/subscriptions", Query: map[string][]string{"id": {"x"}}, With: twitchtest.WithInvalid, Status: 401},
		{Method: "GET", Path: "/oauth2/validate", Query: map[string][]string{}, With: twitchtest.WithNone, Status: 401},
	}
	if diff := cmp.Diff(want, r.Requests()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for pattern, want := range map[string]int{"/helix/users": 2, "GET /helix/users": 2, "POST /helix/users": 0, "DELETE /helix/eventsub/subscriptions": 1} {
		if got := r.Count(pattern); got != want {
			t.Errorf("Count(%q) = %d, want %d", pattern, got, want)
		}
	}
	r.ForgetRequests()
	if len(r.Requests()) > 0 || r.Count("/helix/users") > 0 {
		t.Error("not forgotten")
	}
	for range 25_000 {
		r.do(t, "GET", "/", "", "")
	}
	if n := len(r.Requests()); n != 10_000 || r.Count("GET /") != 25_000 {
		t.Errorf("%d requests kept, %d counted", n, r.Count("GET /"))
	}
}

// FuzzServeHTTP holds that whatever is asked gets an answer that is empty or
// JSON.
func FuzzServeHTTP(f *testing.F) {
	f.Add("GET", "/helix/streams", "user_id=1&first=3&after=MQ", "")
	f.Add("POST", "/eventsub/subscriptions", "", creation("stream.online", "1", "https://example.com/", of("1")))
	f.Add("POST", "/oauth2/token", "client_id=x", "grant_type=client_credentials")
	f.Add("GET", "/helix/moderation/moderators", "broadcaster_id=1", "")
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		r := newRig()
		u := r.AddUser("1", "one", "One")
		token := u.Token(time.Hour, "moderation:read", "channel:read:vips", "user:read:moderated_channels")
		u.GoLive("t", science, 1)
		for _, token := range []string{r.app, token} {
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", strings.NewReader(body))
			request.Method, request.URL.Path, request.URL.RawQuery = method, path, query
			request.Header = http.Header{"Authorization": {"Bearer " + token}, "Client-Id": {twitchtest.ClientID}}
			answer := serve(r.World, request)
			if answer.Code < 200 || answer.Body.Len() > 0 && !json.Valid(answer.Body.Bytes()) {
				t.Errorf("%d %s", answer.Code, answer.Body)
			}
		}
		if u.ID() != "1" || r.User("1") != u || r.User("2") != nil {
			t.Error("the users have changed")
		}
	})
}

// BenchmarkTick is what a tick of a poller of 10,000 channels asks of the world.
func BenchmarkTick(b *testing.B) {
	const channels = 10_000
	c := &clock{now: start}
	w := twitchtest.New(twitchtest.Config{Now: c.Now, RateLimit: 1_000_000_000})
	token := w.AppToken()
	for i := range channels {
		u := w.AddUser(fmt.Sprint(i), fmt.Sprint("user", i), fmt.Sprint("User", i))
		u.GoLive("t", science, i)
		for _, kind := range []string{"stream.online", "stream.offline", "channel.update"} {
			w.Subscribe(twitchtest.Subscription{Type: kind, Condition: of(u.ID()), Callback: "https://example.com/"}, secret)
		}
	}
	for b.Loop() {
		for page := range channels / 100 {
			query := "first=100&" + repeated("user_id", 100, func(i int) string { return fmt.Sprint(page*100 + i) })
			request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/helix/streams?"+query, nil)
			request.Header = http.Header{"Authorization": {"Bearer " + token}, "Client-Id": {twitchtest.ClientID}}
			if answer := serve(w, request); answer.Code != 200 {
				b.Fatal(answer.Body)
			}
		}
	}
}
