package twitch

import (
	"time"

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
	root, err := decodeObject(body)
	if err != nil {
		return Message{}, err
	}
	return Message{
		Subscription: subscription(root.Object("subscription")),
		Event:        root.Object("event"),
		Events:       entries(root.List("events")),
		Challenge:    root.Text("challenge"),
	}, nil
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
