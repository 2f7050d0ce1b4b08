package twitchtest

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/sourcestate/sourcestate/shared/twitch"
)

const (
	// maxAttempts and firstPause are how Twitch is said to send again: about five
	// times within minutes. Each pause is twice the one before.
	maxAttempts = 5
	firstPause  = 10 * time.Second
)

// messageBody is the body of a webhook.
type messageBody struct {
	Challenge    string           `json:"challenge,omitempty"`
	Subscription subscriptionBody `json:"subscription"`
	Event        map[string]any   `json:"event,omitempty"`
}

// A message is a webhook to be sent. What it says was fixed when it came about;
// a resend differs in its retry header alone.
type message struct {
	id        string
	kind      string
	to        *subscription
	challenge string
	body      []byte
	timestamp string
	attempts  int
	due       time.Time
}

type outbox struct {
	messages []*message
	losses   map[loss]int
}

func newOutbox() outbox { return outbox{losses: make(map[loss]int)} }

// queue puts a message into the outbox: a challenge when the body has one, a
// notification when it has an event, else a revocation.
func (w *World) queue(to *subscription, body messageBody) {
	m := &message{id: w.newID("message"), to: to, kind: twitch.MessageRevocation, challenge: body.Challenge, due: w.config.Now()}
	switch {
	case body.Challenge != "":
		m.kind = twitch.MessageVerification
	case body.Event != nil:
		m.kind = twitch.MessageNotification
	}
	m.timestamp = m.due.UTC().Format(time.RFC3339Nano)
	// Strings, ints and lists of strings cannot fail.
	m.body, _ = json.Marshal(body)
	w.outbox.messages = append(w.outbox.messages, m)
	w.rouse()
}

// rouse tells Run that the outbox has changed.
func (w *World) rouse() {
	select {
	case w.wake <- struct{}{}:
	default: // it has been told
	}
}

// Pending is how many webhooks are still to be sent, be it again.
func (w *World) Pending() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.outbox.messages)
}

// next takes the oldest message that is due; nil: there is none, and the first
// will be so at that time. What is for a subscription that was deleted is thrown
// away.
func (w *World) next() (m *message, later time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.config.Now()
	for i := 0; i < len(w.outbox.messages); {
		m := w.outbox.messages[i]
		_, wanted := w.subscriptions.byID[m.to.id]
		if wanted && m.due.After(now) {
			if later.IsZero() || m.due.Before(later) {
				later = m.due
			}
			i++
			continue
		}
		w.outbox.take(i)
		if wanted {
			return m, time.Time{}
		}
	}
	return nil, later
}

// take removes a message, at no cost where it is the first.
func (o *outbox) take(i int) {
	if i == 0 {
		o.messages[0] = nil
		o.messages = o.messages[1:]
		return
	}
	o.messages = slices.Delete(o.messages, i, i+1)
}
