package bolt

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

var _ store.Watcher = (*Store)(nil)

// Watch implements store.Watcher. Nobody else can have the file open, so that
// all writing is seen here. Nothing removes documents.
func (s *Store) Watch(ctx context.Context, changed func([]*source.Document, []source.Key)) error {
	w := s.watches.add()
	defer s.watches.remove(w)
	var all []*source.Document
	err := s.db.View(func(tx *bbolt.Tx) error {
		return walk(ctx, tx.Bucket(sources), "", "", "", func(name, _ []byte) (bool, error) {
			document, err := public(tx, name)
			all = append(all, document)
			return true, err
		})
	})
	for documents := all; err == nil; {
		changed(documents, nil)
		select {
		case <-w.news:
			documents, err = s.current(w.take())
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return fmt.Errorf("watching sources: %w", err)
}

// current are the documents of those names.
func (s *Store) current(names []string) (documents []*source.Document, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		for _, name := range names {
			document, err := public(tx, []byte(name))
			if err != nil {
				return err
			}
			documents = append(documents, document)
		}
		return nil
	})
	return documents, err
}

// public is the document of a name that there is, without its bookkeeping.
func public(tx *bbolt.Tx, name []byte) (*source.Document, error) {
	document, err := read[source.Document](tx.Bucket(sources), name)
	if err != nil {
		return nil, err
	}
	return document.Public(), nil
}

// watches are those that are running.
type watches struct {
	mu      sync.Mutex // guards running
	running map[*watch]struct{}
}

func (w *watches) add() *watch {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running == nil {
		w.running = make(map[*watch]struct{})
	}
	added := &watch{news: make(chan struct{}, 1), names: make(map[string]struct{})}
	w.running[added] = struct{}{}
	return added
}

func (w *watches) remove(gone *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.running, gone)
}

// tell notes for all watches that documents were written.
func (w *watches) tell(names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for running := range w.running {
		running.note(names)
	}
}

// A watch gathers the names of documents that were written. The documents are read
// when they are told of, so that an older state never follows a newer one.
type watch struct {
	news chan struct{} // has an element while there are names

	mu    sync.Mutex // guards names
	names map[string]struct{}
}

func (w *watch) note(names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range names {
		w.names[name] = struct{}{}
	}
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// take gives the names, of which there is at least one, and forgets them.
func (w *watch) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	names := slices.Sorted(maps.Keys(w.names))
	clear(w.names)
	return names
}
