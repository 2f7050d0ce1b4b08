package event

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Tolerance is how far an event time may lie beyond the publish time before
// the publish time is used in its place (design section 5, rule 1).
const Tolerance = 5 * time.Minute

// A Delivery is an event together with what the bus says about it.
type Delivery struct {
	*Event
	BusMessage BusMessage
}

// Receive decodes a message. The error is that of Decode and permanent.
func Receive(m BusMessage) (*Delivery, error) {
	e, err := Decode(m.Data)
	if err != nil {
		return nil, err
	}
	return &Delivery{Event: e, BusMessage: m}, nil
}

// Type is the type of the event: that of the body, else that of the attributes
// (the first heartbeats have it only there). An event of the early type
// "twitch.eventsub.v1" has its real one in externalEvent.kind.
func (d *Delivery) Type() string {
	kind := d.Event.Type
	if kind == "" {
		kind = d.BusMessage.Attributes.Get(AttributeType)
	}
	if kind != typeTwitchEventSub || d.ExternalEvent == nil {
		return kind
	}
	switch d.ExternalEvent.Kind {
	case "stream.online":
		return TypeStreamOnline
	case "stream.offline":
		return TypeStreamOffline
	case "channel.update":
		return TypeTwitchUpdate
	}
	return kind
}

// Source is who sent the event, e.g. "ingress.slack": of the envelope, else the
// root of old events, else the attributes. The root of a bare payload may name
// the source that it is about ("twitch:123456"), which sent nothing.
func (d *Delivery) Source() string {
	if d.Ingress.Source != "" {
		return d.Ingress.Source
	}
	if source := d.Extra.Text("source"); source != "" && !strings.Contains(source, ":") {
		return source
	}
	return d.BusMessage.Attributes.Get(AttributeSource)
}

// Body is what the event says: the payload, else externalEvent.metadata, else
// externalEvent.payload (version 1). The first heartbeats are a bare payload;
// for them it is the root.
func (d *Delivery) Body() Object {
	switch {
	case len(d.Payload) > 0:
		return d.Payload
	case d.ExternalEvent != nil && len(d.ExternalEvent.Metadata) > 0:
		return d.ExternalEvent.Metadata
	case d.ExternalEvent != nil && len(d.ExternalEvent.Payload) > 0:
		return d.ExternalEvent.Payload
	}
	return d.Extra
}

// Time is the event time (design section 5, rule 1), in UTC and cut to
// milliseconds. It is never the processing time.
func (d *Delivery) Time() time.Time {
	published := cut(d.BusMessage.PublishTime)
	stated, ok := d.statedTime()
	if !ok || d.Future(stated) {
		return published
	}
	return stated
}

// Future reports whether an instant lies too far beyond the publish time to be
// believed.
func (d *Delivery) Future(t time.Time) bool {
	return t.After(d.BusMessage.PublishTime.Add(Tolerance))
}

func (d *Delivery) statedTime() (time.Time, bool) {
	candidates := make([]Object, 0, 4)
	candidates = append(candidates, d.Payload)
	var created string
	if x := d.ExternalEvent; x != nil {
		candidates = append(candidates, x.Metadata, x.Payload)
		created = x.CreatedAt
	}
	// One of these already, or the root of a bare payload.
	candidates = append(candidates, d.Body())
	for _, object := range candidates {
		if t, ok := object.Time("observedAt"); ok {
			return t, true
		}
	}
	for _, text := range []string{created, d.Ingress.IngressAt} {
		if t, err := ParseTime(text); err == nil {
			return t, true
		}
	}
	if d.Type() == TypeConnectorChanged {
		return d.Extra.Time("timestamp")
	}
	return time.Time{}, false
}

// ID is the event id that breaks ties between events of one instant and names
// the event in history: the correlationId of the body, else of the attributes,
// else the idempotencyKey, else a hash of the body. It is never the message id
// of the bus, which a duplicate has anew.
func (d *Delivery) ID() string {
	attributes := d.BusMessage.Attributes
	for _, id := range []string{
		d.CorrelationID, attributes.Get(AttributeCorrelationID),
		d.Extra.Text("idempotencyKey"), attributes.Get(AttributeIdempotencyKey),
	} {
		if id != "" {
			return id
		}
	}
	sum := sha256.Sum256(d.BusMessage.Data)
	return hex.EncodeToString(sum[:])
}
