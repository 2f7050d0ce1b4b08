package main

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/sourcestate/sourcestate/scripts/local/pubsub"
	"github.com/sourcestate/sourcestate/shared/event"
)

// topics are the topics of the suite by their names.
type topics struct {
	broker *pubsub.Broker
	prefix string
}

// path is the full name of a topic for the name without the prefix.
func (t topics) path(name string) string {
	return "projects/" + project + "/topics/" + t.prefix + name
}

// A debugMessage is one message of a topic as a person reads it.
type debugMessage struct {
	Data        any              `json:"data"` // the event; base64 of what is not JSON
	Attributes  event.Attributes `json:"attributes"`
	ID          string           `json:"messageId"`
	PublishTime string           `json:"publishTime"`
}

// debug answers with the last messages of a topic, oldest first. The prefix of
// the topic may be left out.
func (t topics) debug(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name := r.URL.Query().Get("topic")
	topic := t.prefix + name
	messages, ok := t.broker.Recent(t.path(name))
	if !ok {
		topic = name
		messages, ok = t.broker.Recent("projects/" + project + "/topics/" + name)
	}
	if !ok {
		http.Error(w, "no such topic", http.StatusNotFound)
		return
	}
	answer := struct {
		Topic    string         `json:"topic"`
		Messages []debugMessage `json:"messages"`
	}{topic, make([]debugMessage, len(messages))}
	for i, m := range messages {
		answer.Messages[i] = readable(m)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	// A caller that has gone away needs no answer.
	_ = json.NewEncoder(w).Encode(answer)
}

func readable(m event.BusMessage) debugMessage {
	d := debugMessage{
		Data: m.Data, Attributes: m.Attributes, ID: m.ID,
		PublishTime: m.PublishTime.Format(time.RFC3339Nano),
	}
	if json.Valid(m.Data) {
		d.Data = json.RawMessage(m.Data)
	}
	if d.Attributes == nil {
		d.Attributes = event.Attributes{}
	}
	return d
}
