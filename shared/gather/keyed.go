package gather

import (
	"context"
	"sync"
)

// A Keyed is a Group for each key, made when a call comes and dropped with the
// last call under way, so that any number of keys may pass by. Flights of
// different keys do not wait for each other. It is safe for concurrent use and
// needs no closing. Create it with NewKeyed.
type Keyed[K comparable, T, R any] struct {
	config Config[T]
	flush  func(context.Context, K, []T) ([]Result[R], error)

	mu     sync.Mutex
	groups map[K]*shared[T, R]
}

// shared is a group and how many calls are under way in it.
type shared[T, R any] struct {
	group *Group[T, R]
	calls int
}

// NewKeyed makes a Keyed. The bounds of config hold for each key by itself.
// Flush is as in New, runs at most once at a time for a key, and is told the key.
func NewKeyed[K comparable, T, R any](config Config[T], flush func(context.Context, K, []T) ([]Result[R], error)) *Keyed[K, T, R] {
	return &Keyed[K, T, R]{config: config, flush: flush, groups: make(map[K]*shared[T, R])}
}

// Do is Group.Do in the group of key.
func (k *Keyed[K, T, R]) Do(ctx context.Context, key K, item T) (R, error) {
	s := k.enter(key)
	defer k.exit(key, s)
	return s.group.Do(ctx, item)
}

// Len is the number of keys with calls under way.
func (k *Keyed[K, T, R]) Len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.groups)
}

func (k *Keyed[K, T, R]) enter(key K) *shared[T, R] {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.groups[key]
	if s == nil {
		s = &shared[T, R]{group: New(k.config, func(ctx context.Context, items []T) ([]Result[R], error) {
			return k.flush(ctx, key, items)
		})}
		k.groups[key] = s
	}
	s.calls++
	return s
}

func (k *Keyed[K, T, R]) exit(key K, s *shared[T, R]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s.calls--
	if s.calls == 0 {
		delete(k.groups, key)
	}
}
