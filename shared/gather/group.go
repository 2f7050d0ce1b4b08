// Package gather is group commit without background goroutines: an item leaves
// at once when nothing is in flight, and what arrives during a flight leaves
// together in the next one. A lone item pays one round trip, a burst batches
// itself, and nothing is left running when the last call has returned, which a
// function that may be frozen after its answer needs.
package gather

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

var (
	// ErrAbandoned is what the items of a flight get whose flush panicked or
	// left its goroutine: nobody knows what became of them.
	ErrAbandoned = errors.New("flush did not return")
	// ErrMiscounted is what the items of a flight get whose flush answered with
	// more or fewer results than it had items.
	ErrMiscounted = errors.New("flush gave the wrong number of results")
)

// Config says how much may leave together. The zero value sets no bound.
type Config[T any] struct {
	// MaxCount and MaxWeight bound one flush. An item that is over a bound by
	// itself leaves alone. Zero is no bound.
	MaxCount, MaxWeight int
	// Measure is what an item counts and weighs (bytes, say); nil: each counts
	// one and weighs nothing. It may run on several goroutines at once.
	Measure func(T) (count, weight int)
	// Timeout bounds one flush; zero is no bound.
	Timeout time.Duration
}

// A Result is what became of one item.
type Result[R any] struct {
	Value R
	Err   error
}

// A Group gathers items into flights, one flight at a time. It is safe for
// concurrent use and needs no closing. Create it with New.
type Group[T, R any] struct {
	config Config[T]
	flush  func(context.Context, []T) ([]Result[R], error)

	mu      sync.Mutex
	busy    bool // a flight is under way, or its leader appointed
	waiting []*entry[T, R]
}

// entry is one item on its way. Its mutable fields are guarded by Group.mu.
type entry[T, R any] struct {
	ctx           context.Context
	item          T
	count, weight int

	called  chan struct{} // closed when the entry is to lead or is settled
	leader  bool
	flight  *flight // nil while it waits
	settled bool
	result  Result[R]
}

// flight is one flush under way.
type flight struct {
	aboard int // callers that still wait for it
	cancel context.CancelFunc
}

// New makes a group. Flush gets the items of one flight in order of arrival and
// answers with one result for each, in the same order, or with an error that
// counts for all of them. It runs on the goroutine of one of the callers, never
// twice at a time, and owns the slice. Its context has the values of that
// caller's but not its end: it ends with the timeout, or when no caller waits
// for the flight any more, so that one caller's end never fails the others.
func New[T, R any](config Config[T], flush func(context.Context, []T) ([]Result[R], error)) *Group[T, R] {
	return &Group[T, R]{config: config, flush: flush}
}

// Do sends item with the next flight and waits for its result.
//
// When ctx ends first, Do returns ctx's error: at once, but for a caller that
// leads a flight, who stays until the others aboard have their results or are
// gone too. An item whose flight has not left by then never leaves; what became
// of one that has is not known.
//
// A panic in flush is the leader's; the others get ErrAbandoned, and the group
// goes on.
func (g *Group[T, R]) Do(ctx context.Context, item T) (R, error) {
	var none R
	if err := ctx.Err(); err != nil {
		return none, err
	}
	e := &entry[T, R]{ctx: ctx, item: item, count: 1}
	if g.config.Measure != nil {
		e.count, e.weight = g.config.Measure(item)
	}

	g.mu.Lock()
	g.waiting = append(g.waiting, e)
	if !g.busy {
		g.busy, e.leader = true, true
		g.lead(e)
		return e.result.Value, e.result.Err
	}
	e.called = make(chan struct{})
	g.mu.Unlock()

	select {
	case <-e.called:
	case <-ctx.Done():
	}

	g.mu.Lock()
	err := ctx.Err()
	switch {
	case e.settled:
		g.mu.Unlock()
	case err != nil:
		g.leave(e)
		g.mu.Unlock()
		return none, err
	default:
		g.lead(e)
	}
	return e.result.Value, e.result.Err
}

// leave takes out an entry that is neither settled nor leading a flight under
// way. The caller holds mu.
func (g *Group[T, R]) leave(e *entry[T, R]) {
	if e.flight != nil {
		g.disembark(e.flight)
		return
	}
	i := slices.Index(g.waiting, e)
	g.waiting = slices.Delete(g.waiting, i, i+1)
	if e.leader {
		g.appoint()
	}
}

// disembark notes that a caller waits no more, and ends the flight with the
// last. The caller holds mu.
func (g *Group[T, R]) disembark(f *flight) {
	f.aboard--
	if f.aboard == 0 {
		f.cancel()
	}
}

// appoint calls the leader of the next flight, if any is to be. Of those who
// would be aboard it is the one with the latest deadline, so that it need not
// outstay its own for the sake of the others. The caller holds mu.
func (g *Group[T, R]) appoint() {
	n := g.fitting()
	if n == 0 {
		g.busy = false
		return
	}
	leader := g.waiting[0]
	for _, e := range g.waiting[1:n] {
		if !outlasts(leader.ctx, e.ctx) {
			leader = e // of equals the newest
		}
	}
	leader.leader = true
	close(leader.called)
}

// outlasts reports whether a ends later than b, as far as can be foreseen.
func outlasts(a, b context.Context) bool {
	other, bounded := b.Deadline()
	if !bounded {
		return false
	}
	end, bounded := a.Deadline()
	return !bounded || end.After(other)
}

// fitting is how many of those waiting fit into one flight. The caller holds mu.
func (g *Group[T, R]) fitting() int {
	count, weight := 0, 0
	for i, e := range g.waiting {
		count += e.count
		weight += e.weight
		if i > 0 && (over(count, g.config.MaxCount) || over(weight, g.config.MaxWeight)) {
			return i
		}
	}
	return len(g.waiting)
}

func over(n, limit int) bool { return limit > 0 && n > limit }

// lead makes the next flight, which the leader is aboard, and then appoints the
// leader of the one after it. The caller holds mu; lead releases it.
func (g *Group[T, R]) lead(leader *entry[T, R]) {
	aboard := g.board(leader)
	n := len(aboard)
	ctx, cancel := g.detach(leader.ctx)
	f := &flight{aboard: n, cancel: cancel}
	items := make([]T, n)
	for i, e := range aboard {
		e.flight = f
		items[i] = e.item
	}
	g.mu.Unlock()

	stop := context.AfterFunc(leader.ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.disembark(f)
	})

	// What everyone gets should flush never return. There is no recover: a panic
	// goes on to the leader with its own stack.
	err := ErrAbandoned
	var results []Result[R]
	defer func() {
		stop()
		cancel()
		g.mu.Lock()
		defer g.mu.Unlock()
		for i, e := range aboard {
			e.settle(results, i, err)
		}
		g.appoint()
	}()

	results, err = g.flush(ctx, items)
	if err == nil && len(results) != n {
		err = fmt.Errorf("%w: %d for %d items", ErrMiscounted, len(results), n)
	}
}

// board takes those of the next flight from the queue. Since the appointment
// some may have gone, which only brings the leader nearer the front, and others
// come: those whom the leader would have to outstay its deadline for have to
// wait. The caller holds mu.
func (g *Group[T, R]) board(leader *entry[T, R]) []*entry[T, R] {
	n := g.fitting()
	for i, e := range g.waiting[:n] {
		if outlasts(e.ctx, leader.ctx) {
			n = i
			break
		}
	}
	aboard := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	return aboard
}

func (g *Group[T, R]) detach(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = context.WithoutCancel(ctx)
	if g.config.Timeout > 0 {
		return context.WithTimeout(ctx, g.config.Timeout)
	}
	return context.WithCancel(ctx)
}

// settle gives the entry the i-th result, or err. The caller holds mu.
func (e *entry[T, R]) settle(results []Result[R], i int, err error) {
	e.settled = true
	if err != nil {
		e.result.Err = err
	} else {
		e.result = results[i]
	}
	if !e.leader {
		close(e.called)
		return
	}
	// The flight may have ended because the leader's context did, the last of
	// all: that is then the reason, whatever flush makes of it.
	if ended := e.ctx.Err(); ended != nil && e.result.Err != nil && !errors.Is(e.result.Err, ended) {
		e.result.Err = fmt.Errorf("%w: %w", ended, e.result.Err)
	}
}
