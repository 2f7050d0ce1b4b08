package event

import (
	"strings"
	"time"
)

// A BusMessage is what Pub/Sub carries: the body of one event and the
// attributes beside it. ID and PublishTime are the bus's own and empty on the
// way out.
type BusMessage struct {
	Data        []byte
	Attributes  Attributes
	ID          string
	PublishTime time.Time
}

// The attributes that this suite writes beside every event. Subscriptions
// filter on them, so their spelling is part of the contract.
const (
	AttributeType           = "type"
	AttributeSource         = "source"
	AttributeCorrelationID  = "correlationId"
	AttributeIdempotencyKey = "idempotencyKey"
	AttributePlatform       = "platform"
	AttributeTraceparent    = "traceparent"
)

// Attributes are the attributes of a bus message. Publishers disagree about
// upper and lower case, so they are read by Get.
type Attributes map[string]string

// Get is the value under name in whatever case the sender wrote it; the exact
// spelling is preferred. An empty value counts as absent.
func (a Attributes) Get(name string) string {
	if value := a[name]; value != "" {
		return value
	}
	// The least of several other spellings, so that the answer does not hang on
	// the order of a map.
	best, found := "", ""
	for key, value := range a {
		if value != "" && strings.EqualFold(key, name) && (found == "" || key < best) {
			best, found = key, value
		}
	}
	return found
}

// BusMessage is the event as it goes onto the bus, with the attributes that
// filters and old consumers read.
func (e *Event) BusMessage() (BusMessage, error) {
	data, err := e.Encode()
	if err != nil {
		return BusMessage{}, err
	}
	attributes := Attributes{
		AttributeType:           e.Type,
		AttributeCorrelationID:  e.CorrelationID,
		AttributeIdempotencyKey: e.CorrelationID,
	}
	if e.Ingress.Source != "" {
		attributes[AttributeSource] = e.Ingress.Source
	}
	if platform := e.Identity.External.Platform; platform != "" {
		attributes[AttributePlatform] = platform
	}
	return BusMessage{Data: data, Attributes: attributes}, nil
}
