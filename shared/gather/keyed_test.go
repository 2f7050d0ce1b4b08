package gather_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/gather"
)

func TestKeyed(t *testing.T) {
	type keyed = gather.Keyed[string, string, string]
	start := func(ctx context.Context, k *keyed, key, item string) *call {
		c := &call{done: make(chan struct{})}
		go func() {
			defer close(c.done)
			defer func() { c.panics = recover() }()
			c.value, c.err = k.Do(ctx, key, item)
		}()
		synctest.Wait()
		return c
	}
	tests := []struct {
		name string
		run  func(*testing.T, *keyed, *tower)
	}{
		{"keys do not wait for each other", func(t *testing.T, k *keyed, w *tower) {
			a := start(t.Context(), k, "x", "a")
			first := w.next(t, "x", "a")
			b := start(t.Context(), k, "y", "b")
			w.next(t, "y", "b").ok()
			b.wants(t, "<b>")
			first.ok()
			a.wants(t, "<a>")
		}},
		{"items of one key leave together", func(t *testing.T, k *keyed, w *tower) {
			start(t.Context(), k, "x", "a")
			first := w.next(t, "x", "a")
			b, c := start(t.Context(), k, "x", "b"), start(t.Context(), k, "x", "c")
			first.ok()
			w.next(t, "x", "b", "c").ok()
			b.wants(t, "<b>")
			c.wants(t, "<c>")
		}},
		{"a key is dropped with its last call", func(t *testing.T, k *keyed, w *tower) {
			a := start(t.Context(), k, "x", "a")
			first := w.next(t, "x", "a")
			b := start(t.Context(), k, "x", "b")
			var lengths []int
			lengths = append(lengths, k.Len())
			first.ok()
			a.wants(t, "<a>")
			lengths = append(lengths, k.Len())
			w.next(t, "x", "b").ok()
			b.wants(t, "<b>")
			lengths = append(lengths, k.Len())
			if diff := cmp.Diff([]int{1, 1, 0}, lengths); diff != "" {
				t.Errorf("keys held (-want +got):\n%s", diff)
			}
		}},
		{"a key is dropped when its caller goes", func(t *testing.T, k *keyed, w *tower) {
			ctx, cancel := context.WithCancel(t.Context())
			a := start(ctx, k, "x", "a")
			w.next(t, "x", "a")
			cancel()
			a.gone(t, context.Canceled)
			if k.Len() != 0 {
				t.Errorf("%d keys held, want none", k.Len())
			}
		}},
		{"a key is dropped when its flush panics", func(t *testing.T, k *keyed, w *tower) {
			a := start(t.Context(), k, "x", "a")
			w.next(t, "x", "a").land <- func() ([]result, error) { panic("broken") }
			if a.returned(); a.panics != "broken" || k.Len() != 0 {
				t.Errorf("panic %v and %d keys held, want that of the flush and none", a.panics, k.Len())
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTower()
				// The key travels as the first item, which the result leaves out.
				flush := func(ctx context.Context, key string, items []string) ([]result, error) {
					results, err := w.flush(ctx, append([]string{key}, items...))
					if err != nil {
						return nil, err
					}
					return results[1:], nil
				}
				test.run(t, gather.NewKeyed(gather.Config[string]{}, flush), w)
			})
		})
	}
}
