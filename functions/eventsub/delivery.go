package eventsub

import (
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

// A delivery is one verified webhook message and when it came.
type delivery struct {
	id         uuid.UUID // of the message, as the bus has it
	headers    twitch.Headers
	body       []byte
	sentAt     time.Time // the message timestamp
	receivedAt time.Time // our clock
}

func newDelivery(headers twitch.Headers, body []byte, sentAt, receivedAt time.Time) delivery {
	return delivery{
		id: event.UUID(headers.ID), headers: headers, body: body, sentAt: sentAt, receivedAt: receivedAt,
	}
}

// fact is what all facts of the delivery have in common. The signed body is
// believed before the headers, which the signature does not cover.
func (d delivery) fact(s *twitch.Subscription) fact {
	if s == nil {
		s = &twitch.Subscription{}
	}
	sentAt := event.FormatTime(d.sentAt)
	f := fact{
		kind:          s.Type,
		version:       s.Version,
		correlationID: d.id.String(),
		sentAt:        sentAt,
		observedAt:    sentAt,
		ingressAt:     event.FormatTime(d.receivedAt),
		condition:     s.Condition,
	}
	if f.kind == "" {
		f.kind = d.headers.SubscriptionType
	}
	if f.version == "" {
		f.version = d.headers.SubscriptionVersion
	}
	return f
}

// facts are what a notification tells: one, or one for each entry of a batch. An
// entry without an id takes its place in the batch for it, which a resend does
// not change. An entry without data has a fact without data.
func (d delivery) facts(m twitch.Message) ([]fact, error) {
	common := d.fact(m.Subscription)
	if m.Event != nil {
		return []fact{common.of(m.Event, common.correlationID, d.headers.Resent())}, nil
	}
	if len(m.Events) == 0 {
		return nil, reject(reasonIncomplete, "a notification without event and events")
	}
	facts := make([]fact, len(m.Events))
	for i, entry := range m.Events {
		id := entry.ID
		if id == "" {
			id = "#" + strconv.Itoa(i)
		}
		facts[i] = common.of(entry.Data, event.NewID(d.headers.ID+"/"+id), d.headers.Resent())
	}
	return facts, nil
}

// of is the fact that data tells.
func (f fact) of(data event.Object, correlationID string, resent bool) fact {
	f.data, f.correlationID = data, correlationID
	if at, ok := streamObservedAt(f.kind, data, resent); ok {
		f.observedAt = at
	}
	return f
}

// notified are the messages that a notification becomes. The error is the first
// rejection; what could be read is there beside it.
func (d delivery) notified(botUserID string) ([]event.BusMessage, error) {
	m, err := parse(d.body)
	if err != nil {
		return nil, err
	}
	facts, err := d.facts(m)
	if err != nil {
		return nil, err
	}
	var rejected error
	messages := make([]event.BusMessage, 0, len(facts))
	for _, f := range facts {
		message, err := encoded(f.event(botUserID))
		switch {
		case err == nil:
			messages = append(messages, message)
		case rejected == nil:
			rejected = err
		}
	}
	return messages, rejected
}

// errNoSource says that a revoked subscription watched no source.
var errNoSource = errors.New("the revoked subscription is about no source")

// revoked is the message that a revocation becomes. The error is errNoSource or
// a rejection.
func (d delivery) revoked() (event.BusMessage, error) {
	m, err := parse(d.body)
	if err != nil {
		return event.BusMessage{}, err
	}
	if m.Subscription == nil {
		return event.BusMessage{}, reject(reasonIncomplete, "a revocation without subscription")
	}
	id := revokedSource(m.Subscription.Condition)
	if id == "" {
		return event.BusMessage{}, errNoSource
	}
	return encoded(d.fact(m.Subscription).revocation(id, m.Subscription))
}

// parse reads a body. The error is a rejection.
func parse(body []byte) (twitch.Message, error) {
	m, err := twitch.ParseMessage(body)
	if err != nil {
		return twitch.Message{}, reject(reasonNotJSON, "%v", err)
	}
	if messageTooDeep(m) {
		return twitch.Message{}, reject(reasonTooDeep, "more than %d levels", maxDepth)
	}
	return m, nil
}

// encoded is the message for an event, unless there is none because of err. The
// error is a rejection.
func encoded(e *event.Event, err error) (event.BusMessage, error) {
	if err != nil {
		return event.BusMessage{}, err
	}
	message, err := e.BusMessage()
	if err != nil {
		return event.BusMessage{}, reject(reasonUnwritable, "%v", err)
	}
	return message, nil
}
