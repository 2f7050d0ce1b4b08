package heartbeat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

const (
	ingressSource = "ingress.heartbeat"
	// reasonPoll is why a source changed that no event told of.
	reasonPoll = "poll"
	// maxTogether is how many messages are published at a time: what fails, fails
	// together.
	maxTogether = 1000
)

// observe takes an observation of a step.
func (t *tick) observe(o observation) { t.observations = append(t.observations, o) }

// publish publishes what changed and what is due, and notes it in the ledger.
func (t *tick) publish(ctx context.Context) {
	step := t.report.step("publish")
	var due []observation
	for _, o := range t.observations {
		name := o.key.String()
		isDue, changed := t.ledger.Entry(name).Due(name, o.about, o.digest, t.now, t.Config.Refresh)
		if changed {
			t.report.step(o.step).Changed++
		}
		if isDue {
			due = append(due, o)
			if !changed {
				t.report.Refreshed++
			}
		}
	}
	step.Looked = len(due)
	if t.report.DryRun {
		return
	}
	for len(due) > 0 {
		n := min(len(due), maxTogether)
		t.send(ctx, step, due[:n])
		due = due[n:]
	}
}

func (t *tick) send(ctx context.Context, step *StepReport, due []observation) {
	messages := make([]event.BusMessage, 0, len(due))
	for _, o := range due {
		m, err := o.event().BusMessage()
		if err != nil {
			step.fail(fmt.Sprintf("encoding %s of %s", o.about, o.key), err)
			continue
		}
		messages = append(messages, m)
	}
	if err := t.Publisher.Publish(ctx, bus.Ingress, messages...); err != nil {
		step.fail(fmt.Sprintf("publishing %d messages", len(messages)), err)
		return
	}
	t.report.Published += len(messages)
	for _, o := range due {
		e := t.ledger.Entry(o.key.String())
		e.Publish(o.about, o.digest, t.now)
		t.ledger.Note(o.key.String(), e, t.now)
		if o.published != nil {
			o.published()
		}
	}
}

// unpublish makes one thing of a source count as not published: somebody else said
// something of it.
func (t *tick) unpublish(name, about string) {
	e := t.ledger.Entry(name)
	if _, known := e.Published[about]; known {
		delete(e.Published, about)
		t.ledger.Note(name, e, t.now)
	}
}

// digestOf is short and different where any part is.
func digestOf(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(sum, "%d:%s", len(part), part) // never fails
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// anyList is a list as JSON objects hold it.
func anyList(texts []string) []any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}

// newEvent is an event of a poll about a source. Its id follows from what it is
// about and when, so that the same poll told twice is one event.
func (t *tick) newEvent(kind string, key source.Key, about string) *event.Event {
	at := event.FormatTime(t.now)
	return &event.Event{
		V:             event.Version,
		Type:          kind,
		CorrelationID: event.NewID(key.String() + "/" + kind + "/" + about + "/" + at),
		Ingress:       event.Ingress{IngressAt: at, Source: ingressSource, Connector: "system"},
		Identity:      event.Identity{External: event.External{ID: key.ID, Platform: key.Platform}},
		Egress:        event.Egress{Connector: "system"},
		Routing:       event.NewRouting(),
	}
}

// status is a system.source.status with the payload, to which identity and time
// are added.
func (t *tick) status(key source.Key, about string, payload event.Object) *event.Event {
	e := t.newEvent(event.TypeSourceStatus, key, about)
	payload["platform"], payload["id"] = key.Platform, key.ID
	payload["observedAt"] = event.FormatTime(t.now)
	e.Payload = payload
	return e
}
