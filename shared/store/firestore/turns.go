package firestore

import (
	"context"
	"sync"
)

// Turns let one update of a source at a time into Firestore: of those that run at
// once all but one would be overtaken and start over, and a crowd would use up its
// attempts. Other processes are what the attempts are for.
type turns struct {
	mu    sync.Mutex // guards what follows
	queue map[string]*turn
}

type turn struct {
	taken chan struct{} // holds one element while somebody has the turn
	users int           // who have it or wait for it
}

// take waits for the turn of the name and returns what ends it. The error is
// that of the context.
func (t *turns) take(ctx context.Context, name string) (end func(), err error) {
	mine := t.enter(name)
	select {
	case mine.taken <- struct{}{}:
		return func() {
			<-mine.taken
			t.leave(name, mine)
		}, nil
	case <-ctx.Done():
		t.leave(name, mine)
		return nil, ctx.Err()
	}
}

func (t *turns) enter(name string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	mine := t.queue[name]
	if mine == nil {
		mine = &turn{taken: make(chan struct{}, 1)}
		if t.queue == nil {
			t.queue = make(map[string]*turn)
		}
		t.queue[name] = mine
	}
	mine.users++
	return mine
}

func (t *turns) leave(name string, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.users--; mine.users == 0 {
		delete(t.queue, name)
	}
}
