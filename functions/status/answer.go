package status

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryAfter is when a caller may hope for the store again.
const retryAfter = 5 * time.Second

// A problem is an error as RFC 9457 has it.
type problem struct {
	status int
	detail string
}

var unavailable = problem{
	status: http.StatusServiceUnavailable,
	detail: "The store does not answer at the moment.",
}

// MarshalJSON writes the members of the standard. The type says that the title
// is that of the status and that there is no more to know.
func (p problem) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"type":   "about:blank",
		"title":  http.StatusText(p.status),
		"status": p.status,
		"detail": p.detail,
	})
}

// announce sets the headers that a problem brings along.
func (p problem) announce(header http.Header) {
	if p.status == http.StatusServiceUnavailable {
		header.Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	}
}

// refuse answers with a problem.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, p problem) {
	p.announce(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	body, err := json.Marshal(p)
	if err != nil { // cannot be: there are strings and a number
		body = []byte("{}")
	}
	h.send(w, r, answer{status: p.status, kind: "application/problem+json", body: append(body, '\n')})
}

// fail answers with what an error means to the caller.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	h.refuse(w, r, h.explain(r.Context(), err))
}

// answerValue answers with JSON.
func (h *Handler) answerValue(w http.ResponseWriter, r *http.Request, value any) {
	body, err := json.Marshal(value)
	if err != nil { // cannot be: everything here comes from JSON
		h.refuse(w, r, problem{status: http.StatusInternalServerError, detail: "The answer cannot be written."})
		return
	}
	h.answerJSON(w, r, append(body, '\n'), "")
}

// answerJSON answers with what is JSON already. Without a tag it gets one that
// changes with each byte.
func (h *Handler) answerJSON(w http.ResponseWriter, r *http.Request, body []byte, tag string) {
	// To be kept, and asked for again each time.
	w.Header().Set("Cache-Control", "no-cache")
	h.send(w, r, answer{status: http.StatusOK, kind: "application/json", body: body, tag: tag})
}

// An answer is what is sent.
type answer struct {
	status int
	kind   string // Content-Type
	body   []byte
	tag    string // "": one is made where the answer is good
}

// send sends an answer, or that it is as the caller has it.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, a answer) {
	header := w.Header()
	if a.status == http.StatusOK {
		if a.tag == "" {
			sum := sha256.Sum256(a.body)
			a.tag = weakTag(sum[:])
		}
		header.Set("Etag", a.tag)
		if matches(r.Header.Values("If-None-Match"), a.tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	header.Set("Content-Type", a.kind)
	header.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	// A caller that has gone away needs no answer.
	_, _ = w.Write(a.body)
}

// matches reports whether If-None-Match has a tag, compared weakly as RFC 9110
// wants. Tags of ours have no comma in them.
func matches(headers []string, tag string) bool {
	for _, header := range headers {
		for given := range strings.SplitSeq(header, ",") {
			given = strings.TrimSpace(given)
			if given == "*" || strings.TrimPrefix(given, "W/") == strings.TrimPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}
