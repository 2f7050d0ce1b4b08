package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/ledger"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
)

func TestAPageThatGrewTooLargeIsSplit(t *testing.T) {
	t.Parallel()
	s, err := bolt.Open(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	l, err := ledger.Read(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	const entries = 40
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for i := range entries {
		l.Note(fmt.Sprint("connector ", i), ledger.Entry{Login: strings.Repeat("x", 100<<10)}, now)
	}
	if err := l.Write(t.Context(), s, now); err != nil {
		t.Fatal(err)
	}
	records, err := s.Records(t.Context(), store.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	for name, record := range records {
		if len(record) > 1<<20 {
			t.Errorf("page %s has %d bytes", name, len(record))
		}
	}
	if l, err = ledger.Read(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if got := len(l.Names()); got != entries {
		t.Errorf("%d entries", got)
	}
	if e := l.Entry("connector 39"); len(e.Login) != 100<<10 {
		t.Errorf("%d bytes", len(e.Login))
	}
}
