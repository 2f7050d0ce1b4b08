package status

import (
	"encoding/json"
	"net/http"
	"strconv"
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

func writeProblem(w http.ResponseWriter, p problem) {
	p.announce(w.Header())
	write(w, p.status, "application/problem+json", p)
}

// announce sets the headers that a problem brings along.
func (p problem) announce(header http.Header) {
	if p.status == http.StatusServiceUnavailable {
		header.Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	}
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	write(w, status, "application/json", value)
}

func write(w http.ResponseWriter, status int, contentType string, value any) {
	body, err := json.Marshal(value)
	if err != nil { // cannot be: everything here comes from JSON
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	body = append(body, '\n')
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// A caller that has gone away needs no answer.
	_, _ = w.Write(body)
}
