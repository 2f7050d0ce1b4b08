package status

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// How many minutes are answered when nothing else is asked for, a day of them,
// and at most.
const (
	defaultViewers = 24 * 60
	maxViewers     = 7 * 24 * 60
)

// A viewerQuery chooses minutes: those that begin in [from, to), where a zero time
// is no bound.
type viewerQuery struct {
	from, to time.Time
	limit    int
}

func readViewerQuery(r *http.Request) (key source.Key, query viewerQuery, err error) {
	key, values, err := readKeyed(r)
	if err != nil {
		return key, query, err
	}
	if query.limit, err = readLimit(values, maxViewers); err != nil {
		return key, query, err
	}
	if query.limit == 0 {
		query.limit = defaultViewers
	}
	if query.from, query.to, err = readRange(values); err != nil {
		return key, query, err
	}
	after, err := decodeViewerCursor(values.Get("cursor"))
	if err != nil {
		return key, query, err
	}
	if !after.IsZero() && !after.Before(query.from) {
		query.from = after.Add(time.Minute)
	}
	return key, query, nil
}

// hours are the hours that hold the minutes.
func (q viewerQuery) hours() store.HourQuery {
	// A page of minutes may begin in the middle of an hour, and hours may be empty.
	return store.HourQuery{From: q.from, To: q.to, Limit: max(24, q.limit/60+2)}
}

func (q viewerQuery) wants(s source.ViewerSample) bool {
	return !s.At.Before(q.from) && (q.to.IsZero() || s.At.Before(q.to))
}

// viewerCursor begins what a cursor of minutes holds: the last minute follows.
const viewerCursor = "m:"

func encodeViewerCursor(last time.Time) string {
	return base64.RawURLEncoding.EncodeToString([]byte(viewerCursor + event.FormatTime(last)))
}

// decodeViewerCursor is the last minute of the page before; zero for no cursor.
func decodeViewerCursor(cursor string) (time.Time, error) {
	if cursor == "" {
		return time.Time{}, nil
	}
	decoded, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", store.ErrCursor, err)
	}
	text, ok := strings.CutPrefix(string(decoded), viewerCursor)
	last, err := event.ParseTime(text)
	if !ok || err != nil || encodeViewerCursor(last) != cursor {
		return time.Time{}, fmt.Errorf("%w: it is of another list", store.ErrCursor)
	}
	return last, nil
}
