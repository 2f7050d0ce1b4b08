package gather_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sourcestate/sourcestate/shared/gather"
)

var errFlush = errors.New("flush failed")

func byLength(s string) (count, weight int) { return 1, len(s) }

func TestGroup(t *testing.T) {
	tests := []struct {
		name   string
		config gather.Config[string]
		run    func(*testing.T, *group, *tower)
	}{
		{"a lone item leaves at once", gather.Config[string]{}, func(t *testing.T, g *group, w *tower) {
			a := do(t.Context(), g, "a")
			w.next(t, "a").ok()
			a.wants(t, "<a>")
			b := do(t.Context(), g, "b")
			w.next(t, "b").ok()
			b.wants(t, "<b>")
		}},
		{"items that arrive during a flight leave together in the next one", gather.Config[string]{}, func(t *testing.T, g *group, w *tower) {
			a := do(t.Context(), g, "a")
			first := w.next(t, "a")
			b, c, d := do(t.Context(), g, "b"), do(t.Context(), g, "c"), do(t.Context(), g, "d")
			w.idle(t)
			first.ok()
			a.wants(t, "<a>")
			second := w.next(t, "b", "c", "d")
			if b.returned() || c.returned() || d.returned() {
				t.Error("a call returned before its flight did")
			}
			second.ok()
			b.wants(t, "<b>")
			c.wants(t, "<c>")
			d.wants(t, "<d>")
			w.idle(t)
		}},
		{"what is over the count leaves in a later flight, led by another", gather.Config[string]{MaxCount: 2}, func(t *testing.T, g *group, w *tower) {
			a := do(t.Context(), g, "a")
			first := w.next(t, "a")
			b, c, d := do(t.Context(), g, "b"), do(t.Context(), g, "c"), do(t.Context(), g, "d")
			first.ok()
			a.wants(t, "<a>")
			w.next(t, "b", "c").ok()
			b.wants(t, "<b>")
			c.wants(t, "<c>")
			third := w.next(t, "d")
			if d.returned() {
				t.Error("the leftover returned before its flight did")
			}
			third.ok()
			d.wants(t, "<d>")
		}},
		{"what is over the weight leaves in a later flight", gather.Config[string]{MaxWeight: 5, Measure: byLength}, func(t *testing.T, g *group, w *tower) {
			do(t.Context(), g, "a")
			first := w.next(t, "a")
			do(t.Context(), g, "bbb")
			do(t.Context(), g, "cc")
			do(t.Context(), g, "d")
			first.ok()
			w.next(t, "bbb", "cc").ok()
			w.next(t, "d").ok()
		}},
		{"an item over the weight by itself leaves alone", gather.Config[string]{MaxWeight: 3, Measure: byLength}, func(t *testing.T, g *group, w *tower) {
			do(t.Context(), g, "a")
			first := w.next(t, "a")
			do(t.Context(), g, "b")
			do(t.Context(), g, "cccccccc")
			do(t.Context(), g, "d")
			first.ok()
			w.next(t, "b").ok()
			w.next(t, "cccccccc").ok()
			w.next(t, "d").ok()
		}},
		{"an item counts what it measures", gather.Config[string]{
			MaxCount: 4, Measure: func(s string) (int, int) { return len(s), 0 },
		}, func(t *testing.T, g *group, w *tower) {
			do(t.Context(), g, "a")
			first := w.next(t, "a")
			do(t.Context(), g, "bbb")
			do(t.Context(), g, "c")
			do(t.Context(), g, "d")
			first.ok()
			w.next(t, "bbb", "c").ok()
			w.next(t, "d").ok()
		}},
		{"the error of one item is not the others'", gather.Config[string]{}, func(t *testing.T, g *group, w *tower) {
			do(t.Context(), g, "a")
			first := w.next(t, "a")
			b, c := do(t.Context(), g, "b"), do(t.Context(), g, "c")
			first.ok()
			w.next(t, "b", "c").land <- func() ([]result, error) {
				return []result{{Err: errFlush}, {Value: "fine"}}, nil
			}
			if b.returned(); !errors.Is(b.err, errFlush) {
				t.Errorf("error of b = %v, want %v", b.err, errFlush)
			}
			c.wants(t, "fine")
		}},
		{"the error of a flush is everyone's aboard, and the next flight flies", gather.Config[string]{}, func(t *testing.T, g *group, w *tower) {
			a := do(t.Context(), g, "a")
			first := w.next(t, "a")
			b := do(t.Context(), g, "b")
			first.fail(errFlush)
			if a.returned(); !errors.Is(a.err, errFlush) {
				t.Errorf("error = %v, want %v", a.err, errFlush)
			}
			w.next(t, "b").ok()
			b.wants(t, "<b>")
		}},
		{"a flush that answers too few is an error for all", gather.Config[string]{}, func(t *testing.T, g *group, w *tower) {
			do(t.Context(), g, "a")
			first := w.next(t, "a")
			b, c := do(t.Context(), g, "b"), do(t.Context(), g, "c")
			first.ok()
			w.next(t, "b", "c").land <- func() ([]result, error) { return []result{{Value: "b"}}, nil }
			for _, c := range []*call{b, c} {
				if c.returned(); !errors.Is(c.err, gather.ErrMiscounted) {
					t.Errorf("error = %v, want %v", c.err, gather.ErrMiscounted)
				}
			}
		}},
		{"a flush that panics is an error for the others, and the leader panics", gather.Config[string]{}, func(t *testing.T, g *group, w *tower) {
			do(t.Context(), g, "a")
			first := w.next(t, "a")
			b, c := do(t.Context(), g, "b"), do(t.Context(), g, "c")
			first.ok()
			second := w.next(t, "b", "c")
			d := do(t.Context(), g, "d")
			second.land <- func() ([]result, error) { panic("broken") }
			w.next(t, "d").ok()
			d.wants(t, "<d>")
			// The newest leads, since no deadline tells them apart.
			if c.returned(); c.panics != "broken" {
				t.Errorf("leader's panic = %v, want that of the flush", c.panics)
			}
			if b.returned(); !errors.Is(b.err, gather.ErrAbandoned) || b.panics != nil {
				t.Errorf("passenger: %v, panic %v, want %v", b.err, b.panics, gather.ErrAbandoned)
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTower()
				test.run(t, gather.New(test.config, w.flush), w)
			})
		})
	}
}

func TestGroupWhenCallersGo(t *testing.T) {
	tests := []struct {
		name string
		run  func(*testing.T, *group, *tower)
	}{
		{"a context that has ended sends nothing", func(t *testing.T, g *group, w *tower) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			a := do(ctx, g, "a")
			a.gone(t, context.Canceled)
			w.idle(t)
		}},
		{"a waiter leaves at once and takes its item along", func(t *testing.T, g *group, w *tower) {
			do(t.Context(), g, "a")
			first := w.next(t, "a")
			ctx, cancel := context.WithCancel(t.Context())
			b, c := do(ctx, g, "b"), do(t.Context(), g, "c")
			cancel()
			b.gone(t, context.Canceled)
			first.ok()
			w.next(t, "c").ok()
			c.wants(t, "<c>")
		}},
		{"when every waiter has left nothing more flies", func(t *testing.T, g *group, w *tower) {
			do(t.Context(), g, "a")
			first := w.next(t, "a")
			ctx, cancel := context.WithCancel(t.Context())
			b := do(ctx, g, "b")
			cancel()
			b.gone(t, context.Canceled)
			first.ok()
			w.idle(t)
			c := do(t.Context(), g, "c")
			w.next(t, "c").ok()
			c.wants(t, "<c>")
		}},
		{"a passenger leaves at once and the flight goes on", func(t *testing.T, g *group, w *tower) {
			do(t.Context(), g, "a")
			first := w.next(t, "a")
			ctx, cancel := context.WithCancel(t.Context())
			b, c := do(ctx, g, "b"), do(t.Context(), g, "c")
			first.ok()
			second := w.next(t, "b", "c")
			cancel()
			b.gone(t, context.Canceled)
			if err := second.ctx.Err(); err != nil {
				t.Errorf("the flight's context ended: %v", err)
			}
			second.ok()
			c.wants(t, "<c>")
		}},
		{"a leader that is cancelled serves the others, and has its own result", func(t *testing.T, g *group, w *tower) {
			do(t.Context(), g, "a")
			first := w.next(t, "a")
			ctx, cancel := context.WithCancel(t.Context())
			b, c := do(t.Context(), g, "b"), do(ctx, g, "c")
			first.ok()
			second := w.next(t, "b", "c")
			cancel()
			synctest.Wait()
			if err := second.ctx.Err(); err != nil {
				t.Errorf("the flight's context ended: %v", err)
			}
			second.ok()
			b.wants(t, "<b>")
			c.wants(t, "<c>")
		}},
		{"a flight ends with the last that waits for it", func(t *testing.T, g *group, w *tower) {
			do(t.Context(), g, "a")
			first := w.next(t, "a")
			ctxB, cancelB := context.WithCancel(t.Context())
			ctxC, cancelC := context.WithCancel(t.Context())
			b, c := do(ctxB, g, "b"), do(ctxC, g, "c")
			first.ok()
			second := w.next(t, "b", "c")
			cancelC()
			if c.returned() {
				t.Error("the leader left a flight that another waits for")
			}
			cancelB()
			b.gone(t, context.Canceled)
			c.gone(t, context.Canceled)
			if second.ctx.Err() == nil {
				t.Error("the flight goes on for nobody")
			}
			d := do(t.Context(), g, "d")
			w.next(t, "d").ok()
			d.wants(t, "<d>")
		}},
		{"a lone leader leaves by its own deadline", func(t *testing.T, g *group, w *tower) {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			a := do(ctx, g, "a")
			w.next(t, "a")
			<-a.done
			a.gone(t, context.DeadlineExceeded)
			if took := time.Since(start); took != time.Second {
				t.Errorf("took %v, want 1s", took)
			}
		}},
		{"the latest deadline leads, so no call outstays its own", func(t *testing.T, g *group, w *tower) {
			start := time.Now()
			do(t.Context(), g, "a")
			first := w.next(t, "a")
			var calls []*call
			waits := []time.Duration{2 * time.Second, 3 * time.Second, time.Second}
			for _, wait := range waits {
				ctx, cancel := context.WithTimeout(t.Context(), wait)
				defer cancel()
				calls = append(calls, do(ctx, g, wait.String()))
			}
			first.ok()
			w.next(t, "2s", "3s", "1s")
			for _, i := range []int{2, 0, 1} {
				<-calls[i].done
				if took := time.Since(start); took != waits[i] {
					t.Errorf("the call with %v took %v", waits[i], took)
				}
				calls[i].gone(t, context.DeadlineExceeded)
			}
		}},
		{"a flush that never ends is cut by the timeout", func(t *testing.T, g *group, w *tower) {
			start := time.Now()
			a := do(t.Context(), g, "a")
			w.next(t, "a")
			<-a.done
			a.gone(t, context.DeadlineExceeded)
			if took := time.Since(start); took != 10*time.Second {
				t.Errorf("took %v, want the timeout of 10s", took)
			}
		}},
		{"the flight carries the values of its leader's context", func(t *testing.T, g *group, w *tower) {
			type key struct{}
			do(context.WithValue(t.Context(), key{}, "a"), g, "a")
			f := w.next(t, "a")
			if f.ctx.Value(key{}) != "a" {
				t.Error("the value is lost")
			}
			f.ok()
		}},
		{"a flush that fails because its leader's context ended says so", func(t *testing.T, g *group, w *tower) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			a := do(ctx, g, "a")
			w.next(t, "a").land <- func() ([]result, error) {
				cancel()
				return nil, errFlush
			}
			a.gone(t, context.Canceled)
			if !errors.Is(a.err, errFlush) || !strings.HasPrefix(a.err.Error(), "context canceled") {
				t.Errorf("error = %v, want both reasons", a.err)
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTower()
				config := gather.Config[string]{Timeout: 10 * time.Second}
				test.run(t, gather.New(config, w.flush), w)
			})
		})
	}
}

func (c *call) gone(t *testing.T, err error) {
	t.Helper()
	if !c.returned() {
		t.Fatalf("Do has not returned, want %v", err)
	}
	if !errors.Is(c.err, err) {
		t.Errorf("Do = %q, %v, want %v", c.value, c.err, err)
	}
}
