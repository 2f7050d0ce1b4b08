package eventsub

import (
	"sync"
)

// remembered is how many messages an instance remembers, at about 150 bytes
// each.
const remembered = 10_000

// A memory knows the messages that were published last. It saves work; that a
// message published twice does no harm is the business of its readers. The zero
// value is ready, and it is safe for concurrent use.
type memory struct {
	mu    sync.Mutex
	known map[string]struct{}
	order []string // a ring once it is full
	next  int      // the oldest of a full ring
}

// has reports whether the id was added and not yet forgotten.
func (m *memory) has(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.known[id]
	return ok
}

// add remembers the id and forgets the oldest when there are too many.
func (m *memory) add(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.known[id]; ok {
		return
	}
	if m.known == nil {
		m.known = make(map[string]struct{})
	}
	if len(m.order) < remembered {
		m.order = append(m.order, id)
	} else {
		delete(m.known, m.order[m.next])
		m.order[m.next] = id
		m.next = (m.next + 1) % remembered
	}
	m.known[id] = struct{}{}
}
