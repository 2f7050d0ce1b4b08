package twitchtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A Fault spoils an answer. The zero value spoils nothing, so that among others
// it says "the next one is good".
type Fault struct{ spoil func(victim) }

// A victim is a request that a fault answers, with the answer it might have had.
type victim struct {
	http.ResponseWriter
	request *http.Request
	now     time.Time
	proper  func(http.ResponseWriter)
}

// Inject gives the next n requests of a pattern, as in Count, the fault, after
// those that were injected before. Faults of "METHOD /path" come before those of
// "/path". Requests with a fault need no token and take no points.
func (w *World) Inject(pattern string, n int, fault Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range n {
		w.faults[pattern] = append(w.faults[pattern], fault)
	}
}

// Heal forgets the faults of the pattern that are not used up.
func (w *World) Heal(pattern string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.faults, pattern)
}

// fault takes the next fault for a request.
func (w *World) fault(method, path string) Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, pattern := range []string{method + " " + path, path} {
		if due := w.faults[pattern]; len(due) > 0 {
			w.faults[pattern] = due[1:]
			return due[0]
		}
	}
	return Fault{}
}

// Failure is an error as Twitch writes it, such as 401, 500 or 503.
func Failure(status int, message string) Fault {
	return Fault{func(v victim) {
		fail(status, message).write(v)
	}}
}

// TooManyRequests is 429 with a Ratelimit-Reset that is so far ahead.
func TooManyRequests(wait time.Duration) Fault {
	return Fault{func(v victim) {
		v.Header().Set("Ratelimit-Limit", strconv.Itoa(defaultRateLimit))
		v.Header().Set("Ratelimit-Remaining", "0")
		v.Header().Set("Ratelimit-Reset", strconv.FormatInt(v.now.Add(wait).Unix(), 10))
		fail(http.StatusTooManyRequests, "Request limit exceeded").write(v)
	}}
}

// HTML is the error page of something between us and Twitch.
func HTML(status int) Fault {
	page := fmt.Sprintf("<html><head><title>%d %s</title></head><body></body></html>\n", status, http.StatusText(status))
	return text(status, "text/html", page)
}

// Body is 200 with this as the JSON, or in its place: an empty one,
// `{"data":null}`, `{"data":[]}`.
func Body(body string) Fault { return text(http.StatusOK, "application/json; charset=utf-8", body) }

func text(status int, contentType, body string) Fault {
	return Fault{func(v victim) {
		v.Header().Set("Content-Type", contentType)
		v.WriteHeader(status)
		_, _ = io.WriteString(v, body)
	}}
}

// Truncated is the first half of the answer, complete as far as HTTP can tell.
func Truncated() Fault {
	return Fault{func(v victim) {
		whole := &kept{header: make(http.Header), status: http.StatusOK}
		v.proper(whole)
		for name, values := range whole.header {
			if name != "Content-Length" {
				v.Header()[name] = values
			}
		}
		v.WriteHeader(whole.status)
		_, _ = v.Write(whole.body.Bytes()[:whole.body.Len()/2])
	}}
}

// Huge is 200 with good JSON that is empty but for that many blanks.
func Huge(size int) Fault {
	return Fault{func(v victim) {
		v.Header().Set("Content-Type", "application/json; charset=utf-8")
		v.WriteHeader(http.StatusOK)
		_, err := io.WriteString(v, `{"data":[`)
		blanks := bytes.Repeat([]byte(" "), 1<<15)
		for ; size > 0 && err == nil; size -= len(blanks) {
			_, err = v.Write(blanks[:min(size, len(blanks))])
		}
		_, _ = io.WriteString(v, `]}`)
	}}
}

// Redirect is 302 to somewhere else.
func Redirect(location string) Fault {
	return Fault{func(v victim) {
		v.Header().Set("Location", location)
		v.WriteHeader(http.StatusFound)
	}}
}

// A Gate holds requests up. NewGate makes one.
type Gate struct {
	reached, open         chan struct{}
	onceReached, onceOpen sync.Once
}

// NewGate is a closed gate.
func NewGate() *Gate { return &Gate{reached: make(chan struct{}), open: make(chan struct{})} }

// Reached is closed when the first request has come to the gate.
func (g *Gate) Reached() <-chan struct{} { return g.reached }

// Open lets all requests through, now and later.
func (g *Gate) Open() { g.onceOpen.Do(func() { close(g.open) }) }

// Blocked holds the answer up until the gate is open, and is a good answer then.
// A caller that goes away earlier gets none.
func Blocked(gate *Gate) Fault {
	return Fault{func(v victim) {
		gate.onceReached.Do(func() { close(gate.reached) })
		select {
		case <-gate.open:
			v.proper(v)
		case <-v.request.Context().Done():
		}
	}}
}

// kept is an answer that is not sent.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header         { return k.header }
func (k *kept) WriteHeader(status int)      { k.status = status }
func (k *kept) Write(p []byte) (int, error) { return k.body.Write(p) }
