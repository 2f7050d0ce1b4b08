package deploytest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/functions/eventsub"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

// unused is a port that was free a moment ago.
func unused(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func listens(address string) bool {
	connection, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	_ = connection.Close()
	return true
}

// A suite is EventSub with a store behind it, and what else smoke.sh meets.
type suite struct {
	t         *testing.T
	documents *bolt.Store
	lost      bool // events never arrive

	mu      sync.Mutex // guards what follows
	removed []string
}

// Publish stores at once what EventSub publishes.
func (s *suite) Publish(ctx context.Context, _ string, messages ...event.BusMessage) error {
	if s.lost {
		return nil
	}
	for _, m := range messages {
		m.PublishTime = time.Now()
		u, err := source.Read(m)
		if err != nil {
			return err
		}
		err = s.documents.Update(ctx, u.Key, func(d *source.Document, beside source.Parts) (source.Result, error) {
			return source.Merge(d, beside, u)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// status answers as Status does, to whoever has the token.
func (s *suite) status(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer identity" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	id, ok := strings.CutPrefix(r.URL.Path, "/api/sources/")
	if !ok {
		w.WriteHeader(http.StatusOK)
		return
	}
	key, err := source.ParseKey(id)
	if err != nil {
		s.t.Error(err)
	}
	document, err := s.documents.Get(r.Context(), key)
	if errors.Is(err, store.ErrNotFound) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(w).Encode(document)
}

// firestore is the part of Firestore's REST API that takes documents away.
func (s *suite) firestore(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer owner" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if r.Method == http.MethodDelete {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.removed = append(s.removed, r.URL.Path[strings.Index(r.URL.Path, "/sources/"):])
		_, _ = w.Write([]byte("{}"))
		return
	}
	if strings.HasSuffix(r.URL.Path, "/history") {
		_, _ = w.Write([]byte(`{"documents":[{"name":"projects/p/databases/(default)/documents/sources/x/history/2026 a"}]}`))
		return
	}
	_, _ = w.Write([]byte("{}"))
}

func TestSmokeScript(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		secret  string
		lost    bool
		code    int
		says    string
		removes bool
	}{
		{name: "proves a suite and leaves nothing", secret: canaryNewest, says: "is there and ONLINE", removes: true},
		{name: "proves a suite with a secret longer than a block", secret: strings.Repeat("s3cret", 16), says: "ONLINE", removes: true},
		{name: "tells of another secret", secret: "not-this-one", code: 1, says: "another secret"},
		{name: "tells when events do not arrive, and cleans up", secret: canaryNewest, lost: true, code: 1, says: "no document", removes: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			documents, err := bolt.Open(t.TempDir(), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = documents.Close() })
			world := &suite{t: t, documents: documents, lost: test.lost}
			accepted, err := twitch.ParseSecrets(canaryNewest + "," + strings.Repeat("s3cret", 16))
			if err != nil {
				t.Fatal(err)
			}
			webhook := httptest.NewServer(eventsub.New(eventsub.Config{Secrets: accepted}, world, slog.New(slog.DiscardHandler)))
			t.Cleanup(webhook.Close)
			status := httptest.NewServer(http.HandlerFunc(world.status))
			t.Cleanup(status.Close)
			firestore := httptest.NewServer(http.HandlerFunc(world.firestore))
			t.Cleanup(firestore.Close)

			s := newStage(t, "curl", "jq", "openssl")
			s.fake("gcloud", `case "$*" in
  "secrets versions access 1 --secret s-eventsub --project p") printf '%s' "$SECRET,old-secret-0" ;;
  "auth print-identity-token") echo identity ;;
  *) exit 1 ;;
esac`)
			s.fake("terraform", `echo '{"eventsub":{"name":"s-eventsub","version":"1"}}'`)
			s.env = append(s.env, "SECRET="+test.secret, "SMOKE_TIMEOUT=1", "FIRESTORE_EMULATOR_HOST="+strings.TrimPrefix(firestore.URL, "http://"))
			r := s.run("smoke.sh", "--project", "p", webhook.URL, status.URL)
			if r.code != test.code || !strings.Contains(r.stdout+r.stderr, test.says) {
				t.Errorf("it ended with %d, saying\n%s%s", r.code, r.stdout, r.stderr)
			}
			world.mu.Lock()
			defer world.mu.Unlock()
			if got := len(world.removed); got != 0 != test.removes {
				t.Errorf("it removed %v", world.removed)
			}
			if test.removes && (len(world.removed) != 2 || !strings.HasSuffix(world.removed[0], "/history/2026 a")) {
				t.Errorf("it removed %v", world.removed)
			}
		})
	}
}
