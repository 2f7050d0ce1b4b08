package eventsub

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

const (
	secret    = "s3cre7-lab-0123456789"
	messageID = "0f9d8c7b-example"
	timestamp = "2026-05-01T12:00:07.123456789Z"
)

var now = time.Date(2026, 5, 1, 12, 0, 8, 0, time.UTC)

// published is one message that a recorder got.
type published struct {
	Topic   string
	Message event.BusMessage
}

// recorder is a publisher that keeps what it gets. Fail, when set, decides in
// its place.
type recorder struct {
	fail func(ctx context.Context, topic string) error

	mu       sync.Mutex
	messages []published
}

func (r *recorder) Publish(ctx context.Context, topic string, messages ...event.BusMessage) error {
	if r.fail != nil {
		if err := r.fail(ctx, topic); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range messages {
		r.messages = append(r.messages, published{Topic: topic, Message: m})
	}
	return nil
}

// take gives what was published since the last call.
func (r *recorder) take() []published {
	r.mu.Lock()
	defer r.mu.Unlock()
	messages := r.messages
	r.messages = nil
	return messages
}

// newHandler is a handler whose clock stands at now, and what it publishes.
func newHandler(t testing.TB) (*Handler, *recorder) {
	t.Helper()
	rec := &recorder{}
	return newHandlerWith(t, rec), rec
}

func newHandlerWith(t testing.TB, p publisher) *Handler {
	t.Helper()
	secrets, err := twitch.ParseSecrets(secret)
	if err != nil {
		t.Fatal(err)
	}
	h := New(Config{Secrets: secrets, BotUserID: "555"}, p, slog.New(slog.NewJSONHandler(io.Discard, nil)))
	h.Now = func() time.Time { return now }
	return h
}

// webhook is a signed message that a change may spoil afterwards.
type webhook struct {
	id, timestamp, kind, retry string
	body                       string
}

func notification(body string) webhook {
	return webhook{id: messageID, timestamp: timestamp, kind: twitch.MessageNotification, body: body}
}

func (m webhook) request() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/twitch", strings.NewReader(m.body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(twitch.HeaderID, m.id)
	r.Header.Set(twitch.HeaderTimestamp, m.timestamp)
	r.Header.Set(twitch.HeaderType, m.kind)
	r.Header.Set(twitch.HeaderSignature, twitch.Sign(secret, m.id, m.timestamp, []byte(m.body)))
	if m.retry != "" {
		r.Header.Set(twitch.HeaderRetry, m.retry)
	}
	return r
}

// serve gives the handler's answer to a request.
func serve(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
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

// wantStatus fails the test when an answer has another status.
func wantStatus(t testing.TB, r *http.Response, want int) {
	t.Helper()
	if r.StatusCode != want {
		t.Errorf("status = %d, want %d", r.StatusCode, want)
	}
}

// onlyEvent is the one event that was published to the ingress topic.
func onlyEvent(t testing.TB, rec *recorder) event.Object {
	t.Helper()
	messages := rec.take()
	if len(messages) != 1 || messages[0].Topic != bus.Ingress {
		t.Fatalf("published %d messages, want one to %s: %+v", len(messages), bus.Ingress, messages)
	}
	return object(t, messages[0].Message.Data)
}

// wantMessage fails the test unless one event was published, with this body and
// with the attributes that repeat parts of it.
func wantMessage(t testing.TB, rec *recorder, want event.Object) {
	t.Helper()
	messages := rec.take()
	if len(messages) != 1 || messages[0].Topic != bus.Ingress {
		t.Fatalf("published %d messages, want one to %s: %+v", len(messages), bus.Ingress, messages)
	}
	if diff := cmp.Diff(want, object(t, messages[0].Message.Data)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	attributes := event.Attributes{
		"type": want.Text("type"), "source": "ingress.twitch.eventsub", "platform": "twitch",
		"correlationId": want.Text("correlationId"), "idempotencyKey": want.Text("correlationId"),
	}
	if diff := cmp.Diff(attributes, messages[0].Message.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}

// onlyLetter is the payload of the one dead letter that was published.
func onlyLetter(t testing.TB, rec *recorder) event.Object {
	t.Helper()
	messages := rec.take()
	if len(messages) != 1 || messages[0].Topic != bus.DeadLetter {
		t.Fatalf("published %d messages, want one dead letter: %+v", len(messages), messages)
	}
	return object(t, messages[0].Message.Data).Object("payload")
}

func object(t testing.TB, data []byte) event.Object {
	t.Helper()
	o, err := event.DecodeObject(data)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func setBody(r *http.Request, body []byte) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
}
