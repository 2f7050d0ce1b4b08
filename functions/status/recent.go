package status

import (
	"context"
	"maps"
	"sync"
	"time"
)

// A recent keeps what was read a moment ago, so that a crowd of callers reads the
// store once. What fails is not kept. It is safe for concurrent use.
type recent[K comparable, V any] struct {
	lasts time.Duration // how long a reading counts
	most  int           // how many are kept at a time
	now   func() time.Time
	read  func(ctx context.Context, key K) (V, error)

	mu   sync.Mutex // guards kept
	kept map[K]*reading[V]
}

// A reading is what was read, or is being read.
type reading[V any] struct {
	began time.Time
	done  chan struct{} // closed when the others count
	value V
	err   error
}

func newRecent[K comparable, V any](lasts time.Duration, most int, now func() time.Time, read func(context.Context, K) (V, error)) *recent[K, V] {
	return &recent[K, V]{lasts: lasts, most: most, now: now, read: read, kept: make(map[K]*reading[V])}
}

// get reads what was not read a moment ago. Reading goes on for the others when
// a caller goes away.
func (r *recent[K, V]) get(ctx context.Context, key K) (V, error) {
	reading := r.reading(ctx, key)
	select {
	case <-reading.done:
		return reading.value, reading.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

func (r *recent[K, V]) reading(ctx context.Context, key K) *reading[V] {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if kept := r.kept[key]; kept != nil && now.Sub(kept.began) < r.lasts {
		return kept
	}
	if len(r.kept) >= r.most {
		r.forget(now)
	}
	begun := &reading[V]{began: now, done: make(chan struct{})}
	r.kept[key] = begun
	go r.fill(context.WithoutCancel(ctx), key, begun)
	return begun
}

// forget makes room: for what is over, or else for everything.
func (r *recent[K, V]) forget(now time.Time) {
	maps.DeleteFunc(r.kept, func(_ K, kept *reading[V]) bool { return now.Sub(kept.began) >= r.lasts })
	if len(r.kept) >= r.most {
		clear(r.kept)
	}
}

func (r *recent[K, V]) fill(ctx context.Context, key K, reading *reading[V]) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	reading.value, reading.err = r.read(ctx, key)
	if reading.err != nil {
		r.mu.Lock()
		if r.kept[key] == reading {
			delete(r.kept, key)
		}
		r.mu.Unlock()
	}
	close(reading.done)
}
