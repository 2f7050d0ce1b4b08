package store

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// What a page holds when nothing else is asked for, and at most.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// PageSize is the number of entries that a page of the given Limit holds at
// most: DefaultLimit for none, and never more than MaxLimit.
func PageSize(limit int) int {
	switch {
	case limit <= 0:
		return DefaultLimit
	case limit > MaxLimit:
		return MaxLimit
	}
	return limit
}

// A CursorKind keeps the cursors of one kind of list from being used with
// another. Cursors are opaque to callers; what follows is for stores.
type CursorKind string

// The kinds of lists.
const (
	SourceCursor  CursorKind = "s:"
	HistoryCursor CursorKind = "h:"
	SessionCursor CursorKind = "t:"
	HourCursor    CursorKind = "v:"
)

// Encode is the cursor of a page whose last entry has the given name.
func (k CursorKind) Encode(last string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(string(k) + last))
}

// Decode is the name after which the page of that cursor begins, empty for no
// cursor. The error is ErrCursor, wrapped.
func (k CursorKind) Decode(cursor string) (last string, err error) {
	if cursor == "" {
		return "", nil
	}
	decoded, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrCursor, err)
	}
	last, ok := strings.CutPrefix(string(decoded), string(k))
	if !ok || last != Name(last) {
		return "", fmt.Errorf("%w: it is of another list", ErrCursor)
	}
	return last, nil
}

// Bounds are the names between which the hours of the query lie, from inclusive
// and to exclusive; an empty one is no bound.
func (q HourQuery) Bounds() (from, to string) {
	if !q.From.IsZero() {
		from = source.HourName(q.From)
	}
	if !q.To.IsZero() {
		// Of an hour that has begun before the end, some is wanted.
		to = source.HourName(q.To.Add(time.Hour - 1))
	}
	return from, to
}

// SessionOrder is the name by which sessions are ordered and paged: the start of
// one and its part name.
func SessionOrder(s *source.Session, name string) string {
	return event.FormatTime(s.StartedAt.Time) + "~" + name
}

// Bounds are the names between which the entries of the query lie, from
// inclusive and to exclusive; an empty one is no bound. Event times are whole
// milliseconds, so a bound between two of them is the later one.
func (q HistoryQuery) Bounds() (from, to string) {
	return bound(q.From), bound(q.To)
}

func bound(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if cut := t.Truncate(time.Millisecond); cut.Before(t) {
		t = cut.Add(time.Millisecond)
	}
	if t.UTC().Year() > 9999 {
		return "~" // beyond every time that can be written
	}
	return event.FormatTime(t)
}
