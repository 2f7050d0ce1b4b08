package firestore

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	cloud "cloud.google.com/go/firestore"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// updatedAt is the field that every update writes.
const updatedAt = "updatedAt"

// expireAt is the field by which Firestore drops old history (TTL). It alone is
// a Firestore timestamp.
const expireAt = "expireAt"

// publicFields are the fields of a document that readers are promised: all but
// the bookkeeping, which would be most of what a list transfers.
var publicFields = func() []string {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[source.Document]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Type != reflect.TypeFor[*source.Bookkeeping]() {
			names = append(names, name)
		}
	}
	return names
}()

// List implements store.Store. Equality filters ordered by name need no
// composite index: Firestore merges those of single fields.
func (s *Store) List(ctx context.Context, filter store.Filter) (store.Page, error) {
	after, err := store.SourceCursor.Decode(filter.Cursor)
	if err != nil {
		return store.Page{}, fmt.Errorf("listing sources: %w", err)
	}
	size := store.PageSize(filter.Limit)
	query := s.client.Collection(sources).OrderBy(cloud.DocumentID, cloud.Asc).Limit(size + 1).Select(publicFields...)
	for _, equal := range []struct{ field, value string }{
		{"platform", filter.Platform}, {"status", filter.Status}, {"streamStatus", filter.StreamStatus},
	} {
		if equal.value != "" {
			query = query.Where(equal.field, "==", equal.value)
		}
	}
	if after != "" {
		query = query.StartAfter(after)
	}
	snapshots, more, err := fetch(ctx, query, size)
	if err != nil {
		return store.Page{}, fmt.Errorf("listing sources: %w", cause(ctx, err))
	}
	page := store.Page{Sources: make([]*source.Document, len(snapshots))}
	for i, snapshot := range snapshots {
		page.Sources[i] = new(source.Document)
		if err := decode(snapshot.Data(), page.Sources[i]); err != nil {
			return store.Page{}, fmt.Errorf("listing sources: reading %q: %w", snapshot.Ref.ID, err)
		}
	}
	if more {
		page.NextCursor = store.SourceCursor.Encode(snapshots[len(snapshots)-1].Ref.ID)
	}
	return page, nil
}

// History implements store.Store.
func (s *Store) History(ctx context.Context, key source.Key, q store.HistoryQuery) (store.HistoryPage, error) {
	after, err := store.HistoryCursor.Decode(q.Cursor)
	if err != nil {
		return store.HistoryPage{}, fmt.Errorf("reading the history of source %q: %w", key, err)
	}
	from, to := q.Bounds()
	query, ok := between(s.document(key).Collection(history), after, from, to)
	if !ok {
		return store.HistoryPage{}, nil
	}
	size := store.PageSize(q.Limit)
	snapshots, more, err := fetch(ctx, query.Limit(size+1), size)
	if err != nil {
		return store.HistoryPage{}, fmt.Errorf("reading the history of source %q: %w", key, cause(ctx, err))
	}
	page := store.HistoryPage{Changes: make([]source.Change, len(snapshots))}
	for i, snapshot := range snapshots {
		if err := decode(snapshot.Data(), &page.Changes[i]); err != nil {
			return store.HistoryPage{}, fmt.Errorf("reading the history of source %q: entry %q: %w", key, snapshot.Ref.ID, err)
		}
	}
	if more {
		page.NextCursor = store.HistoryCursor.Encode(snapshots[len(snapshots)-1].Ref.ID)
	}
	return page, nil
}

// between are the documents of a collection by name: behind the name after, and
// in [from, to). Empty bounds are none. It reports false when nothing can be
// there.
func between(collection *cloud.CollectionRef, after, from, to string) (query cloud.Query, ok bool) {
	// Firestore refuses a range whose end is not after its start.
	if to != "" && max(from, after) >= to {
		return cloud.Query{}, false
	}
	query = collection.OrderBy(cloud.DocumentID, cloud.Asc)
	switch {
	case after != "" && after >= from:
		query = query.StartAfter(after)
	case from != "":
		query = query.StartAt(from)
	}
	if to != "" {
		query = query.EndBefore(to)
	}
	return query, true
}

// fetch runs a query for one document more than a page holds, which tells
// whether another page follows.
func fetch(ctx context.Context, query cloud.Query, size int) (snapshots []*cloud.DocumentSnapshot, more bool, err error) {
	snapshots, err = query.Documents(ctx).GetAll()
	if err != nil {
		return nil, false, err
	}
	if len(snapshots) > size {
		return snapshots[:size], true, nil
	}
	return snapshots, false, nil
}
