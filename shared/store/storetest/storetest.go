// Package storetest holds a store.Store to its contract. Every implementation
// runs it, so that what a function does with one store it does with the others.
package storetest

import (
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// A Subject is what the suite holds to its contracts.
type Subject interface {
	store.Store
	store.Records
	store.Watcher
}

// Run runs the suite. Each test opens an empty store of its own, which takes its
// time from the clock given; the suite closes it. Tests run in parallel.
func Run(t *testing.T, open func(t *testing.T, clock func() time.Time) Subject) {
	tests := []test{
		{"an update creates the document and stamps it", createsAndStamps},
		{"a second update merges into what is stored and keeps createdAt", mergesIntoStored},
		{"a document read before does not change with the next update", readsAreOwned},
		{"nothing is written when nothing changed", writesNothingUnchanged},
		{"nothing may exist and nothing may be written", nothingFromNothing},
		{"an error of the merge is returned as it is and nothing is written", returnsMergeError},
		{"a change without a document is an error", refusesChangeWithoutDocument},
		{"concurrent updates of one source lose nothing", losesNothing},
		{"concurrent updates of many sources do not meet", keepsSourcesApart},
		{"an ended context ends a call and writes nothing", heedsContext},
		{"an unknown source is not found and has no history", knowsUnknown},
		{"all fields of a document come back as they went in", roundTripsDocument},
		{"permissions known as none differ from unknown ones", roundTripsPermissions},
		{"metadata comes back as it went in, whatever its keys and values", roundTripsMetadata},
		{"a field name too long for a store does no harm", survivesLongFieldNames},
		{"ids of every kind name a document", takesEveryID},
		{"history entries are put, replaced and removed with the document", writesHistory},
		{"a late event may change history alone", writesHistoryAlone},
		{"all fields of a history entry come back as they went in", roundTripsHistory},
		{"history is in the order of its keys", ordersHistory},
		{"histories of sources are apart", keepsHistoriesApart},
		{"a history range takes its start and leaves its end", boundsHistory},
		{"a history comes in pages", pagesHistory},
		{"an event id may be as long and odd as it likes", takesEveryEventID},
		{"a merge gets the sessions and hours that were stored beside its document", readsBeside},
		{"sessions come oldest first, in pages, without bookkeeping", pagesSessions},
		{"hours come oldest first, in pages and bounds, without bookkeeping", pagesHours},
		{"an unknown source has no sessions and no hours", knowsNothingBeside},
		{"a list is in the order of document ids and without bookkeeping", ordersList},
		{"filters let through what equals them in all of them", filtersList},
		{"a list comes in pages, filtered or not", pagesList},
		{"a page holds a sensible number when no limit is given", limitsPages},
		{"a malformed cursor is told from other errors", refusesCursors},
	}
	tests = append(append(tests, records...), watching...)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			clock := &clock{time: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}
			s := open(t, clock.now)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("closing the store: %v", err)
				}
			})
			test.test(t, &fixture{Subject: s, clock: clock})
		})
	}
}

// A test is one promise of the contract.
type test struct {
	name string
	test func(*testing.T, *fixture)
}

// A fixture is a store with the clock that it was opened with.
type fixture struct {
	Subject
	clock *clock
}

type clock struct {
	mu   sync.Mutex
	time time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

func (c *clock) advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
	return c.time
}

var channel = source.Key{Platform: "twitch", ID: "1337"}

// edit is a merge that changes a copy of the document, or a new one.
func edit(key source.Key, change func(*source.Document), history ...source.Change) store.Merge {
	return func(before *source.Document, _ source.Parts) (source.Result, error) {
		after := &source.Document{ID: key.ID, Platform: key.Platform}
		if before != nil {
			*after = *before
		}
		change(after)
		result := source.Result{Document: after, Changed: true, History: make(map[string]*source.Change)}
		for _, c := range history {
			result.History[c.Key()] = &c
		}
		return result, nil
	}
}

// count is a merge that counts in the metrics of the document.
func count(key source.Key) store.Merge {
	return edit(key, func(document *source.Document) {
		metrics := &source.Metrics{Counts: make(map[string]int64)}
		if document.Metrics != nil {
			maps.Copy(metrics.Counts, document.Metrics.Counts)
		}
		metrics.Counts["messagesIn"]++
		document.Metrics = metrics
	})
}

func nothing(*source.Document) {}

// put stores a document as it is, with the given history.
func (f *fixture) put(t *testing.T, document *source.Document, history ...source.Change) {
	t.Helper()
	key := document.Key()
	f.update(t, key, edit(key, func(stored *source.Document) { *stored = *document }, history...))
}

func (f *fixture) update(t *testing.T, key source.Key, merge store.Merge) {
	t.Helper()
	if err := f.Update(t.Context(), key, merge); err != nil {
		t.Fatalf("updating %s: %v", key, err)
	}
}

func (f *fixture) get(t *testing.T, key source.Key) *source.Document {
	t.Helper()
	document, err := f.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("reading %s: %v", key, err)
	}
	return document
}

func (f *fixture) list(t *testing.T, filter store.Filter) store.Page {
	t.Helper()
	page, err := f.List(t.Context(), filter)
	if err != nil {
		t.Fatalf("listing %+v: %v", filter, err)
	}
	return page
}

func (f *fixture) history(t *testing.T, key source.Key, query store.HistoryQuery) store.HistoryPage {
	t.Helper()
	page, err := f.History(t.Context(), key, query)
	if err != nil {
		t.Fatalf("reading the history %+v of %s: %v", query, key, err)
	}
	return page
}

func ids(documents []*source.Document) []string {
	ids := make([]string, len(documents))
	for i, document := range documents {
		ids[i] = document.Key().String()
	}
	return ids
}

func eventIDs(changes []source.Change) []string {
	ids := make([]string, len(changes))
	for i, change := range changes {
		ids[i] = change.EventID
	}
	return ids
}

func at(text string) source.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		// Only this package's own literals come here.
		return source.Time{}
	}
	return source.Time{Time: t}
}

func step(at source.Time, eventID string) source.Change {
	return source.Change{Facet: source.FacetStatus, To: source.Connected, At: at, EventID: eventID}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func numbered(n int) source.Key {
	return source.Key{Platform: "twitch", ID: fmt.Sprintf("%04d", n)}
}
