package eventsub

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
)

// vector is one case of testdata/twitch: a request as it came off the socket, what
// is changed in it, and the answer and the messages that it must give. What it
// says of documents is Persistence's business.
type vector struct {
	Name   string
	File   string
	Secret string
	Env    map[string]string
	Now    time.Time
	After  []string
	Change struct {
		SetHeader    map[string]string
		RemoveHeader []string
		AppendBody   string
	}
	Answer struct {
		Status      int
		ContentType string
		Body        *string
	}
	Published []struct {
		Type, Platform, ID string
		EventTime          time.Time
		CorrelationID      string
		CorrelationIDOf    string
		Fields             map[string]any
	}
}

func TestVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			h, rec := v.handler(t)
			for _, file := range v.After {
				wantStatus(t, serve(h, fileRequest(t, file)), http.StatusNoContent)
			}
			rec.take()

			answer := serve(h, v.request(t))

			wantStatus(t, answer, v.Answer.Status)
			if want := v.Answer.ContentType; want != "" {
				got, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
				if err != nil || got != want {
					t.Errorf("content type = %q (%v), want %q", got, err, want)
				}
			}
			if want := v.Answer.Body; want != nil {
				if diff := cmp.Diff(*want, text(t, answer)); diff != "" {
					t.Errorf("body (-want +got):\n%s", diff)
				}
			}
			messages := rec.take()
			if len(messages) != len(v.Published) {
				t.Fatalf("published %d messages, want %d: %+v", len(messages), len(v.Published), messages)
			}
			for i := range v.Published {
				v.checkPublished(t, i, messages[i])
			}
		})
	}
}

func (v vector) checkPublished(t *testing.T, i int, got published) {
	t.Helper()
	want := v.Published[i]
	if got.Topic != bus.Ingress {
		t.Errorf("topic = %q", got.Topic)
	}
	body := object(t, got.Message.Data)
	attributes := got.Message.Attributes
	if body.Text("type") != want.Type || attributes["type"] != want.Type {
		t.Errorf("type = %q in the body, %q in the attributes, want %q", body["type"], attributes["type"], want.Type)
	}
	if attributes["platform"] != want.Platform {
		t.Errorf("platform = %q, want %q", attributes["platform"], want.Platform)
	}
	correlationID := body.Text("correlationId")
	if attributes["correlationId"] != correlationID || attributes["idempotencyKey"] != correlationID {
		t.Errorf("attributes %v do not repeat the correlationId %q", attributes, correlationID)
	}
	if want.CorrelationID != "" && correlationID != want.CorrelationID {
		t.Errorf("correlationId = %q, want %q", correlationID, want.CorrelationID)
	}
	if want.CorrelationIDOf != "" {
		h, rec := v.handler(t)
		serve(h, fileRequest(t, want.CorrelationIDOf))
		if other := onlyEvent(t, rec).Text("correlationId"); correlationID != other {
			t.Errorf("correlationId = %q, want that of %s, %q", correlationID, want.CorrelationIDOf, other)
		}
	}
	got.Message.PublishTime = v.Now
	received, err := event.Receive(got.Message)
	if err != nil {
		t.Fatal(err)
	}
	if !received.Time().Equal(want.EventTime) {
		t.Errorf("event time = %v, want %v", received.Time(), want.EventTime)
	}
	if want.ID != "" && sourceID(received) != want.ID {
		t.Errorf("id of the source = %q, want %q", sourceID(received), want.ID)
	}
	for path, value := range want.Fields {
		if diff := cmp.Diff(value, at(body, path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// sourceID is the identity rule (design section 5, rule 4) as far as what
// EventSub sends can need it.
func sourceID(d *event.Delivery) string {
	if id := d.Body().Text("broadcasterId"); id != "" {
		return id
	}
	if id := d.Payload.Text("id"); id != "" {
		return id
	}
	return d.Identity.External.ID
}

// at is the value under a dotted path; nil where there is none.
func at(o event.Object, path string) any {
	first, rest, deeper := strings.Cut(path, ".")
	if deeper {
		return at(o.Object(first), rest)
	}
	return o[first]
}

func (v vector) handler(t *testing.T) (*Handler, *recorder) {
	t.Helper()
	config, err := Load(func(name string) string {
		switch name {
		case "TWITCH_EVENTSUB_SECRETS":
			return v.Secret
		case "GOOGLE_CLOUD_PROJECT":
			return "test"
		}
		return v.Env[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	rec := &recorder{}
	h := New(config, rec, slog.New(slog.DiscardHandler))
	h.Now = func() time.Time { return v.Now }
	return h, rec
}

func (v vector) request(t *testing.T) *http.Request {
	t.Helper()
	r := fileRequest(t, v.File)
	for name, value := range v.Change.SetHeader {
		r.Header.Set(name, value)
	}
	for _, name := range v.Change.RemoveHeader {
		r.Header.Del(name)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	body = append(body, v.Change.AppendBody...)
	setBody(r, body)
	return r
}

func fileRequest(t *testing.T, file string) *http.Request {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "twitch", file))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func vectors(t *testing.T) []vector {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "twitch", "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []vector }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	return file.Cases
}
