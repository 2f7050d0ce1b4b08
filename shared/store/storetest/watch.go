package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// watching are the promises of store.Watcher.
var watching = []test{
	{"a watch of nothing begins with nothing", watchesNothing},
	{"a watch begins with all documents, without bookkeeping", watchesAll},
	{"a watch tells of what is written, and of nothing else", watchesWrites},
	{"a watch that is slow holds nobody up and learns the newest state", watchesSlowly},
	{"the last state of each of many is told", watchesMany},
	{"watches are independent of each other, and end with their contexts", watchesApart},
}

// A watch is a call of Watch that runs beside a test.
type watch struct {
	told  chan []*source.Document // each call of changed; the call waits until it is taken
	stop  context.CancelFunc
	ended chan error
}

// watch starts a watch, which ends before the store is closed.
func (f *fixture) watch(t *testing.T) *watch {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	w := &watch{told: make(chan []*source.Document), stop: stop, ended: make(chan error, 1)}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		w.ended <- f.Watch(ctx, func(documents []*source.Document, removed []source.Key) {
			if len(removed) > 0 {
				t.Errorf("%v are said to be gone", removed)
			}
			select {
			case w.told <- documents:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		stop()
		<-gone
	})
	return w
}

// begun is a watch that has told of the beginning. The emulator of Firestore breaks
// a stream for good, once in some two hundred times, if documents are
// written while it is about to send the first of them.
func (f *fixture) begun(t *testing.T) *watch {
	t.Helper()
	w := f.watch(t)
	w.await(t)
	return w
}

// patience is how long a watch may say nothing before it counts as dumb: only so
// that a test fails, and says at what, rather than never end.
const patience = time.Minute

// await is what the watch tells next.
func (w *watch) await(t *testing.T) []*source.Document {
	t.Helper()
	dumb := time.NewTimer(patience)
	defer dumb.Stop()
	select {
	case documents := <-w.told:
		slices.SortFunc(documents, func(a, b *source.Document) int {
			return strings.Compare(a.Key().DocumentID(), b.Key().DocumentID())
		})
		return documents
	case err := <-w.ended:
		t.Fatalf("the watch ended: %v", err)
	case <-dumb.C:
		t.Fatalf("the watch says nothing for %v", patience)
	}
	return nil
}

// until gathers what the watch tells until enough says so, by source.
func (w *watch) until(t *testing.T, enough func(map[source.Key]*source.Document) bool) {
	t.Helper()
	known := make(map[source.Key]*source.Document)
	for !enough(known) {
		for _, document := range w.await(t) {
			known[document.Key()] = document
		}
	}
}

func watchesNothing(t *testing.T, f *fixture) {
	w := f.watch(t)
	equal(t, "the beginning", ids(w.await(t)), []string{})
	f.put(t, &source.Document{ID: "1", Platform: "twitch"})
	equal(t, "the first document", ids(w.await(t)), []string{"twitch:1"})
}

func watchesAll(t *testing.T, f *fixture) {
	for _, id := range []string{"1", "a/b", "ü:2"} {
		f.put(t, &source.Document{
			ID: id, Platform: "twitch", Metadata: source.Metadata{"title": "é", "n": int64(7)}, Permissions: []string{},
			Bookkeeping: &source.Bookkeeping{State: []byte("secret")},
		})
	}
	equal(t, "the beginning", f.watch(t).await(t), f.list(t, store.Filter{}).Sources)
}

func watchesWrites(t *testing.T, f *fixture) {
	one, two := source.Key{Platform: "twitch", ID: "1"}, source.Key{Platform: "twitch", ID: "2"}
	f.update(t, one, count(one))
	w := f.watch(t)
	equal(t, "the beginning", ids(w.await(t)), []string{"twitch:1"})
	f.update(t, one, func(*source.Document, source.Parts) (source.Result, error) { return source.Result{}, nil })
	f.update(t, two, edit(two, func(d *source.Document) { d.Bookkeeping = &source.Bookkeeping{State: []byte("secret")} }))
	want := f.get(t, two).Public()
	equal(t, "a new document", w.await(t), []*source.Document{want})
	f.update(t, one, count(one))
	equal(t, "a document that changed", w.await(t), []*source.Document{f.get(t, one)})
}

func watchesSlowly(t *testing.T, f *fixture) {
	w := f.begun(t)
	const updates = 5
	for range updates { // nobody takes what the watch tells
		f.update(t, channel, count(channel))
	}
	w.until(t, func(known map[source.Key]*source.Document) bool {
		document := known[channel]
		return document != nil && document.Metrics.Counts["messagesIn"] == updates
	})
}

func watchesMany(t *testing.T, f *fixture) {
	w := f.begun(t)
	const documents, updates = 8, 4
	done := make(chan struct{})
	go func() {
		defer close(done)
		atOnce(t, documents*updates, func(i int) error {
			key := numbered(i % documents)
			return f.Update(t.Context(), key, count(key))
		})
	}()
	last := make(map[source.Key]int64)
	defer func() {
		<-done
		if t.Failed() {
			t.Logf("told %v of %d", last, updates)
		}
	}()
	w.until(t, func(known map[source.Key]*source.Document) bool {
		whole := len(known) == documents
		for key, document := range known {
			now := document.Metrics.Counts["messagesIn"]
			if now < last[key] {
				t.Errorf("%s: %d is told after %d", key, now, last[key])
			}
			last[key] = now
			whole = whole && now == updates
		}
		return whole
	})
}

func watchesApart(t *testing.T, f *fixture) {
	watches := []*watch{f.watch(t), f.watch(t)}
	for _, w := range watches {
		w.await(t)
	}
	watches[0].stop()
	if err := <-watches[0].ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch = %v, want context.Canceled", err)
	}
	f.update(t, channel, count(channel))
	equal(t, "the other watch", ids(watches[1].await(t)), []string{channel.String()})
}
