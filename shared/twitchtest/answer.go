package twitchtest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// A call is one request as an endpoint sees it.
type call struct {
	query  url.Values
	form   url.Values // of the body, for id.twitch.tv
	body   []byte
	header http.Header
	token  *token // nil where the endpoint needs none
	now    time.Time
}

// An answer is what an endpoint says. Its body shares nothing that changes.
type answer struct {
	status int
	body   any // nil: none
}

// list is the body of most of Helix. The pagination is there even when empty.
type list[T any] struct {
	Data       []T         `json:"data"`
	Pagination *pagination `json:"pagination,omitempty"`
}

type pagination struct {
	Cursor string `json:"cursor,omitempty"`
}

// errorBody is how Twitch says what is wrong. id.twitch.tv leaves Error out.
type errorBody struct {
	Error   string `json:"error,omitempty"`
	Status  int    `json:"status"`
	Message string `json:"message"`
}

func ok(body any) answer { return answer{status: http.StatusOK, body: body} }

func fail(status int, message string) answer {
	return answer{status: status, body: errorBody{Error: http.StatusText(status), Status: status, Message: message}}
}

func badRequest(message string) answer { return fail(http.StatusBadRequest, message) }

func (a answer) write(w http.ResponseWriter) {
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	body, err := json.Marshal(a.body)
	if err != nil {
		http.Error(w, "encoding the answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	// A caller that has gone away needs no answer.
	_, _ = w.Write(body)
}

const (
	defaultPage = 20
	maxPage     = 100
)

// paged is the page of items that the request asks for. Cursors count items, so
// that pages repeat or miss some when items come and go between them, as
// Twitch's do.
func paged[T, R any](c *call, items []T, encode func(T) R) (list[R], *answer) {
	from, first := 0, defaultPage
	if text := c.query.Get("first"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			a := badRequest(`The parameter "first" was malformed: the value must be between 1 and 100`)
			return list[R]{}, &a
		}
		first = n
	}
	if text := c.query.Get("after"); text != "" {
		plain, err := base64.RawURLEncoding.DecodeString(text)
		n, err2 := strconv.Atoi(string(plain))
		if err != nil || err2 != nil || n < 0 {
			a := badRequest(`The parameter "after" was malformed: the cursor is not valid`)
			return list[R]{}, &a
		}
		from = min(n, len(items))
	}
	to := min(from+first, len(items))
	page := list[R]{Data: make([]R, 0, to-from), Pagination: &pagination{}}
	for _, item := range items[from:to] {
		page.Data = append(page.Data, encode(item))
	}
	if to < len(items) {
		page.Pagination.Cursor = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(to)))
	}
	return page, nil
}
