package persistence

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
)

var (
	// now is what the handler's clock shows. Nothing but what a message leaves
	// open may come from it.
	now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	// sent is when the messages of these tests were published.
	sent = time.Date(2026, 5, 1, 12, 0, 1, 0, time.UTC)
)

// tester is a *testing.T, *testing.B or *rapid.T.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// published is one message that a recorder got.
type published struct {
	Topic   string
	Message event.BusMessage
}

func (p published) String() string {
	return fmt.Sprintf("\n%s %v %s", p.Topic, p.Message.Attributes, p.Message.Data)
}

// recorder is a publisher that keeps what it gets. Before, when set, may refuse
// instead; after, when set, may deny what was kept, as a lost answer does.
type recorder struct {
	before, after func(topic string) error

	mu       sync.Mutex
	messages []published
}

func (r *recorder) Publish(_ context.Context, topic string, messages ...event.BusMessage) error {
	if r.before != nil {
		if err := r.before(topic); err != nil {
			return err
		}
	}
	r.keep(topic, messages)
	if r.after != nil {
		return r.after(topic)
	}
	return nil
}

func (r *recorder) keep(topic string, messages []event.BusMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range messages {
		r.messages = append(r.messages, published{Topic: topic, Message: m})
	}
}

// take gives what was published since the last call.
func (r *recorder) take() []published {
	r.mu.Lock()
	defer r.mu.Unlock()
	messages := r.messages
	r.messages = nil
	return messages
}

// logged keeps the lines of a log.
type logged struct {
	mu    sync.Mutex
	lines []byte
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, p...)
	return len(p), nil
}

// take gives the lines since the last call.
func (l *logged) take(t tester) []event.Object {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []event.Object
	for line := range bytes.Lines(l.lines) {
		lines = append(lines, object(t, line))
	}
	l.lines = nil
	return lines
}

// A bench is a handler with everything around it.
type bench struct {
	*Handler
	store store.Store
	rec   *recorder
	log   *logged
}

// newBench is a handler with an empty store whose clock stands at now.
func newBench(t testing.TB) *bench {
	t.Helper()
	return newBenchWith(t, func(s store.Store) updater { return s })
}

// newBenchWith is newBench with something between the handler and its store.
func newBenchWith(t testing.TB, between func(store.Store) updater) *bench {
	t.Helper()
	documents := openBolt(t, t.TempDir())
	t.Cleanup(func() { documents.Close() })
	rec, log := &recorder{}, &logged{}
	h := New(recording{between(documents), documents}, rec, slog.New(slog.NewJSONHandler(log, nil)))
	h.Now = func() time.Time { return now }
	return &bench{Handler: h, store: documents, rec: rec, log: log}
}

func openBolt(t tester, dir string) *bolt.Store {
	t.Helper()
	documents, err := bolt.Open(dir, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	return documents
}

// recording is an updater that keeps records, too.
type recording struct {
	updater
	writer
}

// unwritten keeps no records.
type unwritten struct{}

func (unwritten) Write(context.Context, store.Collection, map[string]any) error { return nil }

// silent is a log that nobody reads.
func silent() *slog.Logger { return slog.New(slog.NewJSONHandler(io.Discard, nil)) }

// push is the request by which Pub/Sub delivers a message.
func push(t tester, m event.BusMessage) *http.Request {
	t.Helper()
	body, err := event.EncodePush(m, "projects/p/subscriptions/internal.ingress.v1.persistence")
	if err != nil {
		t.Fatal(err)
	}
	return post(string(body))
}

func post(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/projects/p/topics/internal.ingress.v1", bytes.NewReader([]byte(body)))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// serve gives the handler's answer to a request.
func serve(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// deliver pushes a message and fails the test when the answer is another.
func (b *bench) deliver(t testing.TB, m event.BusMessage, want int) {
	t.Helper()
	if answer := serve(b, push(t, m)); answer.StatusCode != want {
		t.Fatalf("status = %d, want %d", answer.StatusCode, want)
	}
}

// outcome is the word of the one line that was logged.
func (b *bench) outcome(t testing.TB) string {
	t.Helper()
	lines := b.log.take(t)
	if len(lines) != 1 {
		t.Fatalf("%d lines logged, want one: %v", len(lines), lines)
	}
	return lines[0].Text("outcome")
}

// quiet fails the test when anything was published.
func (b *bench) quiet(t testing.TB) {
	t.Helper()
	if messages := b.rec.take(); len(messages) != 0 {
		t.Errorf("published %v", messages)
	}
}

// letter is the one dead letter that was published.
func (b *bench) letter(t testing.TB) (event.Object, event.BusMessage) {
	t.Helper()
	messages := b.rec.take()
	if len(messages) != 1 || messages[0].Topic != bus.DeadLetter {
		t.Fatalf("published %v, want one dead letter", messages)
	}
	return object(t, messages[0].Message.Data), messages[0].Message
}

// message is an event as a bus message, published at sent.
func message(t tester, e event.Object) event.BusMessage {
	t.Helper()
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return event.BusMessage{ID: "m-1", Data: data, PublishTime: sent}
}

// status is a system.source.status with the given payload, complete otherwise.
func status(t tester, payload event.Object) event.BusMessage {
	t.Helper()
	m := message(t, event.Object{
		"v": "2", "type": event.TypeSourceStatus, "correlationId": "c-1",
		"ingress": event.Object{"ingressAt": "2026-05-01T12:00:00.000Z", "source": "ingress.slack", "connector": "system"},
		"egress":  event.Object{"destination": "", "connector": "system"},
		"payload": payload,
	})
	m.Attributes = event.Attributes{"type": event.TypeSourceStatus, "source": "ingress.slack", "correlationId": "c-1"}
	return m
}

// connected is a status that makes the document slack:a.
func connected(t tester) event.BusMessage {
	t.Helper()
	return status(t, event.Object{"platform": "slack", "id": "a", "status": "CONNECTED"})
}

func object(t tester, data []byte) event.Object {
	t.Helper()
	o, err := event.DecodeObject(data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	return o
}
