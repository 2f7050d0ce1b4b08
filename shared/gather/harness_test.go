package gather_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/sourcestate/sourcestate/shared/gather"
)

type (
	result = gather.Result[string]
	group  = gather.Group[string, string]
)

// tower holds every flight until the test lets it land.
type tower struct {
	flights chan *flown
}

type flown struct {
	ctx   context.Context
	items []string
	land  chan func() ([]result, error)
}

func newTower() *tower { return &tower{flights: make(chan *flown)} }

// flush ends with its context, as a flush should.
func (w *tower) flush(ctx context.Context, items []string) ([]result, error) {
	f := &flown{ctx: ctx, items: items, land: make(chan func() ([]result, error))}
	w.flights <- f
	select {
	case land := <-f.land:
		return land()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// ok lands the flight with every item answered by itself in brackets.
func (f *flown) ok() {
	f.land <- func() ([]result, error) { return bracketed(f.items), nil }
}

func (f *flown) fail(err error) {
	f.land <- func() ([]result, error) { return nil, err }
}

func bracketed(items []string) []result {
	results := make([]result, len(items))
	for i, item := range items {
		results[i].Value = "<" + item + ">"
	}
	return results
}

// call is one Do on a goroutine of its own.
type call struct {
	done   chan struct{}
	value  string
	err    error
	panics any
}

// do starts a call and returns when it can go no further. Only in a bubble.
func do(ctx context.Context, g *group, item string) *call {
	c := &call{done: make(chan struct{})}
	go func() {
		defer close(c.done)
		defer func() { c.panics = recover() }()
		c.value, c.err = g.Do(ctx, item)
	}()
	synctest.Wait()
	return c
}

// returned reports whether the call is over, once everything has come to rest.
func (c *call) returned() bool {
	synctest.Wait()
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *call) wants(t *testing.T, value string) {
	t.Helper()
	if !c.returned() {
		t.Fatalf("Do has not returned, want %q", value)
	}
	if c.value != value || c.err != nil || c.panics != nil {
		t.Errorf("Do = %q, %v (panic %v), want %q", c.value, c.err, c.panics, value)
	}
}

// next is the flight under way; none is a failure.
func (w *tower) next(t *testing.T, items ...string) *flown {
	t.Helper()
	synctest.Wait()
	select {
	case f := <-w.flights:
		if len(f.items) != len(items) {
			t.Fatalf("flight carries %q, want %q", f.items, items)
		}
		for i := range items {
			if f.items[i] != items[i] {
				t.Fatalf("flight carries %q, want %q", f.items, items)
			}
		}
		return f
	default:
		t.Fatalf("nothing in flight, want %q", items)
		return nil
	}
}

func (w *tower) idle(t *testing.T) {
	t.Helper()
	synctest.Wait()
	select {
	case f := <-w.flights:
		t.Fatalf("flight carries %q, want none", f.items)
	default:
	}
}
