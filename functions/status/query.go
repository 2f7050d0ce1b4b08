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
func readKey(r *http.Request) (source.Key, error) {
	key, err := source.ParseKey(r.PathValue("id"))
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
	limit, err := readLimit(query)
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

func readHistoryQuery(r *http.Request) (source.Key, store.HistoryQuery, error) {
	key, err := readKey(r)
	if err != nil {
		return source.Key{}, store.HistoryQuery{}, err
	}
	values, err := readQuery(r)
	if err != nil {
		return source.Key{}, store.HistoryQuery{}, err
	}
	query := store.HistoryQuery{Cursor: values.Get("cursor")}
	if query.Limit, err = readLimit(values); err != nil {
		return source.Key{}, store.HistoryQuery{}, err
	}
	if query.From, err = readTime(values, "from"); err != nil {
		return source.Key{}, store.HistoryQuery{}, err
	}
	if query.To, err = readTime(values, "to"); err != nil {
		return source.Key{}, store.HistoryQuery{}, err
	}
	return key, query, nil
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

// readLimit is the number of entries asked for, 0 when none is. The store cuts
// what is too many.
func readLimit(query url.Values) (int, error) {
	text := query.Get("limit")
	if text == "" {
		return 0, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 {
		return 0, malformed("The limit is a whole number from 1 on; at most %d are answered.", store.MaxLimit)
	}
	return limit, nil
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
	return t, nil
}
