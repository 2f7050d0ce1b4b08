package twitch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/nicklaw5/helix/v2"
)

// ask lets method make one request with helix. Helix makes the URL and reads the
// rows; all that it cannot be trusted with is done by a bridge: helix is given no
// token, sees no answer but a whole and good one, and its errors, which have no
// cause and no status, are replaced by ours.
func (c *Client) ask(ctx context.Context, as access, method func(*helix.Client) error) error {
	if c.fault != nil {
		return c.fault
	}
	b := &bridge{client: c, as: as}
	// One for each request: it is not safe for concurrent use, and holds a context.
	api, err := helix.NewClientWithContext(ctx, &helix.Options{ClientID: c.id, APIBaseURL: c.apiURL, HTTPClient: b})
	if err == nil {
		err = method(api)
	}
	switch {
	case b.err != nil:
		return b.err
	case err != nil:
		return unreadable(b.status, nil, quote(err.Error(), []string{c.secret, c.current(), as.token}))
	}
	return nil
}

// A bridge carries one request of helix.
type bridge struct {
	client *Client
	as     access
	status int   // of the answer
	err    error // what Do answered, which helix keeps only the text of
}

// Do is what helix takes for an HTTP client.
func (b *bridge) Do(req *http.Request) (*http.Response, error) {
	a, err := b.client.exchange(req.Context(), request{method: req.Method, url: req.URL.String(), as: b.as})
	body := []byte(nil) // of what is only done nothing is read
	if err == nil && req.Method == http.MethodGet {
		body, err = rows(a)
	}
	if err != nil {
		b.err = err
		return nil, err
	}
	b.status = a.status
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(body))}, nil
}

// rows is the body of an answer that has a list of rows, be it an empty one:
// helix takes an answer without for an empty list. Times that cannot be read are
// null in it, which for helix is no time; else one would fail all the rows.
func rows(a answer) ([]byte, error) {
	var told struct {
		Data []struct {
			StartedAt json.RawMessage `json:"started_at"`
			CreatedAt json.RawMessage `json:"created_at"`
		} `json:"data"`
	}
	if err := json.Unmarshal(a.body, &told); err != nil {
		return nil, unreadable(a.status, nil, "the answer is not JSON of the form expected")
	}
	if told.Data == nil {
		return nil, unreadable(a.status, nil, "the answer has no data")
	}
	for _, row := range told.Data {
		if !isTime(row.StartedAt) || !isTime(row.CreatedAt) {
			return mended(a, len(told.Data))
		}
	}
	return a.body, nil
}

func isTime(raw json.RawMessage) bool {
	return raw == nil || new(time.Time).UnmarshalJSON(raw) == nil
}

// mended is the body, of so many rows, with null for each time that cannot be
// read.
func mended(a answer, n int) ([]byte, error) {
	object, err := decodeObject(a.body)
	list := object.List("data")
	if err != nil || len(list) != n { // names in odd cases
		return nil, unreadable(a.status, nil, "the answer is not JSON of the form expected")
	}
	for _, value := range list {
		row, _ := value.(map[string]any)
		for _, name := range []string{"started_at", "created_at"} {
			if raw, err := json.Marshal(row[name]); err == nil && !isTime(raw) {
				row[name] = nil
			}
		}
	}
	return json.Marshal(map[string]any{"data": list, "pagination": object["pagination"]})
}

// maxPages is how many pages of a list are read.
const maxPages = 1000

// pages calls page with the cursor of each page in turn, until one gives no
// cursor of a next.
func pages(limit int, page func(after string) (next string, err error)) error {
	seen := make(map[string]bool)
	for after := ""; ; {
		next, err := page(after)
		if err != nil || next == "" {
			return err
		}
		if seen[next] || len(seen) >= limit {
			return errPages
		}
		seen[next] = true
		after = next
	}
}

// errPages says that a list has no end.
var errPages = errors.New("the pages of Twitch's answer do not end")

// errRow says that a row lacks what makes it one.
func errRow(status int, lacks string) error {
	return unreadable(status, nil, fmt.Sprintf("the answer has a row without %s", lacks))
}
