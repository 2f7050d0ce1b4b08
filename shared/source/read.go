package source

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sourcestate/sourcestate/shared/event"
)

// ErrIgnored says that an event concerns no source: a type that is not ours, or
// a connector's notice that names none. It is acknowledged and counted.
var ErrIgnored = errors.New("concerns no source")

// Invalid says that an event can never be applied (design section 5, rule 8).
type Invalid struct {
	Reason string // a short constant for the dead-letter envelope, e.g. "no_identity"
	Err    error
}

func (e *Invalid) Error() string { return e.Reason + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *Invalid) Unwrap() error { return e.Err }

// Receive decodes a message. The error is an *Invalid.
func Receive(m event.BusMessage) (*event.Delivery, error) {
	d, err := event.Receive(m)
	if err != nil {
		reason := "not_json"
		if errors.Is(err, event.ErrNotObject) {
			reason = "not_an_object"
		}
		return nil, &Invalid{Reason: reason, Err: err}
	}
	return d, nil
}

// Read is Receive and ReadDelivery.
func Read(m event.BusMessage) (*Update, error) {
	d, err := Receive(m)
	if err != nil {
		return nil, err
	}
	return ReadDelivery(d)
}

// ReadDelivery turns an event into what it says about one source, by the rules of
// identity, event time and event id (design section 5, rules 1 and 4). The error
// is ErrIgnored, wrapped, or an *Invalid; both are permanent.
func ReadDelivery(d *event.Delivery) (*Update, error) {
	switch kind := d.Type(); kind {
	case event.TypeSourceStatus:
		return readStatus(d)
	case event.TypeStreamOnline, event.TypeStreamOffline, event.TypeStreamUpdate, event.TypeTwitchUpdate:
		return readStream(d)
	case event.TypeConnectorChanged:
		return readConnectorChanged(d)
	case "":
		return nil, &Invalid{Reason: "no_type", Err: errors.New("the event has no type")}
	default:
		return nil, fmt.Errorf("%w: type %.100q", ErrIgnored, kind)
	}
}

// errNoIdentity is wrapped in an Invalid; the values themselves may be hostile
// and are in the dead letter anyway.
var errNoIdentity = errors.New("the event names no platform or no id that can be used")

func noIdentity() error { return &Invalid{Reason: "no_identity", Err: errNoIdentity} }

// firstID is the first of the candidates that can be an id.
func firstID(candidates ...string) string {
	for _, id := range candidates {
		if validID(id) {
			return id
		}
	}
	return ""
}

// nameOf is the display name that an event gives to its source.
func nameOf(d *event.Delivery, key Key, candidates ...string) string {
	external := d.Identity.External
	if external.ID == key.ID {
		candidates = append(candidates, external.DisplayName)
	}
	for _, name := range candidates {
		if name != "" {
			return truncate(name, maxLabel)
		}
	}
	return ""
}

// statusKey finds the source of a status event: payload.id, then "source" after
// the first colon.
func statusKey(body event.Object) (Key, bool) {
	platform, id, found := strings.Cut(body.Text("source"), ":")
	if !found {
		platform, id = "", ""
	}
	key := Key{Platform: body.Text("platform"), ID: firstID(body.Text("id"), id)}
	if key.Platform == "" {
		key.Platform = platform
	}
	return key, key.valid()
}

// streamKey finds the source of a stream or channel event, and the stream. The
// id in the body may be the channel's or the stream's: publishers disagree (bus
// contract, finding 2).
func streamKey(d *event.Delivery) (key Key, streamID string, ok bool) {
	body := d.Body()
	external := ""
	if d.ExternalEvent != nil && d.Type() == event.TypeStreamOnline {
		external = d.ExternalEvent.ID
	}
	bodyID, streamID := body.Text("id"), body.Text("streamId")

	channel := bodyID
	if bodyID == streamID || bodyID == external {
		channel = ""
	}
	_, afterColon, _ := strings.Cut(body.Text("source"), ":")
	key = Key{
		Platform: streamPlatform(d),
		ID:       firstID(body.Text("broadcasterId"), channel, d.Identity.External.ID, afterColon),
	}
	if streamID == "" && bodyID != key.ID {
		streamID = bodyID
	}
	if streamID == "" && external != key.ID {
		streamID = external
	}
	if !validID(streamID) {
		streamID = ""
	}
	return key, streamID, key.valid()
}

// streamPlatform is body.platform, else externalEvent.source before the first
// dot, else the second segment of ingress.source.
func streamPlatform(d *event.Delivery) string {
	if platform := d.Body().Text("platform"); platform != "" {
		return platform
	}
	if d.ExternalEvent != nil && d.ExternalEvent.Source != "" {
		platform, _, _ := strings.Cut(d.ExternalEvent.Source, ".")
		return platform
	}
	segments := strings.Split(d.Source(), ".")
	if len(segments) < 2 {
		return ""
	}
	return segments[1]
}
