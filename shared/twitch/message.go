package twitch

import (
	"time"
	"unicode/utf8"

	"github.com/sourcestate/sourcestate/shared/event"
)

// A Message is the body of an EventSub webhook message. What a body lacks is
// nil or empty here; which message needs what is for its reader to say.
type Message struct {
	Subscription *Subscription
	Event        event.Object // of a notification
	Events       []Entry      // of a notification of a batched type, in place of Event
	Challenge    string       // of a verification
}

// Subscription is what a message belongs to, or one of a list. A conduit's
// verification has none.
type Subscription struct {
	ID        string
	Status    string // in a revocation the reason
	Type      string
	Version   string
	Condition event.Object

	// Of a listed subscription only.
	Callback  string    // of a webhook; "" where events go another way
	CreatedAt time.Time // zero: not readable
	Cost      int
}

// An Entry is one event of a batch. An entry that is no object is zero here, so
// that every entry keeps its place.
type Entry struct {
	ID   string
	Data event.Object
}

// ParseMessage reads a body. It is lenient, since Twitch adds and changes fields
// at will: unknown fields are ignored, numbers stand for strings, and a field of
// an unexpected type counts as absent. The error is event.ErrNotJSON or
// event.ErrNotObject, wrapped.
func ParseMessage(body []byte) (Message, error) {
	if utf8.Valid(body) {
		r := reader{text: string(body)}
		if m, ok := r.message(); ok {
			return m, nil
		}
	}
	root, err := event.DecodeObject(body)
	if err != nil {
		return Message{}, err
	}
	return message(root), nil
}

func message(root event.Object) Message {
	return Message{
		Subscription: subscription(root.Object("subscription")),
		Event:        root.Object("event"),
		Events:       entries(root.List("events")),
		Challenge:    root.Text("challenge"),
	}
}

// message reads a message and makes nothing of the fields that it does not have.
func (r *reader) message() (m Message, ok bool) {
	if r.space() != '{' {
		return Message{}, false
	}
	const depth = maxReaderDepth - 1
	ok = r.fields(func(name string) (ok bool) {
		var value any
		switch name {
		case "subscription":
			m.Subscription, ok = r.subscription(depth)
		case "event":
			value, ok = r.value(depth)
			m.Event, _ = value.(map[string]any)
		case "events":
			value, ok = r.value(depth)
			list, _ := value.([]any)
			m.Events = entries(list)
		case "challenge":
			m.Challenge, ok = r.readText(depth)
		default:
			ok = r.skip(depth)
		}
		return ok
	})
	return m, ok && r.space() == 0 && r.at == len(r.text)
}

func (r *reader) subscription(depth int) (s *Subscription, ok bool) {
	if r.space() != '{' {
		return nil, r.skip(depth)
	}
	depth--
	s = &Subscription{}
	return s, r.fields(func(name string) (ok bool) {
		switch name {
		case "id":
			s.ID, ok = r.readText(depth)
		case "status":
			s.Status, ok = r.readText(depth)
		case "type":
			s.Type, ok = r.readText(depth)
		case "version":
			s.Version, ok = r.readText(depth)
		case "condition":
			var value any
			value, ok = r.value(depth)
			s.Condition, _ = value.(map[string]any)
		default:
			ok = r.skip(depth)
		}
		return ok
	})
}

// readText reads a value as event.Text has it.
func (r *reader) readText(depth int) (string, bool) {
	if r.space() == '"' {
		return r.string()
	}
	value, ok := r.value(depth)
	return event.Text(value), ok
}

func subscription(o event.Object) *Subscription {
	if o == nil {
		return nil
	}
	return &Subscription{
		ID:        o.Text("id"),
		Status:    o.Text("status"),
		Type:      o.Text("type"),
		Version:   o.Text("version"),
		Condition: o.Object("condition"),
	}
}

func entries(list []any) []Entry {
	if len(list) == 0 {
		return nil
	}
	entries := make([]Entry, len(list))
	for i, value := range list {
		if o, ok := value.(map[string]any); ok {
			entry := event.Object(o)
			entries[i] = Entry{ID: entry.Text("id"), Data: entry.Object("data")}
		}
	}
	return entries
}
