package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/ledger"
	"github.com/sourcestate/sourcestate/shared/store"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

var errBroken = errors.New("broken")

// A shelf holds the records of one collection in memory, and counts.
type shelf struct {
	t       testing.TB
	stored  map[string]json.RawMessage
	reads   int
	writes  int
	written []string // the names in the last write, in order; "-" before one that was removed
	broken  bool
}

func newShelf(t testing.TB) *shelf {
	return &shelf{t: t, stored: make(map[string]json.RawMessage)}
}

func (s *shelf) Records(_ context.Context, collection store.Collection) (map[string]json.RawMessage, error) {
	if collection != store.Ledger {
		s.t.Errorf("read of %s", collection)
	}
	s.reads++
	if s.broken {
		return nil, errBroken
	}
	return maps.Clone(s.stored), nil
}

func (s *shelf) Write(_ context.Context, collection store.Collection, records map[string]any) error {
	if collection != store.Ledger {
		s.t.Errorf("write to %s", collection)
	}
	s.writes++
	s.written = nil
	if s.broken {
		return errBroken
	}
	for _, name := range slices.Sorted(maps.Keys(records)) {
		if records[name] == nil {
			delete(s.stored, name)
			s.written = append(s.written, "-"+name)
			continue
		}
		encoded, err := json.Marshal(records[name])
		if err != nil {
			return err
		}
		s.stored[name] = encoded
		s.written = append(s.written, name)
	}
	return nil
}

// put stores a page of entries as it is in the store.
func (s *shelf) put(page, entries string) {
	encoded, err := json.Marshal(map[string]string{"entries": entries})
	if err != nil {
		s.t.Fatal(err)
	}
	s.stored[page] = encoded
}

// write writes the ledger, and gives the pages as written does.
func (s *shelf) write(l *ledger.Ledger, now time.Time) string {
	s.t.Helper()
	s.written = nil
	if err := l.Write(s.t.Context(), s, now); err != nil {
		s.t.Fatal(err)
	}
	return strings.Join(s.written, " ")
}

func (s *shelf) read() *ledger.Ledger {
	s.t.Helper()
	l, err := ledger.Read(s.t.Context(), s)
	if err != nil {
		s.t.Fatal(err)
	}
	return l
}

func name(i int) string { return fmt.Sprintf("twitch:%05d", i) }

// filled is a ledger with n entries, written to the shelf.
func (s *shelf) filled(n int) *ledger.Ledger {
	s.t.Helper()
	l := s.read()
	for i := range n {
		l.Note(name(i), ledger.Entry{Login: fmt.Sprint("login", i)}, noon)
	}
	s.write(l, noon)
	return l
}
