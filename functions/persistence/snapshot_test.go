package persistence

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// document is what is stored of one source, nil if there is none.
func document(t tester, s store.Store, name string) *source.Document {
	t.Helper()
	d, err := s.Get(context.Background(), key(t, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func key(t tester, name string) source.Key {
	t.Helper()
	k, err := source.ParseKey(name)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// documentsOf are all documents of a store, without their bookkeeping.
func documentsOf(t tester, s store.Store) []*source.Document {
	t.Helper()
	return all(t, func(cursor string) ([]*source.Document, string, error) {
		page, err := s.List(context.Background(), store.Filter{Limit: store.MaxLimit, Cursor: cursor})
		return page.Sources, page.NextCursor, err
	})
}

// history is that of one source from the oldest change to the newest.
func history(t tester, s store.Store, k source.Key) []source.Change {
	t.Helper()
	return all(t, func(cursor string) ([]source.Change, string, error) {
		page, err := s.History(context.Background(), k, store.HistoryQuery{Limit: store.MaxLimit, Cursor: cursor})
		return page.Changes, page.NextCursor, err
	})
}

// shown is one source as readers see it, in JSON.
type shown struct {
	Document string
	History  []string
	Sessions []string
	Hours    []string
}

// snapshot is everything that a store shows but for the times of processing, by
// source.
func snapshot(t tester, s store.Store) map[string]shown {
	t.Helper()
	documents := documentsOf(t, s)
	snapshot := make(map[string]shown, len(documents))
	for _, d := range documents {
		d.CreatedAt, d.UpdatedAt = source.Time{}, source.Time{}
		k := d.Key()
		snapshot[k.String()] = shown{
			Document: string(encode(t, d.Public())),
			History:  encodeAll(t, history(t, s, k)),
			Sessions: encodeAll(t, all(t, func(cursor string) ([]*source.Session, string, error) {
				page, err := s.Sessions(context.Background(), k, store.SessionQuery{Limit: store.MaxLimit, Cursor: cursor})
				return page.Sessions, page.NextCursor, err
			})),
			Hours: encodeAll(t, samples(t, s, k)),
		}
	}
	return snapshot
}

// samples are the viewers of all minutes of a source. An hour that was seen but
// has no viewers to show is none.
func samples(t tester, s store.Store, k source.Key) []source.ViewerSample {
	t.Helper()
	var list []source.ViewerSample
	for _, hour := range all(t, func(cursor string) ([]*source.Hour, string, error) {
		page, err := s.Hours(context.Background(), k, store.HourQuery{Limit: store.MaxLimit, Cursor: cursor})
		return page.Hours, page.NextCursor, err
	}) {
		list = append(list, hour.Samples()...)
	}
	return list
}

// all are the entries of all pages.
func all[T any](t tester, page func(cursor string) ([]T, string, error)) []T {
	t.Helper()
	var list []T
	for cursor := ""; ; {
		entries, next, err := page(cursor)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, entries...)
		if next == "" {
			return list
		}
		cursor = next
	}
}

func encodeAll[T any](t tester, values []T) []string {
	t.Helper()
	list := make([]string, len(values))
	for i := range values {
		list[i] = string(encode(t, values[i]))
	}
	return list
}

func encode(t tester, value any) []byte {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}
