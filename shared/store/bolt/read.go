package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// List implements store.Store. It reads the file from the cursor on until the
// page is full.
func (s *Store) List(ctx context.Context, filter store.Filter) (store.Page, error) {
	after, err := store.SourceCursor.Decode(filter.Cursor)
	if err != nil {
		return store.Page{}, fmt.Errorf("listing sources: %w", err)
	}
	size := store.PageSize(filter.Limit)
	var page store.Page
	var last []byte
	err = s.db.View(func(tx *bbolt.Tx) error {
		return walk(ctx, tx.Bucket(sources), after, "", "", func(name, value []byte) (bool, error) {
			document := new(source.Document)
			if err := json.Unmarshal(value, document); err != nil {
				return false, fmt.Errorf("decoding document %q: %w", name, err)
			}
			if !passes(filter, document) {
				return true, nil
			}
			if len(page.Sources) == size {
				page.NextCursor = store.SourceCursor.Encode(string(last))
				return false, nil
			}
			page.Sources = append(page.Sources, document.Public())
			last = name
			return true, nil
		})
	})
	if err != nil {
		return store.Page{}, fmt.Errorf("listing sources: %w", err)
	}
	return page, nil
}

func passes(filter store.Filter, document *source.Document) bool {
	equal := func(wanted, got string) bool { return wanted == "" || wanted == got }
	return equal(filter.Platform, document.Platform) &&
		equal(filter.Status, document.Status) &&
		equal(filter.StreamStatus, document.StreamStatus)
}

// History implements store.Store. Entries that have expired are kept: a local
// file stays small.
func (s *Store) History(ctx context.Context, key source.Key, q store.HistoryQuery) (store.HistoryPage, error) {
	after, err := store.HistoryCursor.Decode(q.Cursor)
	if err != nil {
		return store.HistoryPage{}, fmt.Errorf("reading the history of source %q: %w", key, err)
	}
	from, to := q.Bounds()
	size := store.PageSize(q.Limit)
	var page store.HistoryPage
	var last []byte
	err = s.db.View(func(tx *bbolt.Tx) error {
		entries := tx.Bucket(history).Bucket(name(key))
		return walk(ctx, entries, after, from, to, func(name, value []byte) (bool, error) {
			if len(page.Changes) == size {
				page.NextCursor = store.HistoryCursor.Encode(string(last))
				return false, nil
			}
			var change source.Change
			if err := json.Unmarshal(value, &change); err != nil {
				return false, fmt.Errorf("decoding entry %q: %w", name, err)
			}
			page.Changes = append(page.Changes, change)
			last = name
			return true, nil
		})
	})
	if err != nil {
		return store.HistoryPage{}, fmt.Errorf("reading the history of source %q: %w", key, err)
	}
	return page, nil
}

// walk visits the entries of a bucket in order: behind the name after and in
// [from, to), until visit says false. Empty bounds are none. The bucket may be
// nil; names and values are valid during the transaction only.
func walk(ctx context.Context, bucket *bbolt.Bucket, after, from, to string, visit func(name, value []byte) (bool, error)) error {
	if err := ctx.Err(); err != nil || bucket == nil {
		return err
	}
	cursor := bucket.Cursor()
	name, value := cursor.Seek([]byte(max(after, from)))
	for ; name != nil; name, value = cursor.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if string(name) == after {
			continue
		}
		if to != "" && bytes.Compare(name, []byte(to)) >= 0 {
			return nil
		}
		more, err := visit(name, value)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// Sessions implements store.Store. A channel has few of them: they are all read
// and put in order.
func (s *Store) Sessions(ctx context.Context, key source.Key, q store.SessionQuery) (store.SessionPage, error) {
	after, err := store.SessionCursor.Decode(q.Cursor)
	if err != nil {
		return store.SessionPage{}, fmt.Errorf("reading the sessions of source %q: %w", key, err)
	}
	found := make(map[string]*source.Session)
	err = s.db.View(func(tx *bbolt.Tx) error {
		return walk(ctx, tx.Bucket(sessions).Bucket(name(key)), "", "", "", func(name, value []byte) (bool, error) {
			session := new(source.Session)
			if err := json.Unmarshal(value, session); err != nil {
				return false, fmt.Errorf("decoding session %q: %w", name, err)
			}
			if order := store.SessionOrder(session, string(name)); order > after {
				found[order] = session.Public()
			}
			return true, nil
		})
	})
	if err != nil {
		return store.SessionPage{}, fmt.Errorf("reading the sessions of source %q: %w", key, err)
	}
	var page store.SessionPage
	size, last := store.PageSize(q.Limit), ""
	for _, order := range slices.Sorted(maps.Keys(found)) {
		if len(page.Sessions) == size {
			page.NextCursor = store.SessionCursor.Encode(last)
			break
		}
		page.Sessions, last = append(page.Sessions, found[order]), order
	}
	return page, nil
}

// Hours implements store.Store. Hours that have expired are kept.
func (s *Store) Hours(ctx context.Context, key source.Key, q store.HourQuery) (store.HourPage, error) {
	after, err := store.HourCursor.Decode(q.Cursor)
	if err != nil {
		return store.HourPage{}, fmt.Errorf("reading the hours of source %q: %w", key, err)
	}
	from, to := q.Bounds()
	size := store.PageSize(q.Limit)
	var page store.HourPage
	err = s.db.View(func(tx *bbolt.Tx) error {
		return walk(ctx, tx.Bucket(hours).Bucket(name(key)), after, from, to, func(name, value []byte) (bool, error) {
			hour := new(source.Hour)
			if err := json.Unmarshal(value, hour); err != nil {
				return false, fmt.Errorf("decoding hour %q: %w", name, err)
			}
			if len(page.Hours) == size {
				page.NextCursor = store.HourCursor.Encode(page.Hours[size-1].Hour)
				return false, nil
			}
			page.Hours = append(page.Hours, hour.Public())
			return true, nil
		})
	})
	if err != nil {
		return store.HourPage{}, fmt.Errorf("reading the hours of source %q: %w", key, err)
	}
	return page, nil
}
