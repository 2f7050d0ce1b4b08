package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/functions/persistence"
	"github.com/sourcestate/sourcestate/shared/emulator"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
	"github.com/sourcestate/sourcestate/shared/store/firestore"
)

// discarding is a bus that keeps nothing.
type discarding struct{}

func (discarding) Publish(context.Context, string, ...event.BusMessage) error { return nil }

// push is the answer to a message as Pub/Sub delivers it.
func push(t testing.TB, h http.Handler, m event.BusMessage) int {
	t.Helper()
	body, err := event.EncodePush(m, "projects/p/subscriptions/s")
	if err != nil {
		t.Error(err)
		return 0
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)))
	return w.Code
}

// redelivered pushes a message until it is acknowledged, as Pub/Sub does, and
// returns how often it came again: an emulator that starts on a busy machine may
// keep its first callers waiting longer than they do.
func redelivered(t testing.TB, h http.Handler, m event.BusMessage) int {
	t.Helper()
	const patient = 6
	for again := range patient {
		switch status := push(t, h, m); status {
		case http.StatusNoContent:
			return again
		case http.StatusServiceUnavailable:
		default:
			t.Errorf("status = %d, want 204 or 503", status)
			return again
		}
	}
	t.Errorf("message %s was not acknowledged %d times", m.ID, patient)
	return patient
}

// However an evening's events get in each other's way, what Firestore holds in
// the end is what a quiet delivery in order would have left in a file.
func TestACrowdLeavesWhatAnOrderlyRunLeaves(t *testing.T) {
	t.Parallel()
	const seed, together = 7, 64
	events, sources := 2000, 50
	if testing.Short() {
		events, sources = 600, 15
	}
	messages := evening(t, seed, events, sources)
	clock := func() time.Time { return aired.Add(time.Hour) }

	quiet, err := bolt.Open(t.TempDir(), clock)
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Close()
	orderly := persistence.New(quiet, discarding{}, silent())
	for _, m := range messages {
		if status := push(t, orderly, m); status != http.StatusNoContent {
			t.Fatalf("status = %d, want 204", status)
		}
	}

	emulator.Firestore(t)
	busy, err := firestore.Open(t.Context(), emulator.Project(t), clock)
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	crowded := persistence.New(busy, discarding{}, silent())
	queue := make(chan event.BusMessage)
	var again atomic.Int64
	var group sync.WaitGroup
	for range together {
		group.Go(func() {
			for m := range queue {
				again.Add(int64(redelivered(t, crowded, m)))
			}
		})
	}
	for _, m := range disorderly(seed, messages) {
		queue <- m
	}
	close(queue)
	group.Wait()
	t.Logf("%d messages came again because they were not acknowledged", again.Load())

	want, got := kept(t, quiet), kept(t, busy)
	if len(want) != sources {
		t.Errorf("%d sources have a document, want %d", len(want), sources)
	}
	for name, r := range want {
		if len(r.History) == 0 || len(r.Sessions) == 0 || len(r.Viewers) == 0 {
			t.Errorf("%s has too little to compare: %+v", name, r)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("in order and in a crowd differ (-want +got):\n%s", diff)
	}
}

// disorderly is the messages in no order, a tenth of them twice, the second time
// under another id.
func disorderly(seed uint64, messages []event.BusMessage) []event.BusMessage {
	random := rand.New(rand.NewPCG(seed, 1))
	all := append([]event.BusMessage{}, messages...)
	for _, i := range random.Perm(len(messages))[:len(messages)/10] {
		again := messages[i]
		again.ID += "-again"
		all = append(all, again)
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// A record is all that a store holds of one source, in JSON, without the
// bookkeeping and the times of processing.
type record struct {
	Document                   string
	History, Sessions, Viewers []string
}

// kept is all that a store holds, by source.
func kept(t *testing.T, s store.Store) map[string]record {
	t.Helper()
	ctx := t.Context()
	records := make(map[string]record)
	for _, d := range pages(t, func(cursor string) ([]*source.Document, string, error) {
		page, err := s.List(ctx, store.Filter{Cursor: cursor, Limit: store.MaxLimit})
		return page.Sources, page.NextCursor, err
	}) {
		key := d.Key()
		d.CreatedAt, d.UpdatedAt, d.Bookkeeping = source.Time{}, source.Time{}, nil
		records[key.String()] = record{
			Document: text(t, d),
			History: texts(t, pages(t, func(cursor string) ([]source.Change, string, error) {
				page, err := s.History(ctx, key, store.HistoryQuery{Cursor: cursor, Limit: store.MaxLimit})
				return page.Changes, page.NextCursor, err
			})),
			Sessions: texts(t, pages(t, func(cursor string) ([]*source.Session, string, error) {
				page, err := s.Sessions(ctx, key, store.SessionQuery{Cursor: cursor, Limit: store.MaxLimit})
				return page.Sessions, page.NextCursor, err
			})),
			Viewers: viewers(t, pages(t, func(cursor string) ([]*source.Hour, string, error) {
				page, err := s.Hours(ctx, key, store.HourQuery{Cursor: cursor, Limit: store.MaxLimit})
				return page.Hours, page.NextCursor, err
			})),
		}
	}
	return records
}

// viewers are the samples of all hours: one without any is as good as none.
func viewers(t *testing.T, hours []*source.Hour) []string {
	t.Helper()
	var samples []source.ViewerSample
	for _, hour := range hours {
		samples = append(samples, hour.Samples()...)
	}
	return texts(t, samples)
}

// pages are the entries of all pages.
func pages[T any](t *testing.T, next func(cursor string) ([]T, string, error)) []T {
	t.Helper()
	entries, cursor, err := next("")
	for err == nil && cursor != "" {
		var more []T
		more, cursor, err = next(cursor)
		entries = append(entries, more...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func texts[T any](t *testing.T, values []T) []string {
	t.Helper()
	list := make([]string, len(values))
	for i, value := range values {
		list[i] = text(t, value)
	}
	return list
}

func text(t *testing.T, value any) string {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(fmt.Errorf("encoding %T: %w", value, err))
	}
	return string(encoded)
}
