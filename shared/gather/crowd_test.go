package gather_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/gather"
)

// Callers come and go in any order: nothing leaves twice, nothing is over the
// bounds, one flight is under way at a time, nobody outstays its deadline, and
// no goroutine stays behind (a bubble ends only when all of its own have).
func TestGroupKeepsItsPromisesInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type caller struct{ arrives, patience, weight int }
		callers := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) caller {
			return caller{
				arrives:  rapid.IntRange(0, 20).Draw(rt, "arrives"),
				patience: rapid.IntRange(1, 30).Draw(rt, "patience"),
				weight:   rapid.IntRange(1, 5).Draw(rt, "weight"),
			}
		}), 1, 20).Draw(rt, "callers")
		maxCount := rapid.IntRange(1, 5).Draw(rt, "max count")
		maxWeight := rapid.IntRange(5, 12).Draw(rt, "max weight")
		durations := rapid.SliceOfN(rapid.IntRange(0, 8), 20, 20).Draw(rt, "durations")

		synctest.Test(t, func(t *testing.T) {
			var flying, flights int
			left := make(map[int]int)
			flush := func(ctx context.Context, items []int) ([]gather.Result[int], error) {
				flying++
				defer func() { flying-- }()
				weight := 0
				for _, item := range items {
					left[item]++
					weight += callers[item].weight
				}
				if flying > 1 || len(items) > maxCount || weight > maxWeight {
					rt.Errorf("%d flights, this one with %d items of weight %d", flying, len(items), weight)
				}
				duration := time.Duration(durations[flights%len(durations)]) * time.Millisecond
				flights++
				select {
				case <-time.After(duration): // of the bubble's clock
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				results := make([]gather.Result[int], len(items))
				for i, item := range items {
					results[i].Value = item
				}
				return results, nil
			}
			g := gather.New(gather.Config[int]{
				MaxCount: maxCount, MaxWeight: maxWeight,
				Measure: func(i int) (int, int) { return 1, callers[i].weight },
			}, flush)

			var wait sync.WaitGroup
			for i, c := range callers {
				wait.Go(func() {
					time.Sleep(time.Duration(c.arrives) * time.Millisecond)
					patience := time.Duration(c.patience) * time.Millisecond
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					start := time.Now()
					value, err := g.Do(ctx, i)
					if err == nil && value != i {
						rt.Errorf("caller %d got the result of %d", i, value)
					}
					if err != nil && !errors.Is(err, context.DeadlineExceeded) {
						rt.Errorf("caller %d: %v", i, err)
					}
					if took := time.Since(start); took > patience {
						rt.Errorf("caller %d stayed %v, its deadline was %v", i, took, patience)
					}
				})
			}
			wait.Wait()
			for item, times := range left {
				if times > 1 {
					rt.Errorf("item %d left %d times", item, times)
				}
			}
		})
	})
}

func TestGroupServesACrowd(t *testing.T) {
	const callers, rounds = 64, 200
	var flying, flights atomic.Int32
	g := gather.NewKeyed(gather.Config[int]{MaxCount: 10}, func(_ context.Context, key int, items []int) ([]gather.Result[int], error) {
		if key == 0 && flying.Add(1) > 1 {
			return nil, errors.New("two flights at a time")
		}
		flights.Add(1)
		runtime.Gosched()
		results := make([]gather.Result[int], len(items))
		for i, item := range items {
			results[i].Value = -item
			if item%7 == 0 {
				results[i].Err = fmt.Errorf("item %d: %w", item, errFlush)
			}
		}
		if key == 0 {
			flying.Add(-1)
		}
		return results, nil
	})
	var wait sync.WaitGroup
	for caller := range callers {
		wait.Go(func() {
			for round := range rounds {
				ctx, cancel := context.WithCancel(t.Context())
				if round%5 == 0 {
					go cancel()
				}
				item := caller*rounds + round + 1
				value, err := g.Do(ctx, caller%2, item)
				switch {
				case round%5 == 0 && errors.Is(err, context.Canceled):
				case item%7 == 0 && errors.Is(err, errFlush):
				case item%7 != 0 && err == nil && value == -item:
				default:
					t.Errorf("Do(%d) = %d, %v", item, value, err)
				}
				cancel()
			}
		})
	}
	wait.Wait()
	if g.Len() != 0 {
		t.Errorf("%d keys held after the last call, want none", g.Len())
	}
	t.Logf("%d items in %d flights", callers*rounds, flights.Load())
}

func BenchmarkGroupLoneItem(b *testing.B) {
	g := gather.New(gather.Config[int]{Timeout: time.Minute}, func(_ context.Context, items []int) ([]gather.Result[int], error) {
		return make([]gather.Result[int], len(items)), nil
	})
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Do(ctx, 1); err != nil {
			b.Fatal(err)
		}
	}
}
