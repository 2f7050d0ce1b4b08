package source_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

func decodeDocument(t *testing.T, text string) *source.Document {
	t.Helper()
	return decode[*source.Document](t, []byte(text))
}

// Whatever the bus carries is applied, ignored or refused for good: never a
// panic, never a document that cannot be stored and read again, and applied
// twice it is applied once.
func FuzzReadAndMerge(f *testing.F) {
	f.Add([]byte(`{"type":"system.source.status","payload":{"platform":"slack","id":"s","status":"ERROR","lastError":"x",
		"metrics":{"received":1},"metadata":{"a":[[1],{"b":null}]},"roles":{"VIP":true},"permissions":["MODERATOR"]}}`), "system.source.status")
	f.Add([]byte(`{"externalEvent":{"id":"9","source":"twitch.eventsub","metadata":{"broadcasterId":1,"startedAt":"9999-12-31T23:59:59Z"}}}`), "system.stream.online")
	f.Add([]byte(`{"payload":{"platform":"a/b","id":"..","source":"x:y:z"}}`), "system.stream.offline")
	f.Add([]byte(`{"connector":"twitch-x","id":5,"currentState":"ERROR"}`), "connector.status.changed")
	f.Add([]byte(`[1]`), "")
	f.Add([]byte(`{"type":5,"payload":null,"ingress":[],"identity":{"external":7}}`), "x")
	f.Fuzz(func(t *testing.T, data []byte, kind string) {
		m := event.BusMessage{Data: data, Attributes: event.Attributes{"TYPE": kind}, PublishTime: at("12:00:00")}
		u, err := source.Read(m)
		if err != nil {
			if invalid := (*source.Invalid)(nil); !errors.Is(err, source.ErrIgnored) && !errors.As(err, &invalid) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		if u.At.After(m.PublishTime.Add(event.Tolerance)) {
			t.Fatalf("event time %v", u.At)
		}
		if key, err := source.ParseDocumentID(u.Key.DocumentID()); err != nil || key != u.Key {
			t.Fatalf("%+v does not survive as a document id: %+v, %v", u.Key, key, err)
		}
		first, err := source.Merge(nil, parts{newWorld(t), ""}, u)
		if err != nil {
			t.Fatal(err)
		}
		if first.Document == nil {
			return
		}
		encoded := encode(t, first.Document)
		var stored source.Document
		if err := json.Unmarshal(encoded, &stored); err != nil {
			t.Fatalf("%s: %v", encoded, err)
		}
		if again := encode(t, &stored); string(again) != string(encoded) {
			t.Fatalf("stored %s, read %s", encoded, again)
		}
		second, err := source.Merge(&stored, parts{newWorld(t), ""}, u)
		if err != nil {
			t.Fatal(err)
		}
		if second.Changed {
			t.Fatalf("applied twice: %s, then %s", encoded, encode(t, second.Document))
		}
	})
}
