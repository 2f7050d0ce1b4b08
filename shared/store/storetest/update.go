package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

func createsAndStamps(t *testing.T, f *fixture) {
	f.clock.advance(123*time.Millisecond + 999*time.Microsecond)
	f.update(t, channel, func(before *source.Document, _ source.Parts) (source.Result, error) {
		if before != nil {
			t.Errorf("the merge gets %+v for a source that has no document", before)
		}
		forged := at("2001-01-01T00:00:00Z")
		return source.Result{Changed: true, Document: &source.Document{
			ID: channel.ID, Platform: channel.Platform, DisplayName: "Leet", CreatedAt: forged, UpdatedAt: forged,
		}}, nil
	})
	now := at("2026-05-04T12:00:00.123Z")
	equal(t, "the document", f.get(t, channel), &source.Document{
		ID: "1337", Platform: "twitch", DisplayName: "Leet", CreatedAt: now, UpdatedAt: now,
	})
}

func mergesIntoStored(t *testing.T, f *fixture) {
	created := f.clock.now()
	f.update(t, channel, edit(channel, func(d *source.Document) { d.DisplayName = "Leet" }))
	stored := f.get(t, channel)

	updated := f.clock.advance(time.Hour)
	f.update(t, channel, func(before *source.Document, _ source.Parts) (source.Result, error) {
		equal(t, "what the merge gets", before, stored)
		return edit(channel, func(d *source.Document) {
			d.Status, d.CreatedAt = source.Connected, source.Time{}
		})(before, nil)
	})
	equal(t, "the document", f.get(t, channel), &source.Document{
		ID: "1337", Platform: "twitch", DisplayName: "Leet", Status: source.Connected,
		CreatedAt: source.Time{Time: created}, UpdatedAt: source.Time{Time: updated},
	})
}

func readsAreOwned(t *testing.T, f *fixture) {
	f.put(t, &source.Document{ID: "1337", Platform: "twitch", Metadata: source.Metadata{"title": "one"}})
	read := f.get(t, channel)
	f.put(t, &source.Document{ID: "1337", Platform: "twitch", Metadata: source.Metadata{"title": "two"}})
	equal(t, "the document read before", read.Metadata, source.Metadata{"title": "one"})
	read.Metadata["title"] = "three"
	equal(t, "the stored document", f.get(t, channel).Metadata, source.Metadata{"title": "two"})
}

func writesNothingUnchanged(t *testing.T, f *fixture) {
	change := step(at("2026-05-04T11:00:00Z"), "e1")
	f.put(t, &source.Document{ID: "1337", Platform: "twitch"}, change)
	before := f.get(t, channel)
	f.clock.advance(time.Hour)
	f.update(t, channel, func(d *source.Document, _ source.Parts) (source.Result, error) {
		other := *d
		other.DisplayName = "not stored"
		return source.Result{Document: &other, History: map[string]*source.Change{change.Key(): nil}}, nil
	})
	equal(t, "the document", f.get(t, channel), before)
	equal(t, "the history", f.history(t, channel, store.HistoryQuery{}).Changes, []source.Change{change})
}

func nothingFromNothing(t *testing.T, f *fixture) {
	f.update(t, channel, func(*source.Document, source.Parts) (source.Result, error) { return source.Result{}, nil })
	if _, err := f.Get(t.Context(), channel); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get = %v, want ErrNotFound", err)
	}
}

func returnsMergeError(t *testing.T, f *fixture) {
	f.put(t, &source.Document{ID: "1337", Platform: "twitch"})
	before := f.get(t, channel)
	f.clock.advance(time.Hour)
	change := step(at("2026-05-04T11:00:00Z"), "e1")
	broken := errors.New("broken")
	err := f.Update(t.Context(), channel, func(d *source.Document, _ source.Parts) (source.Result, error) {
		result, err := edit(channel, nothing, change)(d, nil)
		return result, errors.Join(err, broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("Update = %v, want the error of the merge", err)
	}
	// As it is, and not wrapped: callers compare it, and log it once.
	own := errors.New("own")
	if err := f.Update(t.Context(), channel, func(*source.Document, source.Parts) (source.Result, error) {
		return source.Result{}, own
	}); err != own {
		t.Errorf("Update = %#v, want the very error of the merge", err)
	}
	equal(t, "the document", f.get(t, channel), before)
	if page := f.history(t, channel, store.HistoryQuery{}); len(page.Changes) > 0 {
		t.Errorf("the history has %v", page.Changes)
	}
}

func refusesChangeWithoutDocument(t *testing.T, f *fixture) {
	err := f.Update(t.Context(), channel, func(*source.Document, source.Parts) (source.Result, error) {
		return source.Result{Changed: true}, nil
	})
	if err == nil {
		t.Error("Update succeeds, although there was nothing to write")
	}
}

// atOnce runs n calls at the same time and reports their errors.
func atOnce(t *testing.T, n int, call func(i int) error) {
	t.Helper()
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-start
			if err := call(i); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	close(start)
	group.Wait()
}

func losesNothing(t *testing.T, f *fixture) {
	const writers = 32
	atOnce(t, writers, func(int) error {
		return f.Update(t.Context(), channel, count(channel))
	})
	equal(t, "what all counted", f.get(t, channel).Metrics.Counts, map[string]int64{"messagesIn": writers})
}

func keepsSourcesApart(t *testing.T, f *fixture) {
	const keys, each = 16, 3
	atOnce(t, keys, func(i int) error {
		for range each {
			if err := f.Update(t.Context(), numbered(i), count(numbered(i))); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range keys {
		document := f.get(t, numbered(i))
		equal(t, "the id", document.Key(), numbered(i))
		equal(t, "what was counted", document.Metrics.Counts, map[string]int64{"messagesIn": each})
	}
}

func heedsContext(t *testing.T, f *fixture) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	calls := map[string]func() error{
		"Update": func() error { return f.Update(ended, channel, edit(channel, nothing)) },
		"Get": func() error {
			_, err := f.Get(ended, channel)
			return err
		},
		"List": func() error {
			_, err := f.List(ended, store.Filter{})
			return err
		},
		"History": func() error {
			_, err := f.History(ended, channel, store.HistoryQuery{})
			return err
		},
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v, want context.Canceled", name, err)
		}
	}
	if _, err := f.Get(t.Context(), channel); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get = %v, want ErrNotFound: the update must not have written", err)
	}
}

func knowsUnknown(t *testing.T, f *fixture) {
	document, err := f.Get(t.Context(), channel)
	if !errors.Is(err, store.ErrNotFound) || document != nil {
		t.Errorf("Get = %v, %v, want nil, ErrNotFound", document, err)
	}
	if diff := cmp.Diff(0, len(f.history(t, channel, store.HistoryQuery{}).Changes)); diff != "" {
		t.Errorf("entries of the history (-want +got):\n%s", diff)
	}
	if page := f.list(t, store.Filter{}); len(page.Sources) != 0 || page.NextCursor != "" {
		t.Errorf("an empty store lists %+v", page)
	}
}
