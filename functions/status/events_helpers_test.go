package status

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
)

// A ticking is a clock that beats when the test says so, for everybody.
type ticking chan time.Time

func (t ticking) every(time.Duration) (<-chan time.Time, func()) { return t, func() {} }

// serving serves h until the test ends. What ended tells that a request is over.
func serving(t testing.TB, h *Handler) (address string, ended <-chan string) {
	t.Helper()
	over := make(chan string, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		over <- r.URL.RawQuery
	}))
	t.Cleanup(func() {
		h.Close()
		server.Close()
	})
	return server.URL, over
}

// A heard is an event as a browser gets it, or a comment.
type heard struct{ ID, Name, Data, Comment string }

// A listener reads events.
type listener struct {
	lines *bufio.Scanner
	close context.CancelFunc
}

// listen opens a stream of events. Its name is for the end of the request.
func listen(t testing.TB, address, name, last string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/api/events?"+name, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	if kind := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("answered %d, %q", answer.StatusCode, kind)
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 16<<20)
	l := &listener{lines, cancel}
	if first, ok := l.next(); !ok || first.Comment == "" {
		t.Fatalf("began with %+v", first)
	}
	return l
}

// next is the next event; false when the stream has ended.
func (l *listener) next() (e heard, ok bool) {
	for l.lines.Scan() {
		line := l.lines.Text()
		field, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "":
			return e, true
		case field == "id":
			e.ID = value
		case field == "event":
			e.Name = value
		case field == "data":
			e.Data = value
		case strings.HasPrefix(line, ":"):
			e.Comment = line
		}
	}
	return heard{}, false
}

// await is the next event, which must have that name, and what it says.
func (l *listener) await(t testing.TB, name string) (e heard, data map[string]any) {
	t.Helper()
	e, ok := l.next()
	if !ok || e.Name != name {
		t.Fatalf("got %+v, %v, want the event %q", e, ok, name)
	}
	if err := json.Unmarshal([]byte(e.Data), &data); err != nil {
		t.Fatalf("data %q: %v", e.Data, err)
	}
	return e, data
}

// ids are those of the sources of a snapshot.
func ids(snapshot map[string]any) []string {
	found := []string{}
	list, _ := snapshot["sources"].([]any)
	for _, s := range list {
		s, _ := s.(map[string]any)
		id, _ := s["id"].(string)
		found = append(found, id)
	}
	return found
}

// A watchCall is a call of Watch that the test answers.
type watchCall struct {
	ctx     context.Context
	changed func([]*source.Document, []source.Key)
	end     chan<- error
}

// scripted is a store whose watches the test plays.
type scripted struct {
	*bolt.Store
	calls chan watchCall
}

func (s scripted) Watch(ctx context.Context, changed func([]*source.Document, []source.Key)) error {
	end := make(chan error)
	s.calls <- watchCall{ctx, changed, end}
	select {
	case err := <-end:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin answers the next watch with these documents, and gives it.
func (s scripted) begin(documents ...*source.Document) <-chan watchCall {
	begun := make(chan watchCall, 1)
	go func() {
		call := <-s.calls
		call.changed(documents, nil)
		begun <- call
	}()
	return begun
}

func titled(id, title string) *source.Document {
	d := document("twitch", id)
	d.Metadata = source.Metadata{"title": title}
	return d
}
