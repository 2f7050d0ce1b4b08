// Package persistence is the function Persistence: events of the bus in,
// documents and transitions out. It acknowledges an event only after its effect
// is stored and its transitions are published, so that Pub/Sub sends again
// whatever was not kept (design section 5, rule 8).
package persistence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/gather"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/trace"
)

const (
	// timeout bounds one event; Pub/Sub waits longer for its acknowledgement.
	timeout = 25 * time.Second
	// updateTimeout bounds one update of one source.
	updateTimeout = 10 * time.Second
	// maxTogether is how many events of one source are stored in one update.
	maxTogether = 100
)

// A publisher takes messages onto a topic of the bus. It returns nil only when
// all of them are durable. It must be safe for concurrent use.
type publisher interface {
	Publish(ctx context.Context, topic string, messages ...event.BusMessage) error
}

// An updater is the part of a store.Store that is needed here.
type updater interface {
	Update(ctx context.Context, key source.Key, merge store.Merge) error
}

// A writer is the part of a store.Records that is needed here.
type writer interface {
	Write(ctx context.Context, collection store.Collection, records map[string]any) error
}

// documents are what a store keeps for this function.
type documents interface {
	updater
	writer
}

// A Handler stores the events that requests bring. Events of one source that
// arrive while one of them is being stored are stored together in the next
// update, so that a busy source costs a write for a crowd and not a write each.
// It is safe for concurrent use. Create it with New.
type Handler struct {
	Now func() time.Time

	store     updater
	publisher publisher
	log       *slog.Logger
	webhooks  *webhooks
	sources   *gather.Keyed[source.Key, *source.Update, stored]
}

// New makes the handler. The clock is used only where a message has no publish
// time and for what is said of a dead letter.
func New(store documents, publisher publisher, log *slog.Logger) *Handler {
	h := &Handler{Now: time.Now, store: store, publisher: publisher, log: log, webhooks: newWebhooks(store, log)}
	h.sources = gather.NewKeyed(gather.Config[*source.Update]{
		MaxCount: maxTogether,
		Timeout:  updateTimeout,
	}, h.update)
	return h
}

// ServeHTTP takes one Pub/Sub push or CloudEvent. 204 acknowledges it; 400, 405
// and 413 say that it is none; 503 asks for it again.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	m, err := readMessage(w, r)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		h.refuse(w, r, http.StatusRequestEntityTooLarge, err)
		return
	} else if err != nil {
		h.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	if m.PublishTime.IsZero() {
		m.PublishTime = h.Now()
	}
	ctx, cancel := context.WithTimeout(traced(r, m), timeout)
	defer cancel()

	outcome, err := h.handle(ctx, m)
	if err != nil {
		h.log.ErrorContext(ctx, "event not stored, asking for it again",
			"outcome", "failed", "messageId", m.ID, "error", err.Error())
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	outcome.log(ctx, h.log, m)
	w.WriteHeader(http.StatusNoContent)
}

// refuse answers a request that holds no message.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	h.log.WarnContext(trace.FromRequest(r), "request refused", "outcome", "refused", "status", status, "error", err.Error())
	http.Error(w, http.StatusText(status), status)
}

// traced is the context of a message: its own trace, else that of the request.
func traced(r *http.Request, m event.BusMessage) context.Context {
	return trace.With(trace.FromRequest(r), m.Attributes.Get(event.AttributeTraceparent))
}

// handle gives a message its effect. An error is transient: the message must come
// again.
func (h *Handler) handle(ctx context.Context, m event.BusMessage) (outcome, error) {
	d, err := source.Receive(m)
	if invalid := (*source.Invalid)(nil); errors.As(err, &invalid) {
		return h.deadLetter(ctx, m, invalid.Reason, invalid.Err)
	} else if err != nil {
		return outcome{}, err
	}
	outcome, err := h.apply(ctx, d)
	if err == nil {
		h.webhooks.note(ctx, d)
	}
	return outcome, err
}

// apply gives an event its effect. An error is transient.
func (h *Handler) apply(ctx context.Context, d *event.Delivery) (outcome, error) {
	u, err := source.ReadDelivery(d)
	if errors.Is(err, source.ErrIgnored) {
		return outcome{name: outcomeIgnored, detail: err.Error()}, nil
	}
	if invalid := (*source.Invalid)(nil); errors.As(err, &invalid) {
		return h.deadLetter(ctx, d.BusMessage, invalid.Reason, invalid.Err)
	} else if err != nil {
		return outcome{}, err
	}

	s, err := h.sources.Do(ctx, u.Key, u)
	if refused := (*mergeError)(nil); errors.As(err, &refused) {
		return h.deadLetter(ctx, d.BusMessage, "not_storable", err)
	} else if err != nil {
		return outcome{}, fmt.Errorf("storing %s %s of %s: %w", u.Type, u.EventID, u.Key, err)
	}
	if err := h.publish(ctx, u.Key, s.transitions); err != nil {
		return outcome{}, err
	}
	return outcome{name: s.outcome, update: u, transitions: len(s.transitions)}, nil
}

// publish sends transitions after they are stored. A crash before it loses none:
// the redelivered event finds them again.
func (h *Handler) publish(ctx context.Context, key source.Key, transitions []source.Change) error {
	if len(transitions) == 0 {
		return nil
	}
	messages := make([]event.BusMessage, len(transitions))
	for i, change := range transitions {
		m, err := transitionMessage(key, change)
		if err != nil {
			return err
		}
		messages[i] = m
	}
	if err := h.publisher.Publish(ctx, bus.Transition, messages...); err != nil {
		return fmt.Errorf("publishing %d transitions of %s: %w", len(transitions), key, err)
	}
	return nil
}
