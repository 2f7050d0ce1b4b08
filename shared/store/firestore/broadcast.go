package firestore

import (
	"context"
	"fmt"
	"strings"

	cloud "cloud.google.com/go/firestore"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// Sessions implements store.Store. Starts are strings that sort as times do, and
// the index of a single field serves their order.
func (s *Store) Sessions(ctx context.Context, key source.Key, q store.SessionQuery) (store.SessionPage, error) {
	failed := func(err error) (store.SessionPage, error) {
		return store.SessionPage{}, fmt.Errorf("reading the sessions of source %q: %w", key, err)
	}
	after, err := store.SessionCursor.Decode(q.Cursor)
	if err != nil {
		return failed(err)
	}
	size := store.PageSize(q.Limit)
	query := s.document(key).Collection(sessions).
		OrderBy("startedAt", cloud.Asc).OrderBy(cloud.DocumentID, cloud.Asc).Limit(size + 1)
	if after != "" {
		start, name, _ := strings.Cut(after, "~")
		if name == "" {
			return failed(fmt.Errorf("%w: no session in it", store.ErrCursor))
		}
		query = query.StartAfter(start, name)
	}
	snapshots, more, err := fetch(ctx, query, size)
	if err != nil {
		return failed(cause(ctx, err))
	}
	page := store.SessionPage{Sessions: make([]*source.Session, len(snapshots))}
	for i, snapshot := range snapshots {
		session, err := read[source.Session](snapshot, nil)
		if err != nil {
			return failed(fmt.Errorf("session %q: %w", snapshot.Ref.ID, err))
		}
		page.Sessions[i] = session.Public()
		if more && i == len(snapshots)-1 {
			page.NextCursor = store.SessionCursor.Encode(store.SessionOrder(session, snapshot.Ref.ID))
		}
	}
	return page, nil
}

// Hours implements store.Store.
func (s *Store) Hours(ctx context.Context, key source.Key, q store.HourQuery) (store.HourPage, error) {
	failed := func(err error) (store.HourPage, error) {
		return store.HourPage{}, fmt.Errorf("reading the hours of source %q: %w", key, err)
	}
	after, err := store.HourCursor.Decode(q.Cursor)
	if err != nil {
		return failed(err)
	}
	from, to := q.Bounds()
	query, ok := between(s.document(key).Collection(hours), after, from, to)
	if !ok {
		return store.HourPage{}, nil
	}
	size := store.PageSize(q.Limit)
	snapshots, more, err := fetch(ctx, query.Limit(size+1), size)
	if err != nil {
		return failed(cause(ctx, err))
	}
	page := store.HourPage{Hours: make([]*source.Hour, len(snapshots))}
	for i, snapshot := range snapshots {
		hour, err := read[source.Hour](snapshot, nil)
		if err != nil {
			return failed(fmt.Errorf("hour %q: %w", snapshot.Ref.ID, err))
		}
		page.Hours[i] = hour.Public()
	}
	if more {
		page.NextCursor = store.HourCursor.Encode(snapshots[len(snapshots)-1].Ref.ID)
	}
	return page, nil
}
