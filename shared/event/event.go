// Package event is the bus contract: InternalEventV2 with its older shapes, the
// attributes beside it, and what every reader must derive from them in the same
// way (type, event time, event id). It does no I/O.
package event

import (
	"encoding/json"

	"github.com/google/uuid"
)

// Version is the envelope version that this suite writes.
const Version = "2"

// The types that this suite reads or writes. The set on the bus is open.
const (
	TypeSourceStatus     = "system.source.status"
	TypeStreamOnline     = "system.stream.online"
	TypeStreamOffline    = "system.stream.offline"
	TypeStreamUpdate     = "system.stream.update"
	TypeTwitchUpdate     = "system.twitch.update"
	TypeConnectorChanged = "connector.status.changed"
	TypeSourceTransition = "system.source.transition"
	TypeDeadLetter       = "router.deadletter.v1"

	// typeTwitchEventSub is the type of early versions, whose real type stands
	// in externalEvent.kind.
	typeTwitchEventSub = "twitch.eventsub.v1"
)

// An Event is one InternalEventV2. Timestamps are strings as FormatTime writes
// them. Extra, here and in the parts, holds every field that has no name in
// this package or no use under it (a null, an empty text, another type than
// expected), so that an event survives decoding and encoding. Where a field is
// set and Extra has its name too, the field is what is written.
type Event struct {
	V             string // "2"; "1" or empty in old events
	Type          string
	CorrelationID string
	TraceID       string
	Ingress       Ingress
	Identity      Identity
	Egress        Egress
	ExternalEvent *ExternalEvent
	Payload       Object
	Message       *Message
	Routing       *Routing
	Extra         Object
}

// Ingress says where and when an event entered the platform.
type Ingress struct {
	IngressAt string
	Source    string // e.g. "ingress.twitch.eventsub"
	Connector string
	Channel   string
	Extra     Object
}

// Identity holds the actor; for stream and channel events the broadcaster.
type Identity struct {
	External External
	Extra    Object
}

// External is the actor as its platform knows it.
type External struct {
	ID          string
	Platform    string
	DisplayName string
	Metadata    Object
	Extra       Object
}

// Egress says where an answer would go; the destination may be empty.
type Egress struct {
	Destination string
	Connector   string
	Channel     string
	Extra       Object
}

// ExternalEvent is the platform's own event behind ours.
type ExternalEvent struct {
	ID        string
	Source    string
	Kind      string
	Version   string
	CreatedAt string
	Metadata  Object
	Payload   Object // in place of Metadata before version 2
	// RawPayload is what the platform sent, where a publisher keeps it.
	RawPayload Object
	Extra      Object
}

// Message is the text that an event carries.
type Message struct {
	ID    string
	Role  string // user, assistant, system or tool
	Text  string
	Extra Object
}

// Routing is the state of the platform's router.
type Routing struct {
	Stage   string // "initial" in everything that enters
	History []any
	Slip    []any
	Extra   Object
}

// UUID is the UUIDv5 (namespace URL) of name: the same for the same fact, so
// that a redelivered message is recognisable downstream.
func UUID(name string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(name))
}

// NewID is UUID as text, which is how it goes onto the bus.
func NewID(name string) string { return UUID(name).String() }

// NewRouting is the routing of an event that has just entered.
func NewRouting() *Routing {
	return &Routing{Stage: "initial", History: []any{}, Slip: []any{}}
}

// Decode reads the body of one event. A number stands for a text by its digits;
// other fields of an unexpected type count as absent and stay in Extra. The error
// is ErrNotJSON or ErrNotObject, wrapped.
func Decode(data []byte) (*Event, error) {
	root, err := DecodeObject(data)
	if err != nil {
		return nil, err
	}
	e := &Event{
		V:             root.take("v"),
		Type:          root.take("type"),
		CorrelationID: root.take("correlationId"),
		TraceID:       root.take("traceId"),
		Payload:       root.takeObject("payload"),
	}
	if o := root.takeObject("ingress"); o != nil {
		e.Ingress = Ingress{
			IngressAt: o.take("ingressAt"), Source: o.take("source"),
			Connector: o.take("connector"), Channel: o.take("channel"), Extra: o,
		}
	}
	if o := root.takeObject("identity"); o != nil {
		if x := o.takeObject("external"); x != nil {
			e.Identity.External = External{
				ID: x.take("id"), Platform: x.take("platform"), DisplayName: x.take("displayName"),
				Metadata: x.takeObject("metadata"), Extra: x,
			}
		}
		e.Identity.Extra = o
	}
	if o := root.takeObject("egress"); o != nil {
		e.Egress = Egress{
			Destination: o.take("destination"), Connector: o.take("connector"),
			Channel: o.take("channel"), Extra: o,
		}
	}
	if o := root.takeObject("externalEvent"); o != nil {
		e.ExternalEvent = &ExternalEvent{
			ID: o.take("id"), Source: o.take("source"), Kind: o.take("kind"),
			Version: o.take("version"), CreatedAt: o.take("createdAt"),
			Metadata: o.takeObject("metadata"), Payload: o.takeObject("payload"),
			RawPayload: o.takeObject("rawPayload"), Extra: o,
		}
	}
	if o := root.takeObject("message"); o != nil {
		e.Message = &Message{ID: o.take("id"), Role: o.take("role"), Text: o.take("text"), Extra: o}
	}
	if o := root.takeObject("routing"); o != nil {
		e.Routing = &Routing{
			Stage: o.take("stage"), History: o.takeList("history"), Slip: o.takeList("slip"), Extra: o,
		}
	}
	e.Extra = root
	return e, nil
}

// Encode writes the event as the UTF-8 JSON body of a bus message. Empty fields
// are absent, but for egress.destination, which readers expect beside its
// connector, and for what was decoded so.
func (e *Event) Encode() ([]byte, error) {
	w := newWriter()
	w.open()
	w.text("v", e.V)
	w.text("type", e.Type)
	w.text("correlationId", e.CorrelationID)
	w.text("traceId", e.TraceID)
	w.part("ingress", e.Ingress.Extra != nil, e.Ingress.encode)
	w.part("identity", e.Identity.Extra != nil, e.Identity.encode)
	w.part("egress", e.Egress.Extra != nil, e.Egress.encode)
	if e.ExternalEvent != nil {
		w.part("externalEvent", true, e.ExternalEvent.encode)
	}
	w.object("payload", e.Payload)
	if m := e.Message; m != nil {
		w.part("message", true, func(w *writer) {
			w.text("id", m.ID)
			w.text("role", m.Role)
			w.text("text", m.Text)
			w.rest(m.Extra)
		})
	}
	if r := e.Routing; r != nil {
		w.part("routing", true, func(w *writer) {
			w.text("stage", r.Stage)
			w.list("history", r.History)
			w.list("slip", r.Slip)
			w.rest(r.Extra)
		})
	}
	w.rest(e.Extra)
	w.close()
	return w.result()
}

// MarshalJSON is Encode, so that events can stand inside other JSON.
func (e *Event) MarshalJSON() ([]byte, error) { return e.Encode() }

// UnmarshalJSON is Decode.
func (e *Event) UnmarshalJSON(data []byte) error {
	decoded, err := Decode(data)
	if err != nil {
		return err
	}
	*e = *decoded
	return nil
}

var (
	_ json.Marshaler   = (*Event)(nil)
	_ json.Unmarshaler = (*Event)(nil)
)

func (i Ingress) encode(w *writer) {
	w.text("ingressAt", i.IngressAt)
	w.text("source", i.Source)
	w.text("connector", i.Connector)
	w.text("channel", i.Channel)
	w.rest(i.Extra)
}

func (i Identity) encode(w *writer) {
	w.part("external", i.External.Extra != nil, func(w *writer) {
		w.text("id", i.External.ID)
		w.text("platform", i.External.Platform)
		w.text("displayName", i.External.DisplayName)
		w.object("metadata", i.External.Metadata)
		w.rest(i.External.Extra)
	})
	w.rest(i.Extra)
}

func (g Egress) encode(w *writer) {
	if g.Destination != "" || g.Connector != "" && !g.Extra.Has("destination") {
		w.value("destination", g.Destination)
	}
	w.text("connector", g.Connector)
	w.text("channel", g.Channel)
	w.rest(g.Extra)
}

func (x *ExternalEvent) encode(w *writer) {
	w.text("id", x.ID)
	w.text("source", x.Source)
	w.text("kind", x.Kind)
	w.text("version", x.Version)
	w.text("createdAt", x.CreatedAt)
	w.object("metadata", x.Metadata)
	w.object("payload", x.Payload)
	w.object("rawPayload", x.RawPayload)
	w.rest(x.Extra)
}
