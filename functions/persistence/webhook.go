package persistence

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

const (
	webhookSource = "ingress.twitch.eventsub" // ingress.source of what EventSub publishes

	// noteEvery is how old what is noted of a type may be before it is written
	// anew: a busy type costs a write a minute, not one an event.
	noteEvery = time.Minute
	// noteTimeout bounds a write that nothing hangs on.
	noteTimeout = 2 * time.Second
	// maxNoted bounds the types; Twitch has about a hundred.
	maxNoted    = 500
	maxKindName = 200
)

// A Webhook is the last one of an EventSub type that reached this function, to
// within a minute.
type Webhook struct {
	Type       string      `json:"type"`       // of the subscription, or "revocation"
	At         source.Time `json:"at"`         // event time
	ReceivedAt source.Time `json:"receivedAt"` // when EventSub passed it on
	EventID    string      `json:"eventId"`
}

// webhooks note when one of each type last came, for operators to see. They are
// no part of the truth: what cannot be written is only logged.
type webhooks struct {
	records writer
	log     *slog.Logger

	mu    sync.Mutex
	noted map[string]time.Time // by type: ReceivedAt of what was written
}

func newWebhooks(records writer, log *slog.Logger) *webhooks {
	return &webhooks{records: records, log: log, noted: make(map[string]time.Time)}
}

// note writes an event down, if it came through EventSub and is a minute newer
// than the one noted before.
func (w *webhooks) note(ctx context.Context, d *event.Delivery) {
	if d.Source() != webhookSource || d.ExternalEvent == nil {
		return
	}
	kind, receivedAt := d.ExternalEvent.Kind, d.BusMessage.PublishTime
	if kind == "" || len(kind) > maxKindName || !w.due(kind, receivedAt) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, noteTimeout)
	defer cancel()
	err := w.records.Write(ctx, store.Webhooks, map[string]any{source.Escape(kind): Webhook{
		Type: kind, At: source.Time{Time: d.Time()}, ReceivedAt: source.Time{Time: receivedAt}, EventID: d.ID(),
	}})
	if err != nil {
		w.log.WarnContext(ctx, "webhook not noted", "outcome", "not_noted", "type", kind, "error", err.Error())
	}
}

// due reports whether a webhook is to be written, and takes it as written.
func (w *webhooks) due(kind string, receivedAt time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	last, known := w.noted[kind]
	if known && receivedAt.Before(last.Add(noteEvery)) || !known && len(w.noted) >= maxNoted {
		return false
	}
	w.noted[kind] = receivedAt
	return true
}
