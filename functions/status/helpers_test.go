package status

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
)

var now = time.Date(2026, 5, 1, 12, 0, 7, 120e6, time.UTC)

func silent() *slog.Logger { return slog.New(slog.NewJSONHandler(io.Discard, nil)) }

// keep is a store with these documents.
func keep(t testing.TB, documents ...*source.Document) *bolt.Store {
	t.Helper()
	return keepAt(t, func() time.Time { return now }, documents...)
}

// keepAt is like keep, with a clock.
func keepAt(t testing.TB, clock func() time.Time, documents ...*source.Document) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(t.TempDir(), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, document := range documents {
		put(t, s, document)
	}
	return s
}

// put stores a document and what it takes for its history.
func put(t testing.TB, s store.Store, document *source.Document, changes ...source.Change) {
	t.Helper()
	history := make(map[string]*source.Change)
	for _, change := range changes {
		history[change.Key()] = &change
	}
	err := s.Update(t.Context(), document.Key(), func(*source.Document, source.Parts) (source.Result, error) {
		return source.Result{Document: document, Changed: true, History: history}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func document(platform, id string) *source.Document {
	return &source.Document{Platform: platform, ID: id}
}

// failing is a keeper that fails with err.
type failing struct{ err error }

func (f failing) Get(context.Context, source.Key) (*source.Document, error) { return nil, f.err }

func (f failing) List(context.Context, store.Filter) (store.Page, error) { return store.Page{}, f.err }

func (f failing) History(context.Context, source.Key, store.HistoryQuery) (store.HistoryPage, error) {
	return store.HistoryPage{}, f.err
}

func (f failing) Sessions(context.Context, source.Key, store.SessionQuery) (store.SessionPage, error) {
	return store.SessionPage{}, f.err
}

func (f failing) Hours(context.Context, source.Key, store.HourQuery) (store.HourPage, error) {
	return store.HourPage{}, f.err
}

func (f failing) Record(context.Context, store.Collection, string, any) error { return f.err }

func (f failing) Records(context.Context, store.Collection) (map[string]json.RawMessage, error) {
	return nil, f.err
}

func (f failing) Watch(context.Context, func([]*source.Document, []source.Key)) error { return f.err }

// halfBroken is a store of which the records cannot be read.
type halfBroken struct {
	*bolt.Store
	err error
}

func (b halfBroken) Record(context.Context, store.Collection, string, any) error { return b.err }

func get(t testing.TB, h http.Handler, target string) *http.Response {
	t.Helper()
	return request(t, h, http.MethodGet, target)
}

func request(t testing.TB, h http.Handler, method, target string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, target, nil))
	return w.Result()
}

func text(t testing.TB, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// decoded is the body of an answer that must be JSON of the status.
func decoded(t testing.TB, r *http.Response, status int) map[string]any {
	t.Helper()
	body := text(t, r)
	if r.StatusCode != status {
		t.Fatalf("answered %d, want %d: %s", r.StatusCode, status, body)
	}
	var value map[string]any
	if err := json.Unmarshal([]byte(body), &value); err != nil {
		t.Fatalf("decoding %q: %v", body, err)
	}
	return value
}
