// Package eventsub is the function EventSub: Twitch's webhooks in, events of the
// bus out. It answers 2xx only after the bus has taken an event, so that Twitch
// sends again whatever was not kept. The answers are those of design section 8,
// the events those of facts/bus.md section 8.
package eventsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/trace"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

const (
	maxAge = 10 * time.Minute

	// DefaultTimeout is how long the bus may take. Twitch wants its answer
	// "within a few seconds" (facts/twitch.md section 1.4).
	DefaultTimeout = 3 * time.Second
)

// A publisher takes messages onto a topic of the bus. It returns nil only when
// all of them are durable, and returns when ctx is done. It must be safe for
// concurrent use.
type publisher interface {
	Publish(ctx context.Context, topic string, messages ...event.BusMessage) error
}

// A Handler answers EventSub webhooks. Its fields are set before the first
// request and not changed after it; then it is safe for concurrent use.
type Handler struct {
	Secrets   twitch.Secrets // none: every request is answered 500
	BotUserID string         // empty: role events are nobody's
	Publisher publisher
	Now       func() time.Time
	Log       *slog.Logger
	Timeout   time.Duration // of publishing; 0: DefaultTimeout

	published memory // correlationIds of what this instance has published
}

// New is the handler for a configuration.
func New(config Config, publisher publisher, log *slog.Logger) *Handler {
	return &Handler{
		Secrets:   config.Secrets,
		BotUserID: config.BotUserID,
		Publisher: publisher,
		Now:       time.Now,
		Log:       log,
		Timeout:   DefaultTimeout,
	}
}

// ServeHTTP answers one webhook message and logs what became of it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := trace.FromRequest(r)
	answer := h.answer(ctx, w, r)
	answer.log(ctx, h.Log, r.Header)
	answer.write(w)
}

// answer goes through design section 8 from top to bottom.
func (h *Handler) answer(ctx context.Context, w http.ResponseWriter, r *http.Request) answer {
	if h.Secrets.Len() == 0 {
		return failed(http.StatusInternalServerError, errNoSecrets)
	}
	if r.Method != http.MethodPost {
		return refused(http.StatusMethodNotAllowed, fmt.Errorf("method %.16q", r.Method))
	}
	buffer := newBuffer()
	defer buffer.free()
	body, err := buffer.read(w, r)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return refused(http.StatusRequestEntityTooLarge, err)
	} else if err != nil {
		return refused(http.StatusBadRequest, fmt.Errorf("reading the body: %w", err))
	}
	headers, err := twitch.ReadHeaders(r.Header)
	if err != nil {
		return refused(http.StatusBadRequest, err)
	}
	if !h.Secrets.Verify(headers, body) {
		return refused(http.StatusForbidden, errSignature)
	}
	sentAt, err := headers.Time()
	if err != nil {
		return refused(http.StatusBadRequest, err)
	}

	// The message is here, whole and signed: it is worth having even when its
	// sender has hung up, which would only make it send again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.timeout())
	defer cancel()
	d := newDelivery(headers, body, sentAt, h.Now())
	switch headers.Type {
	case twitch.MessageNotification:
		return h.notification(ctx, d)
	case twitch.MessageVerification:
		return h.verification(ctx, d)
	case twitch.MessageRevocation:
		return h.revocation(ctx, d)
	}
	return done(outcomeIgnored)
}

// verification answers the challenge to a subscription, with or without a
// subscription in the body.
func (h *Handler) verification(ctx context.Context, d delivery) answer {
	m, err := parse(d.body)
	if err == nil && m.Challenge == "" {
		err = reject(reasonIncomplete, "a verification without challenge")
	}
	if err != nil {
		return h.deadLetter(ctx, d, err)
	}
	return challenged(m.Challenge)
}

// notification publishes what a notification tells. Where a batch holds entries
// that can never succeed, the others are published and the whole message is
// dead-lettered beside them.
func (h *Handler) notification(ctx context.Context, d delivery) answer {
	if d.receivedAt.Sub(d.sentAt) > maxAge {
		return done(outcomeStale)
	}
	if h.published.has(d.id) {
		return done(outcomeDuplicate)
	}
	messages, rejected := d.notified(h.BotUserID)
	result := done(outcomePublished)
	if len(messages) > 0 {
		result = h.publish(ctx, d, messages...)
	}
	if rejected != nil && result.outcome == outcomePublished {
		result = h.deadLetter(ctx, d, rejected)
	}
	if !result.failed() {
		h.published.add(d.id)
	}
	return result
}

// revocation publishes the end of a subscription for the source it watched. One
// that watched none, as those for a client do, is only logged.
func (h *Handler) revocation(ctx context.Context, d delivery) answer {
	message, err := d.revoked()
	if errors.Is(err, errNoSource) {
		return done(outcomeNoSource)
	}
	if err != nil {
		return h.deadLetter(ctx, d, err)
	}
	return h.publish(ctx, d, message)
}

// publish waits until the bus has the messages. What the bus refuses for good, as
// it does a body of 1 MiB that grew when it was escaped, is dead-lettered: Twitch
// would send it in vain.
func (h *Handler) publish(ctx context.Context, d delivery, messages ...event.BusMessage) answer {
	err := h.Publisher.Publish(ctx, bus.Ingress, messages...)
	switch {
	case err == nil:
		return done(outcomePublished)
	case bus.Permanent(err):
		return h.deadLetter(ctx, d, reject(reasonUnpublishable, "%v", err))
	}
	return failed(http.StatusServiceUnavailable, err)
}

// deadLetter keeps a delivery that can never succeed, and why.
func (h *Handler) deadLetter(ctx context.Context, d delivery, why error) answer {
	letter, err := d.deadLetter(why)
	if err == nil {
		err = h.Publisher.Publish(ctx, bus.DeadLetter, letter)
	}
	if err != nil {
		return failed(http.StatusServiceUnavailable, fmt.Errorf("dead-lettering (%w): %w", why, err))
	}
	return deadLettered(why)
}

func (h *Handler) timeout() time.Duration {
	if h.Timeout > 0 {
		return h.Timeout
	}
	return DefaultTimeout
}

var _ http.Handler = (*Handler)(nil)
