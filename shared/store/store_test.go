package store_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/store"
)

func TestNamesStayUnlessTheyCannot(t *testing.T) {
	for _, id := range []string{"twitch:1", "a%2Fb", "slack:..", "2026-05-04T11:00:00.000Z~e~status", "__x", "___", "日本"} {
		if got := store.Name(id); got != id {
			t.Errorf("Name(%q) = %q, want it unchanged", id, got)
		}
	}
	for _, id := range []string{"", ".", "..", "__x__", "a/b", "\xff", strings.Repeat("x", 1501), strings.Repeat("é/", 900)} {
		got := store.Name(id)
		if !store.ValidName(got) || strings.Contains(got, "/") {
			t.Errorf("Name(%q) = %q, which not every store takes", id, got)
		}
		if again := store.Name(got); again != got {
			t.Errorf("Name(%q) = %q, and the name of that is %q", id, got, again)
		}
	}
}

func TestNamesOfDifferentIDsDiffer(t *testing.T) {
	long := strings.Repeat("é", 2_000)
	ids := []string{long + "1", long + "2", strings.Repeat("é", 1_999), "", ".", "..", "\xff", "\xfe", "a/b", "a//b"}
	seen := make(map[string]string)
	for _, id := range ids {
		name := store.Name(id)
		if other, ok := seen[name]; ok {
			t.Errorf("%.20q and %.20q have the same name", id, other)
		}
		seen[name] = id
	}
}

func TestCursorsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		last := store.Name(rapid.String().Draw(t, "last"))
		for _, kind := range []store.CursorKind{store.SourceCursor, store.HistoryCursor} {
			got, err := kind.Decode(kind.Encode(last))
			if err != nil || got != last {
				t.Errorf("the cursor of %q comes back as %q, %v", last, got, err)
			}
		}
	})
}

func FuzzDecodeCursor(f *testing.F) {
	for _, seed := range []string{"", "czp4", "aDp4", "!", store.SourceCursor.Encode("a/b")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		last, err := store.SourceCursor.Decode(cursor)
		if err != nil && !errors.Is(err, store.ErrCursor) {
			t.Errorf("Decode = %v, want ErrCursor", err)
		}
		if last != "" && (!utf8.ValidString(last) || strings.Contains(last, "/")) {
			t.Errorf("Decode = %q, which no store gave out", last)
		}
	})
}
