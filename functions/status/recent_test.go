package status

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// counting reads a number that grows with each reading.
type counting struct {
	readings atomic.Int64
	clock    time.Time
	fails    error
}

func (c *counting) recent() *recent[string, string] {
	return newRecent(time.Second, 8, func() time.Time { return c.clock }, func(_ context.Context, key string) (string, error) {
		return fmt.Sprint(key, c.readings.Add(1)), c.fails
	})
}

func TestWhatWasReadAMomentAgoIsNotReadAgain(t *testing.T) {
	t.Parallel()
	c := &counting{clock: now}
	r := c.recent()
	steps := []struct {
		key  string
		wait time.Duration
		want string
	}{
		{"a", 0, "a1"}, {"a", time.Second - 1, "a1"}, {"b", 0, "b2"}, {"a", 1, "a3"}, {"b", time.Second, "b4"},
	}
	for i, step := range steps {
		c.clock = c.clock.Add(step.wait)
		if got, err := r.get(t.Context(), step.key); got != step.want || err != nil {
			t.Errorf("step %d: %q, %v, want %q", i, got, err, step.want)
		}
	}
}

func TestACrowdReadsOnce(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var readings atomic.Int64
	r := newRecent(time.Second, 8, func() time.Time { return now }, func(context.Context, int) (int64, error) {
		<-release
		return readings.Add(1), nil
	})
	// Whoever began the reading may go away.
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := r.get(gone, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that went away got %v", err)
	}
	var crowd sync.WaitGroup
	for range 20 {
		crowd.Go(func() {
			if got, err := r.get(t.Context(), 1); got != 1 || err != nil {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
	close(release)
	crowd.Wait()
}

func TestWhatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	c := &counting{clock: now, fails: errors.New("down")}
	r := c.recent()
	if _, err := r.get(t.Context(), "a"); !errors.Is(err, c.fails) {
		t.Errorf("error %v", err)
	}
	c.fails = nil
	if got, err := r.get(t.Context(), "a"); got != "a2" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestRecentReadingsDoNotPileUp(t *testing.T) {
	t.Parallel()
	c := &counting{clock: now}
	r := c.recent()
	for i := range 30 {
		if _, err := r.get(t.Context(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(r.kept); got > 8 {
		t.Errorf("%d are kept", got)
	}
	c.clock = c.clock.Add(time.Hour)
	for i := range 8 {
		if _, err := r.get(t.Context(), fmt.Sprint("later", i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(r.kept); got != 8 {
		t.Errorf("%d are kept of 8 that count", got)
	}
}
