package status

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// A requestError says what is wrong with a request, to the caller.
type requestError struct{ text string }

func (e *requestError) Error() string { return e.text }

func malformed(format string, args ...any) error {
	return &requestError{text: fmt.Sprintf(format, args...)}
}

// readKey is the source that the path names: platform:id, with slashes
// percent-encoded.
func readKey(r *http.Request) (source.Key, error) { return parseKey(r.PathValue("id")) }

func parseKey(text string) (source.Key, error) {
	key, err := source.ParseKey(text)
	if err != nil {
		return source.Key{}, malformed("A source is named platform:id.")
	}
	return key, nil
}

func readFilter(r *http.Request) (store.Filter, error) {
	query, err := readQuery(r)
	if err != nil {
		return store.Filter{}, err
	}
	limit, err := readLimit(query, store.MaxLimit)
	if err != nil {
		return store.Filter{}, err
	}
	return store.Filter{
		Platform:     query.Get("platform"),
		Status:       query.Get("status"),
		StreamStatus: query.Get("streamStatus"),
		Limit:        limit,
		Cursor:       query.Get("cursor"),
	}, nil
}

func readHistoryQuery(r *http.Request) (key source.Key, query store.HistoryQuery, err error) {
	key, values, err := readKeyed(r)
	if err != nil {
		return key, query, err
	}
	query.Cursor = values.Get("cursor")
	if query.Limit, err = readLimit(values, store.MaxLimit); err != nil {
		return key, query, err
	}
	query.From, query.To, err = readRange(values)
	return key, query, err
}

func readSessionQuery(r *http.Request) (key source.Key, query store.SessionQuery, err error) {
	key, values, err := readKeyed(r)
	if err != nil {
		return key, query, err
	}
	query.Cursor = values.Get("cursor")
	query.Limit, err = readLimit(values, store.MaxLimit)
	return key, query, err
}

func readKeyed(r *http.Request) (source.Key, url.Values, error) {
	key, err := readKey(r)
	if err != nil {
		return source.Key{}, nil, err
	}
	values, err := readQuery(r)
	return key, values, err
}

// readQuery is the query, whole: a part that cannot be read must not be left out,
// or a filter would let everything through.
func readQuery(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, malformed("The query cannot be read.")
	}
	return values, nil
}

// readLimit is the number of entries asked for, 0 when none is, and at most most.
func readLimit(query url.Values, most int) (int, error) {
	text := query.Get("limit")
	if text == "" {
		return 0, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 {
		return 0, malformed("The limit is a whole number from 1 on; at most %d are answered.", most)
	}
	return min(limit, most), nil
}

// Nothing was ever seen outside of these years.
const firstYear, lastYear = 2000, 2199

// readRange is the range of time asked for; a zero time is no bound.
func readRange(query url.Values) (from, to time.Time, err error) {
	if from, err = readTime(query, "from"); err != nil {
		return time.Time{}, time.Time{}, err
	}
	if to, err = readTime(query, "to"); err != nil {
		return time.Time{}, time.Time{}, err
	}
	if !from.IsZero() && !to.IsZero() && to.Before(from) {
		return time.Time{}, time.Time{}, malformed(`"to" is before "from".`)
	}
	return from, to, nil
}

func readTime(query url.Values, name string) (time.Time, error) {
	text := query.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := event.ParseTime(text)
	if err != nil {
		return time.Time{}, malformed("%q is a time like 2026-05-01T12:00:00Z.", name)
	}
	if t.Year() < firstYear || t.Year() > lastYear {
		return time.Time{}, malformed("%q is a time of the years %d to %d.", name, firstYear, lastYear)
	}
	return t, nil
}
