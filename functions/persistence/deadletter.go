package persistence

import (
	"context"
	"fmt"
	"maps"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
)

// maxAttribute is how many bytes Pub/Sub takes as the value of an attribute.
const maxAttribute = 1024

// deadLetter puts away what can never succeed, and acknowledges it.
func (h *Handler) deadLetter(ctx context.Context, m event.BusMessage, reason string, cause error) (outcome, error) {
	letter, err := event.Rejected{
		Message: m, Reason: reason, Error: cause.Error(), By: sender, At: h.Now(),
	}.DeadLetter()
	if err != nil {
		return outcome{}, fmt.Errorf("making a dead letter: %w", err)
	}
	message, err := letter.BusMessage()
	if err != nil {
		return outcome{}, fmt.Errorf("making a dead letter: %w", err)
	}
	// They repeat the words of whoever sent the original. One that Pub/Sub refuses
	// would keep the letter here for ever, and the body says the same.
	maps.DeleteFunc(message.Attributes, func(_, value string) bool { return len(value) > maxAttribute })
	if err := h.publisher.Publish(ctx, bus.DeadLetter, message); err != nil {
		return outcome{}, fmt.Errorf("publishing a dead letter: %w", err)
	}
	return outcome{name: outcomeDeadLettered, detail: reason + ": " + cause.Error()}, nil
}
