package persistence

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// forgetful is a store that merges into nothing and keeps nothing. Broken, it
// fails.
type forgetful struct{ broken bool }

func (f forgetful) Update(_ context.Context, _ source.Key, merge store.Merge) error {
	if f.broken {
		return errBroken
	}
	_, err := merge(nil, emptyParts{})
	return err
}

// fuzzed puts data into one of the places that a request has for it.
func fuzzed(t *testing.T, form byte, data []byte) *http.Request {
	wrapped := func() []byte {
		body, err := event.EncodePush(event.BusMessage{ID: "m", Data: data, PublishTime: sent}, "s")
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	switch form % 6 {
	case 0:
		return post(string(data))
	case 1:
		return binary(string(data))
	case 2:
		r := post(string(data))
		r.Header.Set("Content-Type", "application/cloudevents+json")
		return r
	case 3:
		return post(string(wrapped()))
	case 4:
		return structured(string(wrapped()), sent)
	default:
		return binary(string(wrapped()))
	}
}

// FuzzRequest holds that no body brings the handler down, that a working store
// acknowledges whatever is a message, that a broken one never does, and that what
// is dead-lettered can be sent back.
func FuzzRequest(f *testing.F) {
	files, err := filepath.Glob(vectorFiles)
	if err != nil || len(files) == 0 {
		f.Fatalf("no vectors: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, m := range decodeVector(f, data).messages() {
			f.Add(byte(3), m.Data)
			body, err := event.EncodePush(m, "s")
			if err != nil {
				f.Fatal(err)
			}
			f.Add(byte(0), body)
			f.Add(byte(1), body)
		}
	}
	f.Add(byte(2), []byte(`{"specversion":"1.0","type":"t","source":"s","id":"1","data_base64":"eyJtZXNzYWdlIjp7fX0="}`))
	f.Add(byte(2), []byte(`{"specversion":"1.0","type":"t","source":"s","id":"1","data":{"message":{"data":"e30="}}}`))
	f.Fuzz(func(t *testing.T, form byte, data []byte) {
		m, unread := readMessage(httptest.NewRecorder(), fuzzed(t, form, data))
		_, wrong := source.Read(m)

		rec := &recorder{}
		h := New(recording{forgetful{}, unwritten{}}, rec, silent())
		want := http.StatusNoContent
		if unread != nil {
			want = http.StatusBadRequest
		}
		if got := serve(h, fuzzed(t, form, data)).StatusCode; got != want {
			t.Fatalf("status = %d, want %d", got, want)
		}
		for _, p := range rec.take() {
			e, err := event.Decode(p.Message.Data)
			if err != nil || e.CorrelationID == "" || e.Type == "" {
				t.Errorf("published what cannot be read back: %v\n%s", err, p.Message.Data)
			}
			if p.Topic != bus.DeadLetter {
				continue
			}
			sentBack := original(t, event.Object(e.Payload))
			if diff := cmp.Diff(string(m.Data), string(sentBack.Data)); diff != "" {
				t.Errorf("the original (-received +kept):\n%s", diff)
			}
		}

		if unread != nil || wrong != nil {
			return
		}
		broken := New(recording{forgetful{broken: true}, unwritten{}}, rec, silent())
		if got := serve(broken, fuzzed(t, form, data)).StatusCode; got != http.StatusServiceUnavailable {
			t.Errorf("status = %d although nothing was stored", got)
		}
		if messages := rec.take(); len(messages) != 0 {
			t.Errorf("published %v although nothing was stored", messages)
		}
	})
}
