package persistence

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

var errBroken = errors.New("broken")

// flaky is a store whose commits may fail: before refuses one, after denies one
// that was made.
type flaky struct {
	store.Store
	before, after func() error
}

func (f *flaky) Update(ctx context.Context, key source.Key, merge store.Merge) error {
	if f.before != nil {
		if err := f.before(); err != nil {
			return err
		}
	}
	if err := f.Store.Update(ctx, key, merge); err != nil {
		return err
	}
	if f.after != nil {
		return f.after()
	}
	return nil
}

// newFlaky is a handler on a store that fails as told.
func newFlaky(t testing.TB) (*bench, *flaky) {
	t.Helper()
	f := &flaky{}
	b := newBenchWith(t, func(s store.Store) updater {
		f.Store = s
		return f
	})
	return b, f
}

// once fails the first time and never again.
func once() func() error {
	failed := false
	return func() error {
		if failed {
			return nil
		}
		failed = true
		return errBroken
	}
}

// onTopic fails the first message to a topic.
func onTopic(topic string) func(string) error {
	fail := once()
	return func(to string) error {
		if to != topic {
			return nil
		}
		return fail()
	}
}

func TestAStoreThatFailsIsAskedAgain(t *testing.T) {
	t.Parallel()
	b, f := newFlaky(t)
	f.before = once()
	b.deliver(t, connected(t), http.StatusServiceUnavailable)
	if outcome := b.outcome(t); outcome != "failed" {
		t.Errorf("logged as %q", outcome)
	}
	b.quiet(t)
	if documents := snapshot(t, b.store); len(documents) != 0 {
		t.Errorf("stored %v", documents)
	}

	b.deliver(t, connected(t), http.StatusNoContent)
	if got := len(b.rec.take()); got != 1 {
		t.Errorf("the redelivery published %d transitions, want 1", got)
	}
}

// Whether a commit took place is not always known. One that did must not swallow
// the transitions.
func TestACommitWhoseAnswerIsLostLosesNoTransition(t *testing.T) {
	t.Parallel()
	b, f := newFlaky(t)
	f.after = once()
	b.deliver(t, connected(t), http.StatusServiceUnavailable)
	b.quiet(t)
	if document(t, b.store, "slack:a") == nil {
		t.Fatal("the commit did not take place")
	}
	b.deliver(t, connected(t), http.StatusNoContent)
	if got := len(b.rec.take()); got != 1 {
		t.Errorf("the redelivery published %d transitions, want 1", got)
	}
}

func TestATransitionThatCannotBePublishedComesAgainAsTheSame(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*recorder){
		"refused":         func(r *recorder) { r.before = onTopic(bus.Transition) },
		"answer was lost": func(r *recorder) { r.after = onTopic(bus.Transition) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			undisturbed := newBench(t)
			both := status(t, event.Object{
				"platform": "slack", "id": "a", "status": "ERROR", "authStatus": "EXPIRED", "permissions": []any{"VIP"},
			})
			undisturbed.deliver(t, both, http.StatusNoContent)
			want := undisturbed.rec.take()
			if len(want) != 3 {
				t.Fatalf("published %v, want 3 transitions", want)
			}

			b := newBench(t)
			fail(b.rec)
			b.deliver(t, both, http.StatusServiceUnavailable)
			if outcome := b.outcome(t); outcome != "failed" {
				t.Errorf("logged as %q", outcome)
			}
			b.rec.take()
			// Others change the same facets meanwhile.
			b.deliver(t, failing(t), http.StatusNoContent)
			b.rec.take()
			for range 2 {
				b.deliver(t, both, http.StatusNoContent)
				if diff := cmp.Diff(want, b.rec.take()); diff != "" {
					t.Errorf("the redelivery publishes (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestADeadLetterThatCannotBePublishedComesAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rec.before = onTopic(bus.DeadLetter)
	m := event.BusMessage{ID: "m-1", Data: []byte("["), PublishTime: sent}
	b.deliver(t, m, http.StatusServiceUnavailable)
	if outcome := b.outcome(t); outcome != "failed" {
		t.Errorf("logged as %q", outcome)
	}
	b.quiet(t)
	b.deliver(t, m, http.StatusNoContent)
	b.letter(t)
}

// A document that cannot take an event, now or ever, must not hold up the
// subscription.
func TestAnEventThatCannotBeMergedIsDeadLettered(t *testing.T) {
	t.Parallel()
	b, f := newFlaky(t)
	f.before = func() error { return &mergeError{errBroken} }
	b.deliver(t, connected(t), http.StatusNoContent)
	letter, _ := b.letter(t)
	if reason := letter.Object("payload").Text("reason"); reason != "not_storable" {
		t.Errorf("reason = %q", reason)
	}
	if outcome := b.outcome(t); outcome != outcomeDeadLettered {
		t.Errorf("logged as %q", outcome)
	}
}

// lostParts are parts that cannot be read for now.
type lostParts struct{}

func (lostParts) Session(string) (*source.Session, error) { return nil, errBroken }
func (lostParts) Hour(string) (*source.Hour, error)       { return nil, errBroken }

// blind is a store that cannot read what is beside its documents.
type blind struct{ store.Store }

func (b blind) Update(ctx context.Context, key source.Key, merge store.Merge) error {
	return b.Store.Update(ctx, key, func(before *source.Document, _ source.Parts) (source.Result, error) {
		return merge(before, lostParts{})
	})
}

func TestAPartThatCannotBeReadIsAskedForAgain(t *testing.T) {
	t.Parallel()
	b := newBenchWith(t, func(s store.Store) updater { return blind{s} })
	m := message(t, event.Object{
		"type": event.TypeStreamOnline, "correlationId": "c-1",
		"payload": event.Object{"platform": "twitch", "broadcasterId": "1", "streamId": "9", "viewerCount": 5, "observedAt": "2026-05-01T12:00:00Z"},
	})
	b.deliver(t, m, http.StatusServiceUnavailable)
	if outcome := b.outcome(t); outcome != "failed" {
		t.Errorf("logged as %q", outcome)
	}
	b.quiet(t)
	if documents := snapshot(t, b.store); len(documents) != 0 {
		t.Errorf("stored %v", documents)
	}
}

// endless is a store whose commits end with their context.
type endless struct{ begun func() }

func (e endless) Update(ctx context.Context, _ source.Key, _ store.Merge) error {
	e.begun()
	<-ctx.Done()
	return ctx.Err()
}

func TestACallerThatGoesAwayEndsTheUpdate(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	b := newBenchWith(t, func(store.Store) updater { return endless{begun: cancel} })
	if answer := serve(b, push(t, connected(t)).WithContext(ctx)); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status = %d, want 503", answer.StatusCode)
	}
	b.quiet(t)
}

// The answer tells a stranger nothing of what failed.
func TestTheAnswerToAFailureTellsNothing(t *testing.T) {
	t.Parallel()
	b, f := newFlaky(t)
	f.before = func() error { return errBroken }
	said, err := io.ReadAll(serve(b, push(t, connected(t))).Body)
	if got := string(said); err != nil || got != "try again\n" {
		t.Errorf("the answer is %q, %v", got, err)
	}
}
