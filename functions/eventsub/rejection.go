package eventsub

import (
	"errors"
	"fmt"

	"github.com/sourcestate/sourcestate/shared/event"
)

// Why a signed message can never succeed: the reason in its dead letter.
const (
	reasonNotJSON       = "not_json"        // the body is not JSON, or not an object
	reasonIncomplete    = "incomplete"      // the body lacks what its message type needs
	reasonNoType        = "no_type"         // the subscription type cannot be used
	reasonNoIdentity    = "no_identity"     // the event does not say whom it is about
	reasonTooDeep       = "too_deep"        // the body is nested beyond what readers take
	reasonUnwritable    = "not_writable"    // the event cannot be written as JSON
	reasonUnpublishable = "not_publishable" // the bus refuses the event for good
)

// A rejection says why a message goes to the dead-letter topic.
type rejection struct {
	reason string
	detail string
}

func (r *rejection) Error() string { return r.reason + ": " + r.detail }

func reject(reason, format string, args ...any) *rejection {
	return &rejection{reason: reason, detail: fmt.Sprintf(format, args...)}
}

// deadLetter is the envelope of a delivery that can never succeed. Its
// correlationId is that of the message, so that a resend is recognisable.
func (d delivery) deadLetter(why error) (event.BusMessage, error) {
	refused := reject(reasonUnwritable, "%v", why)
	errors.As(why, &refused)
	letter, err := event.Rejected{
		Message: event.BusMessage{Data: d.body, Attributes: d.headers.Unsigned()},
		Reason:  refused.reason,
		Error:   refused.detail,
		By:      connectorEventSub,
		At:      d.receivedAt,
	}.DeadLetter()
	if err != nil {
		return event.BusMessage{}, fmt.Errorf("writing a dead letter: %w", err)
	}
	letter.CorrelationID = d.id.String()
	letter.Payload["originalType"] = d.headers.SubscriptionType
	return letter.BusMessage()
}
