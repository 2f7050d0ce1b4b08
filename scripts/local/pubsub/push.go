package pubsub

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
)

const (
	// concurrency is how many pushes of a subscription run at a time.
	concurrency = 32
	// ackDeadline is how long the answer to one push may take.
	ackDeadline = 60 * time.Second
)

// A subscription delivers messages to one handler. The lock of its broker guards
// its fields.
type subscription struct {
	broker  *Broker
	name    string
	path    string
	handler http.Handler

	waiting []*delivery // due now, in order
	running int         // workers
}

// A delivery is one message on its way to one subscription.
type delivery struct {
	message  event.BusMessage
	size     int
	failures int
}

// enqueue makes a delivery due and sees to it that somebody makes it. The caller
// holds the lock.
func (s *subscription) enqueue(d *delivery) {
	if s.broker.closed {
		return
	}
	s.waiting = append(s.waiting, d)
	if s.running == concurrency {
		return
	}
	s.running++
	s.broker.workers.Go(s.work)
}

// work makes deliveries until none is due.
func (s *subscription) work() {
	for d := s.next(); d != nil; d = s.next() {
		err := s.push(d.message)
		if err == nil {
			s.acknowledge(d)
			continue
		}
		s.again(d, err)
	}
}

// next is a delivery that is due; nil when there is none, and then the worker is
// counted out.
func (s *subscription) next() *delivery {
	s.broker.mu.Lock()
	defer s.broker.mu.Unlock()
	if len(s.waiting) == 0 || s.broker.closed {
		s.waiting = nil
		s.running--
		return nil
	}
	d := s.waiting[0]
	s.waiting[0] = nil
	s.waiting = s.waiting[1:]
	return d
}

func (s *subscription) acknowledge(d *delivery) {
	s.broker.mu.Lock()
	defer s.broker.mu.Unlock()
	s.broker.remove(d.size)
}

// again makes a failed delivery due after a pause, in which it holds up no other.
func (s *subscription) again(d *delivery, cause error) {
	config := s.broker.config
	pause := config.MaxBackoff
	if d.failures < 16 {
		pause = min(config.MinBackoff<<d.failures, config.MaxBackoff)
	}
	d.failures++
	if s.broker.pushes.Err() == nil {
		config.Log.WarnContext(s.broker.pushes, "push failed", "subscription", s.name,
			"messageId", d.message.ID, "attempt", d.failures, "pause", pause.String(), "error", cause)
	}
	time.AfterFunc(pause, func() {
		s.broker.mu.Lock()
		defer s.broker.mu.Unlock()
		s.enqueue(d)
	})
}

// push makes one attempt. It fails unless the handler acknowledges.
func (s *subscription) push(m event.BusMessage) (err error) {
	ctx, cancel := context.WithTimeout(s.broker.pushes, ackDeadline)
	defer cancel()
	body, err := event.EncodePush(m, s.name)
	if err != nil {
		return fmt.Errorf("encoding the push: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making the push: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	// As net/http does it: one bad message must not end the process.
	defer func() {
		if crash := recover(); crash != nil {
			err = fmt.Errorf("the handler panicked: %v", crash)
		}
	}()
	w := &response{header: make(http.Header)}
	s.handler.ServeHTTP(w, r)
	if !w.acknowledges() {
		return fmt.Errorf("answered %d", w.status)
	}
	return nil
}

// response keeps the status of an answer.
type response struct {
	header http.Header
	status int
}

func (w *response) Header() http.Header { return w.header }

func (w *response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return len(p), nil
}

// WriteHeader keeps the first final status.
func (w *response) WriteHeader(status int) {
	if w.status < http.StatusOK {
		w.status = status
	}
}

// acknowledges reports whether Pub/Sub takes the answer for an acknowledgement. A
// handler that wrote nothing has answered 200.
func (w *response) acknowledges() bool {
	switch w.status {
	case 0, http.StatusProcessing, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return true
	}
	return false
}
