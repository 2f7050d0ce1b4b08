package event

import (
	"encoding/base64"
	"encoding/json"
	"time"
	"unicode/utf8"
)

// Rejected is a message that can never succeed, and why.
type Rejected struct {
	Message BusMessage
	Reason  string    // a short constant, e.g. "no_identity"
	Error   string    // what was wrong, without secrets
	By      string    // the function that refused it, e.g. "persistence"
	At      time.Time // when; only for an original without an ingress
}

const previewLimit = 1000

// DeadLetter is the envelope of a rejected message (the bus contract, section
// 9). Its outer fields are the original's as far as they can be read, and
// payload.original holds the whole message, base64 of
// {data, attributes, messageId, publishTime} as a Pub/Sub push has it, so that
// it can be sent back.
func (r Rejected) DeadLetter() (*Event, error) {
	original, err := Decode(r.Message.Data)
	if err != nil {
		original = &Event{}
	}
	received := &Delivery{Event: original, BusMessage: r.Message}

	whole, err := json.Marshal(pushMessage(r.Message))
	if err != nil {
		return nil, err
	}
	letter := &Event{
		V:             Version,
		Type:          TypeDeadLetter,
		CorrelationID: received.ID(),
		TraceID:       original.TraceID,
		Ingress:       original.Ingress,
		Identity:      original.Identity,
		Egress:        original.Egress,
		Routing:       original.Routing,
		Payload: Object{
			"reason":                 r.Reason,
			"error":                  Object{"code": "invalid", "message": r.Error},
			"lastStepId":             r.By,
			"originalType":           received.Type(),
			"slipSummary":            "[]",
			"originalPayloadPreview": preview(original, r.Message.Data),
			"egressSource":           received.Source(),
			"metadata":               Object{},
			"original":               base64.StdEncoding.EncodeToString(whole),
		},
	}
	if letter.Identity.External.ID == "" {
		letter.Identity.External = External{ID: "unknown", Platform: "system"}
	}
	// An empty destination beside a connector is a whole egress.
	if letter.Egress.Destination == "" && letter.Egress.Connector == "" {
		letter.Egress.Destination = "deadletter"
	}
	if letter.Ingress.Source == "" {
		letter.Ingress = Ingress{IngressAt: FormatTime(r.At), Source: r.By, Connector: "system"}
	}
	if letter.Routing == nil {
		letter.Routing = NewRouting()
	}
	return letter, nil
}

// preview is the original's payload when it is short, else its length.
func preview(original *Event, data []byte) any {
	if original.Payload != nil {
		encoded, err := json.Marshal(original.Payload)
		if err == nil && utf8.RuneCount(encoded) <= previewLimit {
			return original.Payload
		}
		return Object{"truncated": true, "length": len(encoded)}
	}
	if utf8.RuneCount(data) <= previewLimit {
		return string(data)
	}
	return Object{"truncated": true, "length": len(data)}
}
