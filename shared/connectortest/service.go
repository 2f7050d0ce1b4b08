// Package connectortest plays a service with connectors: an http.Handler that
// answers polls in every shape that these have had, and goes wrong as the test or
// the demo says.
//
//	bots := connectortest.New("bots-1")
//	bots.Set("twitch", connectortest.Snapshot{"state": "CONNECTED", "id": "555", "started": true})
//	bots.Count("twitch", "received", 3)
//	server := httptest.NewServer(bots) // polled at server.URL + "/_debug/connectors"
//	bots.Fail(connectortest.Dead)      // no answer any more
//	bots.Heal()
//	bots.Restart("bots-2")             // the counters begin at 0
package connectortest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
)

// A Snapshot is what one connector says of itself, by the names of its JSON. Its
// counters, if any, are a map[string]int.
type Snapshot map[string]any

// A Service has connectors. It is safe for concurrent use.
type Service struct {
	mu       sync.Mutex // guards what follows
	instance string
	shape    Shape
	entries  map[string]Snapshot
	fault    Fault // nil: none
	polls    int
}

// A Shape is how snapshots are wrapped.
type Shape string

// The shapes (facts/bus.md section 6).
const (
	Connectors Shape = "connectors" // {"connectors":{NAME:{...}}} at /_debug/connectors
	Manager    Shape = "manager"    // {NAME:{...}} there
	Bare       Shape = "bare"       // the snapshot at /_debug/NAME
	Old        Shape = "old"        // {"snapshot":{...}} there
)

// New is a service without connectors, of the first shape.
func New(instance string) *Service {
	return &Service{instance: instance, shape: Connectors, entries: make(map[string]Snapshot)}
}

// Shape changes how snapshots are wrapped from now on.
func (s *Service) Shape(shape Shape) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shape = shape
}

// Set makes a connector's snapshot what is given.
func (s *Service) Set(name string, snapshot Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries[name] = copied(snapshot)
}

// copied is a copy that can be written to.
func copied(snapshot Snapshot) Snapshot {
	if snapshot == nil {
		return make(Snapshot)
	}
	return maps.Clone(snapshot)
}

// Change sets some fields of a connector's snapshot; nil removes one.
func (s *Service) Change(name string, fields Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := copied(s.entries[name])
	for field, value := range fields {
		if value == nil {
			delete(changed, field)
		} else {
			changed[field] = value
		}
	}
	s.entries[name] = changed
}

// Count adds to a counter of a connector.
func (s *Service) Count(name, counter string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counters, _ := s.entries[name]["counters"].(map[string]int)
	counters = maps.Clone(counters)
	if counters == nil {
		counters = make(map[string]int)
	}
	counters[counter] += n
	changed := copied(s.entries[name])
	changed["counters"] = counters
	s.entries[name] = changed
}

// Restart is another instance of the service: all counters begin at 0.
func (s *Service) Restart(instance string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instance = instance
	for name, snapshot := range s.entries {
		counters, has := snapshot["counters"].(map[string]int)
		if !has {
			continue
		}
		zero := make(map[string]int, len(counters))
		for counter := range counters {
			zero[counter] = 0
		}
		changed := copied(snapshot)
		changed["counters"] = zero
		s.entries[name] = changed
	}
}

// Fail lets every poll go wrong in a way until Heal.
func (s *Service) Fail(fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// Heal ends Fail.
func (s *Service) Heal() { s.Fail(nil) }

// Polls is how many requests for snapshots came.
func (s *Service) Polls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.polls
}

// ServeHTTP answers a poll.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, body, fault := s.answer(r.URL.Path)
	if fault != nil {
		fault(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A caller that has gone away needs no answer.
	_, _ = w.Write(body)
}

func (s *Service) answer(path string) (status int, body []byte, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, debug := strings.CutPrefix(path, "/_debug/")
	if debug && name != "instance" {
		s.polls++
	}
	if s.fault != nil {
		return 0, nil, s.fault
	}
	if !debug {
		return http.StatusNotFound, []byte(`{"error":"not_found"}`), nil
	}
	status = http.StatusOK
	var answer any
	switch snapshot, known := s.entries[name]; {
	case name == "instance":
		answer = map[string]any{"serviceName": "bots", "instanceId": s.instance, "connectorCount": len(s.entries)}
	case name == "connectors" && s.shape == Manager:
		answer = s.entries
	case name == "connectors":
		answer = map[string]any{"connectors": s.entries}
	case !known:
		status, answer = http.StatusNotFound, map[string]string{"error": "unknown_platform", "platform": name}
	case s.shape == Old:
		answer = map[string]any{"snapshot": snapshot, "egressTopic": "internal.egress.v1." + s.instance}
	default:
		answer = snapshot
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return http.StatusInternalServerError, []byte(`{"error":"internal_error"}`), nil
	}
	return status, body, nil
}

// A Fault is how a poll goes wrong.
type Fault func(w http.ResponseWriter, r *http.Request)

// Dead is a service that is gone: the connection ends without an answer.
func Dead(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Answers is a status and a body, whatever they are.
func Answers(status int, body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Redirects points elsewhere.
func Redirects(to string) Fault {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// Huge is an answer of that many bytes.
func Huge(bytes int) Fault {
	return func(w http.ResponseWriter, _ *http.Request) {
		const start, end = `{"connectors":{}`, "}"
		_, _ = io.WriteString(w, start+strings.Repeat(" ", max(0, bytes-len(start+end)))+end)
	}
}

// Hangs answers nothing until the caller gives up.
func Hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Breaks is an answer that ends in the middle.
func Breaks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"connectors":{"twitch":{"state":"CONN`)
	panic(http.ErrAbortHandler)
}
