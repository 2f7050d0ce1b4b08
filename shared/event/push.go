package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// push is a Pub/Sub push body; "data" is base64. Google sends messageId and
// publishTime twice, in camel and in snake case.
type push struct {
	Message      *pushBody `json:"message"`
	Subscription string    `json:"subscription,omitempty"`
}

type pushBody struct {
	Data         []byte            `json:"data"`
	Attributes   map[string]string `json:"attributes,omitempty"`
	MessageID    string            `json:"messageId,omitempty"`
	MessageIDOld string            `json:"message_id,omitempty"`
	PublishTime  string            `json:"publishTime,omitempty"`
	PublishOld   string            `json:"publish_time,omitempty"`
}

// ErrNotPush says that a body is no Pub/Sub push.
var ErrNotPush = errors.New("not a Pub/Sub push")

// DecodePush reads the JSON of a Pub/Sub push ({"message":{...}}), which is
// also the data of a messagePublished CloudEvent. The publish time is cut to
// milliseconds; one that is missing or unreadable is the zero time. The error is
// ErrNotPush, wrapped.
func DecodePush(data []byte) (BusMessage, error) {
	var p push
	if err := json.Unmarshal(data, &p); err != nil {
		return BusMessage{}, fmt.Errorf("%w: %w", ErrNotPush, err)
	}
	if p.Message == nil {
		return BusMessage{}, fmt.Errorf("%w: no message in it", ErrNotPush)
	}
	m := BusMessage{Data: p.Message.Data, Attributes: p.Message.Attributes, ID: p.Message.MessageID}
	if m.ID == "" {
		m.ID = p.Message.MessageIDOld
	}
	published := p.Message.PublishTime
	if published == "" {
		published = p.Message.PublishOld
	}
	// A time that cannot be read counts as absent (design section 5, rule 1).
	if t, err := ParseTime(published); err == nil {
		m.PublishTime = t
	}
	return m, nil
}

// EncodePush writes a message as Pub/Sub pushes it.
func EncodePush(m BusMessage, subscription string) ([]byte, error) {
	body := pushMessage(m)
	return json.Marshal(push{Message: &body, Subscription: subscription})
}

func pushMessage(m BusMessage) pushBody {
	body := pushBody{Data: m.Data, Attributes: m.Attributes, MessageID: m.ID}
	if !m.PublishTime.IsZero() {
		body.PublishTime = m.PublishTime.UTC().Format(time.RFC3339Nano)
	}
	return body
}
