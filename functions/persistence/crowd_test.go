package persistence

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// gated is a store in memory, of documents alone, whose commits wait until the
// test lets them go on.
type gated struct {
	gate    chan error
	commits atomic.Int32

	documents map[source.Key]*source.Document // guarded by the gate
}

func (g *gated) Update(ctx context.Context, key source.Key, merge store.Merge) error {
	g.commits.Add(1)
	select {
	case err := <-g.gate:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	result, err := merge(g.documents[key], emptyParts{})
	if err != nil {
		return err
	}
	g.documents[key] = result.Document
	return nil
}

// emptyParts is what is beside a document that is new.
type emptyParts struct{}

func (emptyParts) Session(string) (*source.Session, error) { return nil, nil }
func (emptyParts) Hour(string) (*source.Hour, error)       { return nil, nil }

// A crowd is a handler on a gated store, in a bubble.
type crowd struct {
	t       *testing.T
	handler *Handler
	rec     *recorder
	store   *gated
	answers chan int
}

func newCrowd(t *testing.T) *crowd {
	g := &gated{gate: make(chan error), documents: make(map[source.Key]*source.Document)}
	rec := &recorder{}
	return &crowd{t: t, handler: New(recording{g, unwritten{}}, rec, silent()), rec: rec, store: g, answers: make(chan int, 200)}
}

// arrive delivers a message and returns when it can go no further.
func (c *crowd) arrive(m event.BusMessage) {
	go func() { c.answers <- serve(c.handler, push(c.t, m)).StatusCode }()
	synctest.Wait()
}

// answered is the number of answers since the last call that have this status;
// any other is an error.
func (c *crowd) answered(status int) int {
	synctest.Wait()
	for n := 0; ; n++ {
		select {
		case got := <-c.answers:
			if got != status {
				c.t.Errorf("status = %d, want %d", got, status)
			}
		default:
			return n
		}
	}
}

// flap is the n-th of events by which the status of a source changes each time.
func flap(t tester, id string, n int) event.BusMessage {
	t.Helper()
	return message(t, event.Object{
		"type": event.TypeSourceStatus, "correlationId": fmt.Sprintf("c-%03d", n),
		"payload": event.Object{
			"platform": "slack", "id": id, "metadata": event.Object{fmt.Sprintf("key%d", n%20): n}, "latencyMs": n,
			"status": []string{"CONNECTED", "ERROR"}[n%2], "observedAt": event.FormatTime(sent.Add(time.Duration(n) * time.Second)),
		},
	})
}

func TestACrowdOnOneSourceSharesCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		for n := range 21 {
			c.arrive(flap(t, "a", n))
		}
		if commits := c.store.commits.Load(); commits != 1 {
			t.Fatalf("%d commits are under way, want 1", commits)
		}
		c.store.gate <- nil
		if n := c.answered(http.StatusNoContent); n != 1 {
			t.Errorf("%d answers after the first commit, want that of the first event", n)
		}
		c.store.gate <- nil
		if n := c.answered(http.StatusNoContent); n != 20 {
			t.Errorf("%d answers after the second commit, want 20", n)
		}
		if commits := c.store.commits.Load(); commits != 2 {
			t.Errorf("%d commits for 21 events, want 2", commits)
		}
		d := c.store.documents[source.Key{Platform: "slack", ID: "a"}]
		if len(d.Metadata) != 21 { // with connectorState
			t.Errorf("metadata %v, want all 20 keys", d.Metadata)
		}
		if got := len(c.rec.take()); got != 21 {
			t.Errorf("%d transitions published, want 21", got)
		}
	})
}

func TestSourcesDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		for n := range 10 {
			c.arrive(flap(t, fmt.Sprint(n), n))
		}
		if commits := c.store.commits.Load(); commits != 10 {
			t.Errorf("%d commits are under way, want 10", commits)
		}
		for range 10 {
			c.store.gate <- nil
			synctest.Wait()
		}
		if n := c.answered(http.StatusNoContent); n != 10 {
			t.Errorf("%d answers, want 10", n)
		}
	})
}

func TestACommitThatFailsIsEverybodysAndTheNextOneFlies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.arrive(flap(t, "a", 0))
		for n := range 3 {
			c.arrive(flap(t, "a", n+1))
		}
		c.store.gate <- nil
		c.answered(http.StatusNoContent)
		c.store.gate <- errBroken
		if n := c.answered(http.StatusServiceUnavailable); n != 3 {
			t.Errorf("%d answers, want 3", n)
		}
		c.arrive(flap(t, "a", 4))
		c.store.gate <- nil
		if n := c.answered(http.StatusNoContent); n != 1 {
			t.Errorf("%d answers, want 1", n)
		}
	})
}

// Of one event that comes twice at once, both publish, and both the same.
func TestTwiceTheSameEventInOneCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.arrive(flap(t, "a", 0))
		c.store.gate <- nil
		c.answered(http.StatusNoContent)
		c.rec.take()
		c.arrive(flap(t, "a", 2))
		c.arrive(flap(t, "a", 3))
		c.arrive(flap(t, "a", 3))
		c.store.gate <- nil
		c.store.gate <- nil
		if n := c.answered(http.StatusNoContent); n != 3 {
			t.Errorf("%d answers, want 3", n)
		}
		messages := c.rec.take()
		if len(messages) != 2 || messages[0].Message.Attributes["correlationId"] != messages[1].Message.Attributes["correlationId"] {
			t.Errorf("published %v, want one transition twice", messages)
		}
	})
}

// A store that never answers must not hold a request longer than Pub/Sub waits.
func TestAStoreThatHangsIsLeftInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		start := c.handler.Now()
		c.arrive(flap(t, "a", 0))
		if status := <-c.answers; status != http.StatusServiceUnavailable {
			t.Errorf("status = %d, want 503", status)
		}
		if took := c.handler.Now().Sub(start); took > timeout {
			t.Errorf("took %v", took)
		}
	})
}
