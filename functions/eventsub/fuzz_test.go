package eventsub

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

// FuzzHandler holds that whatever Twitch signs is acknowledged, and that all that
// is published can be read back: an event with a type and an identity, or a dead
// letter.
func FuzzHandler(f *testing.F) {
	for kind := range rows {
		f.Add(byte(0), kind, []byte(`{"id":1,"user_id":"44","broadcaster_user_id":"1337","banned_at":"2026-05-01T12:00:00Z","reward":{"cost":1},"choices":[{"id":1}]}`))
	}
	f.Add(byte(1), "channel.vip.add", []byte(`{"broadcaster_user_id":"1337","user_id":"555"}`))
	f.Add(byte(2), "user.authorization.grant", []byte(`{"user_id":"1"}`))
	f.Add(byte(3), "stream.online", []byte(`[{"id":"x","data":{"broadcaster_user_id":"1"}}]`))
	f.Fuzz(func(t *testing.T, shape byte, kind string, data []byte) {
		h, rec := newHandler(t)
		m := fuzzed(shape, kind, data)
		r := m.request()
		r.Header.Set(twitch.HeaderSubscriptionType, kind)
		answer := serve(h, r)
		wantStatus(t, answer, http.StatusNoContent)
		for _, p := range rec.take() {
			e, err := event.Decode(p.Message.Data)
			if err != nil {
				t.Fatalf("cannot be read back: %v\n%s", err, p.Message.Data)
			}
			if e.Type == "" || e.Type != p.Message.Attributes["type"] || e.CorrelationID == "" || e.Identity.External.ID == "" {
				t.Errorf("incomplete: %s", p.Message.Data)
			}
			if (e.Type == event.TypeDeadLetter) != (p.Topic == bus.DeadLetter) {
				t.Errorf("%s on %s", e.Type, p.Topic)
			}
			if p.Topic == bus.Ingress && !usableID(e.Identity.External.ID) {
				t.Errorf("identity %q", e.Identity.External.ID)
			}
		}
	})
}

// fuzzed puts data into one of the places that a body has for it.
func fuzzed(shape byte, kind string, data []byte) webhook {
	subscription, err := json.Marshal(map[string]string{"type": kind})
	if err != nil {
		subscription = []byte("{}")
	}
	m := notification(string(data))
	switch shape % 5 {
	case 0:
		m.body = `{"subscription":` + string(subscription) + `,"event":` + string(data) + `}`
	case 1:
		m.body = `{"subscription":` + string(subscription) + `,"event":` + string(data) + `}`
		m.retry = "1"
	case 2:
		m.kind = twitch.MessageRevocation
		m.body = `{"subscription":{"type":"x","status":"y","condition":` + string(data) + `}}`
	case 3:
		m.body = `{"subscription":` + string(subscription) + `,"events":` + string(data) + `}`
	}
	return m
}
