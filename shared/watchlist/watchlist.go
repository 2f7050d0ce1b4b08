// Package watchlist is the list of broadcasters that are watched beside those of
// TWITCH_BROADCASTERS: a record watchlist/twitch:ID each. A mark beside it changes
// with every edit, so that the heartbeat need not read the whole list each time.
package watchlist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// An Entry is one watched broadcaster.
type Entry struct {
	Login  string            `json:"login,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
}

// markName is the record in store.Heartbeat that changes with every edit.
const markName = "watchlist"

type mark struct {
	Mark string `json:"mark"`
}

// Mark is the mark of the list as it is now; empty when it was never edited.
func Mark(ctx context.Context, records store.Records) (string, error) {
	var m mark
	err := records.Record(ctx, store.Heartbeat, markName, &m)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", fmt.Errorf("reading the mark of the watchlist: %w", err)
	}
	return m.Mark, nil
}

// Add puts a broadcaster onto the list, or changes its entry.
func Add(ctx context.Context, records store.Records, key source.Key, entry Entry) error {
	return edit(ctx, records, key, entry)
}

// Remove takes a broadcaster off the list; it need not be on it.
func Remove(ctx context.Context, records store.Records, key source.Key) error {
	return edit(ctx, records, key, nil)
}

// edit writes the entry before the mark: whoever sees the mark sees the entry.
func edit(ctx context.Context, records store.Records, key source.Key, entry any) error {
	if err := records.Write(ctx, store.Watchlist, map[string]any{key.DocumentID(): entry}); err != nil {
		return fmt.Errorf("editing the watchlist: %w", err)
	}
	if err := records.Write(ctx, store.Heartbeat, map[string]any{markName: mark{Mark: uuid.NewString()}}); err != nil {
		return fmt.Errorf("marking the watchlist as edited: %w", err)
	}
	return nil
}

// A Listed is a broadcaster on the list.
type Listed struct {
	Key source.Key
	Entry
}

// List is the whole list in the order of its keys, without what is no entry.
func List(ctx context.Context, records store.Records) ([]Listed, error) {
	stored, err := records.Records(ctx, store.Watchlist)
	if err != nil {
		return nil, fmt.Errorf("reading the watchlist: %w", err)
	}
	list := make([]Listed, 0, len(stored))
	for _, name := range slices.Sorted(maps.Keys(stored)) {
		var l Listed
		if l.Key, err = source.ParseDocumentID(name); err != nil {
			continue
		}
		if err := json.Unmarshal(stored[name], &l.Entry); err != nil {
			continue
		}
		list = append(list, l)
	}
	return list, nil
}
