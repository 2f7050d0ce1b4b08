package status

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// beat is how often a stream of events shows that it lives, and how often it is
// looked whether sources went stale.
const beat = 15 * time.Second

// maxReaders bounds the readers of events of one instance.
const maxReaders = 2000

var errCrowd = errors.New("too many readers of events")

// A hub tells all readers of events of an instance what changes, by one watch of
// the store that runs while there is a reader. What it knew last it keeps, so
// that a reader who comes back learns what happened meanwhile.
type hub struct {
	watcher store.Watcher
	know    func(*source.Document) (*known, error)
	fresh   func(context.Context) (freshness, error)
	now     func() time.Time
	every   func(time.Duration) (<-chan time.Time, func())
	log     *slog.Logger

	mu      sync.Mutex // guards what follows
	readers int
	run     *watching // nil: nothing is watched
	sources map[string]*known
	stale   map[string]bool // what readers were told
	f       freshness
	ring    ring
	news    chan struct{} // closed and replaced when something happens
	sorted  []*known      // nil: to be made
	shot    snapshot
}

// A watching is one watch of the store.
type watching struct {
	stop  context.CancelFunc
	ready chan struct{} // closed when all sources are known
	over  chan struct{} // closed when nothing more comes
}

// A snapshot is the event with all sources, as it was written last.
type snapshot struct {
	at    place
	made  time.Time
	frame []byte
}

func newHub(h *Handler) *hub {
	return &hub{
		watcher: h.documents, know: h.know, log: h.log,
		fresh: func(ctx context.Context) (freshness, error) { return h.fresh.get(ctx, struct{}{}) },
		now:   func() time.Time { return h.now() },
		every: func(d time.Duration) (<-chan time.Time, func()) { return h.every(d) },
		news:  make(chan struct{}),
	}
}

// join adds a reader and waits until all sources are known. The reader calls
// leave at the end, and ends when the run is over. Without one nothing was joined.
func (h *hub) join(ctx context.Context) (r *watching, leave func(), err error) {
	h.mu.Lock()
	if h.readers >= maxReaders {
		h.mu.Unlock()
		return nil, nil, errCrowd
	}
	h.readers++
	if h.run == nil {
		h.start(ctx)
	}
	r = h.run
	h.mu.Unlock()
	select {
	case <-r.ready:
		return r, h.leave, nil
	case <-r.over:
		err = errors.New("the watch of the store ended")
	case <-ctx.Done():
		err = ctx.Err()
	}
	h.leave()
	return nil, nil, err
}

func (h *hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readers--
	if h.readers == 0 && h.run != nil {
		h.run.stop()
		h.run = nil
	}
}

// start begins to watch, which goes on when the first reader has left.
func (h *hub) start(ctx context.Context) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	h.run = &watching{stop: stop, ready: make(chan struct{}), over: make(chan struct{})}
	go h.watch(ctx, h.run)
}

// watch runs until the last reader has left or something fails. Readers come
// again then, to learn that the store is not there, or go on when it is.
func (h *hub) watch(ctx context.Context, r *watching) {
	defer r.stop()
	var running sync.WaitGroup
	running.Go(func() { h.age(ctx, r) })
	err := h.refresh(ctx)
	if err == nil {
		err = h.watcher.Watch(ctx, func(documents []*source.Document, gone []source.Key) { h.take(ctx, r, documents, gone) })
	}
	if ctx.Err() == nil {
		h.log.ErrorContext(ctx, "watching ended, readers of events will come again", "outcome", "failed", "error", err.Error())
	}
	h.mu.Lock()
	if h.run == r {
		h.run = nil
	}
	h.mu.Unlock()
	close(r.over)
	r.stop()
	running.Wait()
}

// refresh asks what the heartbeat says, as often as the clock beats.
func (h *hub) refresh(ctx context.Context) error {
	f, err := h.fresh(ctx)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.f = f
	return nil
}

// age looks from time to time for sources that went stale, of which no document
// tells.
func (h *hub) age(ctx context.Context, r *watching) {
	ticks, stop := h.every(beat)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		if err := h.refresh(ctx); err != nil && ctx.Err() == nil {
			h.log.WarnContext(ctx, "freshness not readable", "outcome", "failed", "error", err.Error())
		}
		h.mu.Lock()
		if h.run == r {
			h.tellStale()
		}
		h.mu.Unlock()
	}
}

// tellStale tells of all sources that went stale or are fresh again. The caller
// holds mu.
func (h *hub) tellStale() {
	now, told := h.now(), false
	for _, k := range h.inOrder() {
		if p := k.at(now, h.f); p.Stale != h.stale[k.name] {
			h.tell(k, p)
			told = true
		}
	}
	if told {
		h.wake()
	}
}

// take takes over what the watch found.
func (h *hub) take(ctx context.Context, r *watching, documents []*source.Document, gone []source.Key) {
	found := make([]*known, 0, len(documents))
	for _, document := range documents {
		k, err := h.know(document)
		if err != nil { // cannot be: it came from JSON
			h.log.ErrorContext(ctx, "source not shown", "outcome", "failed", "error", err.Error())
			continue
		}
		found = append(found, k)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.run != r {
		return // another watch has begun, or none is wanted
	}
	select {
	case <-r.ready:
		h.change(found, gone)
	default:
		h.begin(found)
		close(r.ready)
	}
	h.wake()
}

// begin takes over all sources. What was known from an earlier watch tells what
// happened meanwhile.
func (h *hub) begin(all []*known) {
	if h.sources == nil {
		h.restart()
	}
	left := make(map[string]bool, len(all))
	for _, k := range all {
		left[k.name] = true
	}
	var gone []source.Key
	for name, k := range h.sources {
		if !left[name] {
			gone = append(gone, k.document.Key())
		}
	}
	if len(h.sources) == 0 || len(gone) > 0 {
		h.restart()
		now := h.now()
		for _, k := range all {
			h.sources[k.name], h.stale[k.name] = k, k.at(now, h.f).Stale
		}
		return
	}
	h.change(all, nil)
	h.tellStale()
}

// restart begins with nothing known, so that readers get a snapshot.
func (h *hub) restart() {
	h.sources, h.stale, h.sorted = make(map[string]*known), make(map[string]bool), nil
	h.ring.restart()
}

// change tells of sources that are other than they were. That a source is gone
// cannot be told by an event: readers get a snapshot.
func (h *hub) change(found []*known, gone []source.Key) {
	now := h.now()
	slices.SortFunc(found, byName)
	for _, k := range found {
		before := h.sources[k.name]
		if before != nil && before.sum == k.sum {
			continue
		}
		h.sources[k.name] = k
		h.sorted = nil
		h.tell(k, k.at(now, h.f))
	}
	for _, key := range gone {
		name := store.Name(key.DocumentID())
		delete(h.sources, name)
		delete(h.stale, name)
		h.sorted = nil
	}
	if len(gone) > 0 {
		h.ring.restart()
	}
}

// tell makes the event of a source. The caller wakes the readers.
func (h *hub) tell(k *known, p publicSource) {
	h.stale[k.name] = p.Stale
	h.ring.add("source", k.appendJSON(nil, p))
}

func (h *hub) wake() {
	close(h.news)
	h.news = make(chan struct{})
}

// inOrder are all sources by name. The list is not changed any more.
func (h *hub) inOrder() []*known {
	if h.sorted == nil {
		h.sorted = make([]*known, 0, len(h.sources))
		for _, k := range h.sources {
			h.sorted = append(h.sorted, k)
		}
		slices.SortFunc(h.sorted, byName)
	}
	return h.sorted
}

func byName(a, b *known) int { return strings.Compare(a.name, b.name) }

// board are all sources by name, if they are watched.
func (h *hub) board() ([]*known, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.run == nil {
		return nil, false
	}
	select {
	case <-h.run.ready:
		return h.inOrder(), true
	default:
		return nil, false
	}
}

// after are the events behind a place, or a snapshot where these are not known,
// and the place behind them. News is closed when there are more.
func (h *hub) after(p place) (frames [][]byte, at place, news <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	frames, ok := h.ring.since(p)
	if !ok {
		frames = [][]byte{h.snapshot()}
	}
	return frames, h.ring.here(), h.news
}

// snapshot is the event with all sources. A crowd that comes at once shares it:
// within a second nothing but ages is other.
func (h *hub) snapshot() []byte {
	now, here := h.now(), h.ring.here()
	if h.shot.at != here || now.Sub(h.shot.made) >= recently {
		data := append(appendSources([]byte(`{"sources":`), h.inOrder(), now, h.f), '}')
		h.shot = snapshot{at: here, made: now, frame: appendFrame(nil, here, "snapshot", data)}
	}
	return h.shot.frame
}

// count is how many readers there are.
func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.readers
}
