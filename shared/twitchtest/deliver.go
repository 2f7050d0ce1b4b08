package twitchtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/twitch"
)

var errChallenge = errors.New("the challenge was not answered with 200, text/plain, Content-Length and the challenge alone")

// A Delivery is one webhook that was sent.
type Delivery struct {
	MessageID      string
	MessageType    string
	SubscriptionID string
	Type           string // of the subscription
	Retry          int
	Status         int   // of the answer; 0: there was none
	Err            error // why it counts as failed
}

// Deliver sends every webhook that is due, one after the other in the order in
// which they came about, and says what became of each. A challenge decides about
// its subscription and is sent once, a revocation too. A notification that is not
// answered 2xx is sent again, up to five times in all, by later calls when more
// and more time has gone by; Twitch would at some point revoke the subscription,
// which here is left to the script. Deliver stops when ctx ends. It calls the
// callbacks without any lock: they may use the world, but not deliver.
func (w *World) Deliver(ctx context.Context) []Delivery {
	deliveries, _ := w.deliver(ctx)
	return deliveries
}

// deliver also says when the next message will be due, if there is one.
func (w *World) deliver(ctx context.Context) (deliveries []Delivery, later time.Time) {
	select {
	case w.sending <- struct{}{}:
		defer func() { <-w.sending }()
	case <-ctx.Done():
		return nil, time.Time{}
	}
	for ctx.Err() == nil {
		m, then := w.next()
		if m == nil {
			return deliveries, then
		}
		d := w.send(ctx, m)
		w.mu.Lock()
		w.settle(m, d, ctx.Err() != nil)
		w.mu.Unlock()
		deliveries = append(deliveries, d)
	}
	return deliveries, time.Time{}
}

// Run delivers whatever becomes due until ctx ends. It waits with Config.Sleep.
func (w *World) Run(ctx context.Context) {
	for {
		_, later := w.deliver(ctx)
		if !w.await(ctx, later) {
			return
		}
	}
}

// await waits until something is queued or the time comes, if there is one. It
// reports false when ctx ends.
func (w *World) await(ctx context.Context, later time.Time) bool {
	if later.IsZero() {
		select {
		case <-w.wake:
			return true
		case <-ctx.Done():
			return false
		}
	}
	asleep, cancel := context.WithCancel(ctx)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		// How it ended does not matter: the outbox is looked at in either case.
		_ = w.config.Sleep(asleep, later.Sub(w.config.Now()))
	}()
	select {
	case <-w.wake:
	case <-gone:
	case <-ctx.Done():
	}
	cancel()
	<-gone
	return ctx.Err() == nil
}

// send makes one attempt.
func (w *World) send(ctx context.Context, m *message) Delivery {
	d := Delivery{MessageID: m.id, MessageType: m.kind, SubscriptionID: m.to.id, Type: m.to.name, Retry: m.attempts}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.to.callback, bytes.NewReader(m.body))
	if err != nil {
		d.Err = fmt.Errorf("making the webhook: %w", err)
		return d
	}
	for name, value := range map[string]string{
		"Content-Type":                   "application/json",
		twitch.HeaderID:                  m.id,
		twitch.HeaderRetry:               strconv.Itoa(m.attempts),
		twitch.HeaderType:                m.kind,
		twitch.HeaderTimestamp:           m.timestamp,
		twitch.HeaderSignature:           twitch.Sign(m.to.secret, m.id, m.timestamp, m.body),
		twitch.HeaderSubscriptionType:    m.to.name,
		twitch.HeaderSubscriptionVersion: m.to.kind.version,
	} {
		r.Header.Set(name, value)
	}
	response, err := w.client.Do(r)
	if err != nil {
		d.Err = fmt.Errorf("sending the webhook: %w", err)
		return d
	}
	defer response.Body.Close()
	d.Status = response.StatusCode
	// One byte more than a right answer to a challenge has.
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(len(m.challenge))+1))
	switch {
	case err != nil:
		d.Err = fmt.Errorf("reading the answer: %w", err)
	case m.challenge != "" && !answered(response, body, m.challenge):
		d.Err = errChallenge
	case response.StatusCode/100 != 2:
		d.Err = fmt.Errorf("answered %d", response.StatusCode)
	}
	return d
}

func answered(response *http.Response, body []byte, challenge string) bool {
	return response.StatusCode == http.StatusOK && string(body) == challenge &&
		response.ContentLength == int64(len(challenge)) &&
		strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain")
}

// settle draws the conclusions from an attempt. One that was broken off by the
// sender's own context does not count.
func (w *World) settle(m *message, d Delivery, brokenOff bool) {
	switch {
	case d.Err != nil && brokenOff:
		w.outbox.messages = slices.Insert(w.outbox.messages, 0, m)
	case m.kind == twitch.MessageVerification:
		status := StatusEnabled
		if d.Err != nil {
			status = StatusFailed
		}
		if m.to.status == StatusPending {
			w.setStatus(m.to, status)
		}
	case m.kind == twitch.MessageNotification && d.Err != nil && m.attempts+1 < maxAttempts:
		m.due = w.config.Now().Add(firstPause << m.attempts)
		m.attempts++
		w.outbox.messages = append(w.outbox.messages, m)
	}
}

// setStatus changes the status of a subscription, unless it was deleted since.
func (w *World) setStatus(s *subscription, status string) {
	if _, exists := w.subscriptions.byID[s.id]; exists {
		w.subscriptions.set(s, status)
	}
}
