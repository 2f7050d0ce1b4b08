package twitchtest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

var science = twitchtest.Category{ID: "509670", Name: "Science & Technology"}

// A clock stands still but for Advance.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A rig is a world and the clock that it goes by.
type rig struct {
	*twitchtest.World
	*clock
	app string // token
}

func newRig() *rig {
	c := &clock{now: start}
	w := twitchtest.New(twitchtest.Config{Now: c.Now})
	return &rig{World: w, clock: c, app: w.AppToken()}
}

// do sends a request with a token, if any, and the id of the client.
func (r *rig) do(t *testing.T, method, target, token, body string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	request.Header.Set("Client-Id", twitchtest.ClientID)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	recorder := httptest.NewRecorder()
	r.ServeHTTP(recorder, request)
	return recorder
}

// get is the body of an answer with 200.
func (r *rig) get(t *testing.T, target, token string) any {
	t.Helper()
	answer := r.do(t, http.MethodGet, target, token, "")
	if answer.Code != http.StatusOK {
		t.Fatalf("GET %s = %d %s", target, answer.Code, answer.Body)
	}
	return decoded(t, answer.Body.String())
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%q is no JSON: %v", text, err)
	}
	return value
}

// column is one field of each entry of data.
func column(t *testing.T, body any, field string) []string {
	t.Helper()
	values := []string{}
	for _, entry := range body.(map[string]any)["data"].([]any) {
		values = append(values, entry.(map[string]any)[field].(string))
	}
	return values
}

func cursor(t *testing.T, body any) string {
	t.Helper()
	text, _ := body.(map[string]any)["pagination"].(map[string]any)["cursor"].(string)
	return text
}

// repeated is a query with the parameter once for each number from 0.
func repeated(parameter string, n int, value func(int) string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = parameter + "=" + value(i)
	}
	return strings.Join(parts, "&")
}
