package persistence

import (
	"context"
	"log/slog"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// What may become of an event that is acknowledged. Log-based metrics count
// these words.
const (
	outcomeStored        = "stored"         // the document changed
	outcomeUnchanged     = "unchanged"      // seen before, or nothing new
	outcomeUnknownSource = "unknown_source" // may not create a document, and there is none
	outcomeIgnored       = "ignored"        // concerns no source
	outcomeDeadLettered  = "dead_lettered"  // can never be applied
)

// outcome is what became of one event.
type outcome struct {
	name        string
	update      *source.Update // nil: the event was not understood
	transitions int
	detail      string
}

// log writes the one line of an acknowledged event.
func (o outcome) log(ctx context.Context, log *slog.Logger, m event.BusMessage) {
	attributes := []slog.Attr{slog.String("outcome", o.name), slog.String("messageId", m.ID)}
	if o.update != nil {
		attributes = append(attributes,
			slog.String("type", o.update.Type), slog.String("source", o.update.Key.String()),
			slog.String("eventId", o.update.EventID), slog.Int("transitions", o.transitions))
	}
	if o.detail != "" {
		attributes = append(attributes, slog.String("detail", o.detail))
	}
	level := slog.LevelInfo
	if o.name == outcomeDeadLettered {
		level = slog.LevelWarn
	}
	log.LogAttrs(ctx, level, "event handled", attributes...)
}
