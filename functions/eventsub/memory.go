package eventsub

import (
	"sync"

	"github.com/google/uuid"
)

// remembered is how many messages an instance remembers, at about 50 bytes
// each.
const remembered = 10_000

// A memory knows the messages that were published last. It saves work; that a
// message published twice does no harm is the business of its readers. The zero
// value is ready, and it is safe for concurrent use. Its ids are no texts, so that
// the garbage collector has no pointers of it to follow.
type memory struct {
	mu    sync.Mutex
	known map[uuid.UUID]struct{}
	order []uuid.UUID // a ring once it is full
	next  int         // the oldest of a full ring
}

// has reports whether the id was added and not yet forgotten.
func (m *memory) has(id uuid.UUID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.known[id]
	return ok
}

// add remembers the id and forgets the oldest when there are too many.
func (m *memory) add(id uuid.UUID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.known[id]; ok {
		return
	}
	if m.known == nil {
		m.known = make(map[uuid.UUID]struct{})
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
