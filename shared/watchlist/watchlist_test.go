package watchlist_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
	"github.com/sourcestate/sourcestate/shared/watchlist"
)

func open(t *testing.T) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func twitch(id string) source.Key { return source.Key{Platform: "twitch", ID: id} }

func list(t *testing.T, records store.Records) []watchlist.Listed {
	t.Helper()
	listed, err := watchlist.List(t.Context(), records)
	if err != nil {
		t.Fatal(err)
	}
	return listed
}

func mark(t *testing.T, records store.Records) string {
	t.Helper()
	m, err := watchlist.Mark(t.Context(), records)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheListIsWhatWasAddedAndNotRemoved(t *testing.T) {
	t.Parallel()
	s := open(t)
	if got := list(t, s); got == nil || len(got) != 0 {
		t.Errorf("list at first: %v", got)
	}
	for _, step := range []struct {
		name string
		edit func() error
		want []watchlist.Listed
	}{
		{"one is added", func() error {
			return watchlist.Add(t.Context(), s, twitch("42"), watchlist.Entry{Login: "a", Labels: map[string]string{"team": "x"}})
		}, []watchlist.Listed{{twitch("42"), watchlist.Entry{Login: "a", Labels: map[string]string{"team": "x"}}}}},
		{"another one with a name that is escaped", func() error {
			return watchlist.Add(t.Context(), s, twitch("1/2%"), watchlist.Entry{})
		}, []watchlist.Listed{
			{twitch("1/2%"), watchlist.Entry{}},
			{twitch("42"), watchlist.Entry{Login: "a", Labels: map[string]string{"team": "x"}}},
		}},
		{"the first is changed", func() error {
			return watchlist.Add(t.Context(), s, twitch("42"), watchlist.Entry{Login: "b"})
		}, []watchlist.Listed{{twitch("1/2%"), watchlist.Entry{}}, {twitch("42"), watchlist.Entry{Login: "b"}}}},
		{"one is removed", func() error { return watchlist.Remove(t.Context(), s, twitch("1/2%")) },
			[]watchlist.Listed{{twitch("42"), watchlist.Entry{Login: "b"}}}},
		{"one that is not there is removed", func() error { return watchlist.Remove(t.Context(), s, twitch("7")) },
			[]watchlist.Listed{{twitch("42"), watchlist.Entry{Login: "b"}}}},
		{"the last is removed", func() error { return watchlist.Remove(t.Context(), s, twitch("42")) }, []watchlist.Listed{}},
	} {
		if err := step.edit(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(step.want, list(t, s)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

func TestTheMarkIsAnotherOneAfterEveryEdit(t *testing.T) {
	t.Parallel()
	s := open(t)
	if got := mark(t, s); got != "" {
		t.Errorf("mark %q of a list that was never edited", got)
	}
	seen := map[string]bool{"": true}
	for range 3 {
		for name, edit := range map[string]func() error{
			"add":    func() error { return watchlist.Add(t.Context(), s, twitch("1"), watchlist.Entry{}) },
			"remove": func() error { return watchlist.Remove(t.Context(), s, twitch("1")) },
		} {
			if err := edit(); err != nil {
				t.Fatal(err)
			}
			if got := mark(t, s); seen[got] {
				t.Errorf("mark %q after %s was there before", got, name)
			} else {
				seen[got] = true
			}
			list(t, s)
			if !seen[mark(t, s)] {
				t.Error("another mark for reading")
			}
		}
	}
}

func TestWhatIsNoEntryIsLeftOut(t *testing.T) {
	t.Parallel()
	s := open(t)
	if err := s.Write(t.Context(), store.Watchlist, map[string]any{
		"twitch:1":     watchlist.Entry{Login: "a"},
		"no key":       watchlist.Entry{Login: "b"},
		"twitch:%zz":   watchlist.Entry{Login: "c"},
		"twitch:2":     map[string]any{"login": 5},
		"twitch:3":     []string{"d"},
		"twitch:4":     map[string]any{"login": "e", "since": 2026},
		"unknown:5":    watchlist.Entry{},
		"discord:6%2F": watchlist.Entry{},
	}); err != nil {
		t.Fatal(err)
	}
	want := []watchlist.Listed{
		{source.Key{Platform: "discord", ID: "6/"}, watchlist.Entry{}},
		{twitch("1"), watchlist.Entry{Login: "a"}},
		{twitch("4"), watchlist.Entry{Login: "e"}},
	}
	if diff := cmp.Diff(want, list(t, s)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

var errBroken = errors.New("broken")

// inner is what a broken store embeds: by its own name it would hide a method.
type inner = store.Records

// A broken store fails for one collection, and remembers what it was asked to
// write to the others.
type broken struct {
	inner
	collection store.Collection
	written    []store.Collection
}

func (b *broken) Record(ctx context.Context, collection store.Collection, name string, into any) error {
	if collection == b.collection {
		return errBroken
	}
	return b.inner.Record(ctx, collection, name, into)
}

func (b *broken) Write(ctx context.Context, collection store.Collection, records map[string]any) error {
	if collection == b.collection {
		return errBroken
	}
	b.written = append(b.written, collection)
	return b.inner.Write(ctx, collection, records)
}

func (b *broken) Records(ctx context.Context, collection store.Collection) (map[string]json.RawMessage, error) {
	if collection == b.collection {
		return nil, errBroken
	}
	return b.inner.Records(ctx, collection)
}

func TestErrorsOfTheStore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		collection store.Collection
		written    []store.Collection
	}{
		"an entry that is not written is not marked": {store.Watchlist, nil},
		"an entry is written before its mark":        {store.Heartbeat, []store.Collection{store.Watchlist, store.Watchlist}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &broken{inner: open(t), collection: c.collection}
			if err := watchlist.Add(t.Context(), b, twitch("1"), watchlist.Entry{}); !errors.Is(err, errBroken) {
				t.Errorf("add: %v", err)
			}
			if err := watchlist.Remove(t.Context(), b, twitch("1")); !errors.Is(err, errBroken) {
				t.Errorf("remove: %v", err)
			}
			if diff := cmp.Diff(c.written, b.written); diff != "" {
				t.Errorf("written (-want +got):\n%s", diff)
			}
		})
	}
	b := &broken{inner: open(t), collection: store.Heartbeat}
	if m, err := watchlist.Mark(t.Context(), b); m != "" || !errors.Is(err, errBroken) {
		t.Errorf("mark %q, %v", m, err)
	}
	b.collection = store.Watchlist
	if listed, err := watchlist.List(t.Context(), b); listed != nil || !errors.Is(err, errBroken) {
		t.Errorf("list %v, %v", listed, err)
	}
}
