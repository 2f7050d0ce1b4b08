package deploytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A helix is the part of Twitch that a rotation meets, with the heartbeat's part
// of creating what is missing.
type helix struct {
	mu            sync.Mutex // guards what follows
	subscriptions []subscription
	wanted        int
	failAfter     int // deletions; 0: never
	ticks         int
}

type subscription struct {
	ID        string            `json:"id"`
	Status    string            `json:"status"`
	CreatedAt string            `json:"created_at"`
	Transport map[string]string `json:"transport"`
}

const (
	ours   = "https://sourcestate.example/"
	theirs = "https://elsewhere.example/"
)

func (h *helix) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.URL.Path == "/oauth2/token" {
		if r.FormValue("client_secret") != canaryClient || r.URL.RawQuery != "" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = fmt.Fprint(w, `{"access_token":"app-token"}`)
		return
	}
	if r.URL.Path == "/tick" {
		h.ticks++
		for i := range h.wanted {
			id := fmt.Sprintf("new-%d", i)
			if h.count(ours) < h.wanted {
				h.subscriptions = append(h.subscriptions, subscription{id, "enabled", "2026-05-02T12:00:01.5Z", map[string]string{"callback": ours}})
			}
		}
		return
	}
	if r.Header.Get("Authorization") != "Bearer app-token" || r.Header.Get("Client-Id") != testClientID {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodDelete {
		if h.failAfter == 1 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		h.failAfter = max(h.failAfter-1, 0)
		for i, s := range h.subscriptions {
			if s.ID == r.FormValue("id") {
				h.subscriptions = append(h.subscriptions[:i], h.subscriptions[i+1:]...)
				break
			}
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	// Two pages, so that the second one must be asked for.
	half := len(h.subscriptions) / 2
	page := map[string]any{"data": h.subscriptions[:half], "pagination": map[string]string{"cursor": "c=="}}
	if r.FormValue("after") == "c==" {
		page = map[string]any{"data": h.subscriptions[half:], "pagination": map[string]string{}}
	}
	_ = json.NewEncoder(w).Encode(page)
}

// set changes or looks at what requests use.
func (h *helix) set(what func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	what()
}

// count counts the subscriptions of a callback.
func (h *helix) count(callback string) (n int) {
	for _, s := range h.subscriptions {
		if s.Transport["callback"] == callback {
			n++
		}
	}
	return n
}

func rotation(t *testing.T) (*stage, *helix) {
	t.Helper()
	h := &helix{wanted: 3}
	for i := range 3 {
		h.subscriptions = append(h.subscriptions, subscription{fmt.Sprint("old-", i), "enabled", "2026-05-01T00:00:00Z", map[string]string{"callback": ours}})
	}
	h.subscriptions = append(h.subscriptions, subscription{"foreign", "enabled", "2026-05-01T00:00:00Z", map[string]string{"callback": theirs}})
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)

	s := newStage(t, "curl", "jq", "openssl")
	s.env = append(s.env, "TWITCH_API_URL="+server.URL, "TWITCH_AUTH_URL="+server.URL, "URL="+server.URL)
	write(t, filepath.Join(s.home, "version-1"), canaryOlder)
	write(t, filepath.Join(s.home, "revision"), "1")
	s.fake("gcloud", `case "$*" in
  "auth list"*) echo me ;;
  "secrets versions access "*" --secret s-eventsub"*) cat "$DIR/version-$4" ;;
  "secrets versions access "*" --secret s-client"*) printf '`+canaryClient+`' ;;
  "secrets versions describe"*) echo 2026-05-02T12:00:00.123456Z ;;
  "scheduler jobs run job"*) curl -s "$URL/tick" ;;
  *) exit 1 ;;
esac`)
	s.fake("terraform", `revision=$(cat "$DIR/revision")
case "$*" in
  *"output -json") printf '{"project_id":{"value":"p"},"region":{"value":"r"},"scheduler_job":{"value":"job"},"webhook_url":{"value":"`+ours+`"},
    "twitch_client_id":{"value":"`+testClientID+`"},"secrets":{"value":{"eventsub":{"name":"s-eventsub","version":"%s","revision":%s},
    "client_secret":{"name":"s-client","version":"1","revision":1}}}}' "$revision" "$revision" ;;
  *" apply "*)
    [[ $TF_VAR_draw_eventsub_secret == false && $TF_VAR_twitch_client_secret == `+canaryClient+` ]]
    next=$(printf '%s' "$*" | sed 's/.*"eventsub":\([0-9]*\).*/\1/')
    printf '%s' "$TF_VAR_twitch_eventsub_secrets" | jq -r 'join(",")' >"$DIR/version-$next"
    printf '%s' "$next" >"$DIR/revision" ;;
esac`)
	return s, h
}

func checkRotated(t *testing.T, s *stage, h *helix) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, sub := range h.subscriptions {
		if strings.HasPrefix(sub.ID, "old-") {
			t.Errorf("%s still has the old secret", sub.ID)
		}
	}
	if h.count(ours) != 3 || h.count(theirs) != 1 {
		t.Errorf("there are %v", h.subscriptions)
	}
	if got := strings.TrimSpace(read(t, filepath.Join(s.home, "version-2"))); !strings.HasSuffix(got, ","+canaryOlder) {
		t.Errorf("the new secret did not stand beside the old one: %q", got)
	}
	newest, _, _ := strings.Cut(read(t, filepath.Join(s.home, "version-2")), ",")
	if got := strings.TrimSpace(read(t, filepath.Join(s.home, "version-3"))); got != newest || len(got) < 32 {
		t.Errorf("in the end there is %q", got)
	}
	if strings.Contains(s.calls(), newest) || strings.Contains(s.calls(), canaryOlder) || strings.Contains(s.calls(), canaryClient) {
		t.Errorf("a secret is on a command line:\n%s", s.calls())
	}
	if got := read(t, filepath.Join(s.root, "terraform", "secrets.auto.tfvars.json")); !strings.Contains(got, `"eventsub": 3`) {
		t.Errorf("the next apply would go back: %s", got)
	}
}

func TestRotateScript(t *testing.T) {
	t.Parallel()
	s, h := rotation(t)
	if r := s.run("rotate-secret.sh", "--status"); r.code != 0 || !strings.Contains(r.stdout, "no rotation is under way") {
		t.Errorf("--status ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
	r := s.run("rotate-secret.sh", "--grace", "0")
	if r.code != 0 {
		t.Fatalf("it ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
	checkRotated(t, s, h)
	h.set(func() {
		if h.ticks != 1 {
			t.Errorf("the heartbeat ticked %d times", h.ticks)
		}
	})
}

func TestRotateScriptInterrupted(t *testing.T) {
	t.Parallel()
	s, h := rotation(t)
	h.set(func() { h.failAfter = 2 }) // the second deletion
	r := s.run("rotate-secret.sh", "--grace", "0")
	if r.code != 1 || !strings.Contains(r.stderr, "cannot be deleted") {
		t.Fatalf("it ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if r := s.run("rotate-secret.sh", "--status"); !strings.Contains(r.stdout, "is under way") {
		t.Errorf("--status says %s%s", r.stdout, r.stderr)
	}
	h.set(func() { h.failAfter = 0 })
	if r := s.run("rotate-secret.sh", "--grace", "0"); r.code != 0 || !strings.Contains(r.stdout, "going on") {
		t.Fatalf("the second time it ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
	checkRotated(t, s, h)
}

func TestRotateScriptWithoutLogin(t *testing.T) {
	t.Parallel()
	s, _ := rotation(t)
	s.fake("gcloud", "true")
	if r := s.run("rotate-secret.sh"); r.code != 1 || !strings.Contains(r.stderr, "gcloud auth login") || strings.Contains(s.calls(), "apply") {
		t.Errorf("it ended with %d: %s", r.code, r.stderr)
	}
}
