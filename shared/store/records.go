package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// ErrHeld says that somebody else holds the lease.
var ErrHeld = errors.New("held by somebody else")

// A Collection is a named set of records.
type Collection string

// The collections beside the sources.
const (
	Watchlist Collection = "watchlist" // which broadcasters are watched, by source
	Heartbeat Collection = "heartbeat" // what the heartbeat tells and its lease
	Ledger    Collection = "ledger"    // what the heartbeat has published
	Pushed    Collection = "pushed"    // what was pushed since the last tick of the heartbeat
	Webhooks  Collection = "webhooks"  // when a webhook of each type last came
)

// Records keeps small documents for functions: JSON objects by collection and
// name. Names are what source.Key.DocumentID gives, or plain words. It is safe for
// concurrent use. Every error but ErrHeld and ErrNotFound is to be taken as
// transient; errors are wrapped.
type Records interface {
	// Record decodes one record into a value, or is ErrNotFound.
	Record(ctx context.Context, collection Collection, name string, into any) error

	// Records are all records of a collection by name.
	Records(ctx context.Context, collection Collection) (map[string]json.RawMessage, error)

	// Write replaces the records of those names, each whole; nil removes one. When
	// it fails some may be written and others not.
	Write(ctx context.Context, collection Collection, records map[string]any) error

	// Claim makes the holder the owner of a lease until a time by the store's
	// clock. It is ErrHeld while somebody else is, and extends what the holder has
	// already. To give a lease up, remove its record.
	Claim(ctx context.Context, collection Collection, name, holder string, until time.Time) error
}

// A Lease is the record of a lease.
type Lease struct {
	Holder string    `json:"holder"`
	Until  time.Time `json:"until"`
}

// Free reports whether the holder may have the lease at a time.
func (l Lease) Free(holder string, now time.Time) bool {
	return l.Holder == holder || !now.Before(l.Until)
}
