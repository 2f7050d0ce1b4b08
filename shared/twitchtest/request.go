package twitchtest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// keptRequests is how many requests are remembered one by one; the counts are
// of all.
const keptRequests = 10_000

// What a request is authorised with.
const (
	WithApp     = "app"
	WithUser    = "user"
	WithInvalid = "invalid" // expired, revoked or never issued
	WithNone    = "none"
)

// A Request is one that the world has dealt with. The path is in the layout of Twitch, the
// query without the client's secret.
type Request struct {
	Method string
	Path   string
	Query  url.Values
	With   string
	UserID string // of a user's token
	Status int    // of the answer; 0: none was sent
}

type requestLog struct {
	newest []Request // up to twice as many as are kept
	counts map[string]int
}

func newRequestLog() requestLog { return requestLog{counts: make(map[string]int)} }

func (l *requestLog) add(r Request) {
	if len(l.newest) >= 2*keptRequests {
		l.newest = slices.Clone(l.newest[keptRequests:])
	}
	l.newest = append(l.newest, r)
	l.counts[r.Path]++
	l.counts[r.Method+" "+r.Path]++
}

// request describes a request for the log.
func (w *World) request(r *http.Request, path string, status int) Request {
	q := r.URL.Query()
	q.Del("client_secret")
	request := Request{Method: r.Method, Path: path, Query: q, With: WithNone, Status: status}
	_, text, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found {
		return request
	}
	switch t := w.validToken(text); {
	case t == nil:
		request.With = WithInvalid
	case t.user == nil:
		request.With = WithApp
	default:
		request.With, request.UserID = WithUser, t.user.id
	}
	return request
}

// Requests are the newest 10,000 requests since the start or the last
// ForgetRequests, in the order in which they were answered. The queries are not
// to be changed.
func (w *World) Requests() []Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.log.newest[max(0, len(w.log.newest)-keptRequests):])
}

// Count is how many requests were answered since then: those of a pattern like
// "POST /helix/eventsub/subscriptions", or of a path with any method.
func (w *World) Count(pattern string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.counts[pattern]
}

// ForgetRequests empties the log.
func (w *World) ForgetRequests() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = newRequestLog()
}
