package bolt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// An update is one call of Update.
type update struct {
	key   source.Key
	merge func(*source.Document) (source.Result, error)
	err   error         // of this update alone
	done  chan struct{} // closed when err counts
}

// Update implements store.Store. A commit waits for the disk, so what arrives
// during one shares the next; an update that is alone does not wait for company
// (bbolt's own Batch does, 10 ms).
func (s *Store) Update(ctx context.Context, key source.Key, merge func(*source.Document) (source.Result, error)) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("updating source %q: %w", key, err)
	}
	u := &update{key: key, merge: merge, done: make(chan struct{})}
	s.enqueue(u)
	select {
	case <-u.done:
		return u.err
	case <-ctx.Done():
	}
	if s.withdraw(u) {
		return fmt.Errorf("updating source %q: %w", key, ctx.Err())
	}
	// Its merge may be running: it ends before Update does.
	<-u.done
	return u.err
}

func (s *Store) enqueue(u *update) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, u)
	if !s.writing {
		s.writing = true
		go s.write()
	}
}

// withdraw takes an update back, unless its turn has come.
func (s *Store) withdraw(u *update) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.waiting, u)
	if i < 0 {
		return false
	}
	s.waiting = slices.Delete(s.waiting, i, i+1)
	return true
}

// write commits what waits until nothing does.
func (s *Store) write() {
	for {
		s.mu.Lock()
		batch := s.waiting
		s.waiting = nil
		s.writing = len(batch) > 0
		s.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		s.commit(batch)
	}
}

// commit applies the updates one after the other in one transaction. One whose
// merge fails writes nothing and does not concern the others.
func (s *Store) commit(batch []*update) {
	err := s.db.Update(func(tx *bbolt.Tx) error {
		for _, u := range batch {
			var failed error
			if u.err, failed = s.apply(tx, u); failed != nil {
				return failed
			}
		}
		return nil
	})
	for _, u := range batch {
		if err != nil {
			u.err = fmt.Errorf("updating source %q: %w", u.key, err)
		}
		close(u.done)
	}
}

// apply runs one update. Its own error comes before anything is written; failed
// comes when part of it was, and the transaction must not be committed.
func (s *Store) apply(tx *bbolt.Tx, u *update) (own, failed error) {
	id := name(u.key)
	before, err := read(tx, id)
	if err != nil {
		return fmt.Errorf("updating source %q: %w", u.key, err), nil
	}
	result, err := u.merge(before)
	if err != nil {
		return err, nil
	}
	if !result.Changed {
		return nil, nil
	}
	entries, err := s.encode(before, result)
	if err != nil {
		return fmt.Errorf("updating source %q: %w", u.key, err), nil
	}
	return nil, entries.put(tx, id)
}

// An encoding is what a merge wants written.
type encoding struct {
	document []byte
	history  map[string][]byte // nil removes the entry
}

func (s *Store) encode(before *source.Document, result source.Result) (encoding, error) {
	if result.Document == nil {
		return encoding{}, errors.New("the merge changed something, but gave no document")
	}
	document, err := json.Marshal(store.Stamped(before, result.Document, s.now()))
	if err != nil {
		return encoding{}, fmt.Errorf("encoding the document: %w", err)
	}
	e := encoding{document: document, history: make(map[string][]byte, len(result.History))}
	for key, change := range result.History {
		var entry []byte
		if change != nil {
			if entry, err = json.Marshal(change); err != nil {
				return encoding{}, fmt.Errorf("encoding entry %q of the history: %w", key, err)
			}
		}
		e.history[store.Name(key)] = entry
	}
	return e, nil
}

func (e encoding) put(tx *bbolt.Tx, id []byte) error {
	if err := tx.Bucket(sources).Put(id, e.document); err != nil {
		return err
	}
	if len(e.history) == 0 {
		return nil
	}
	entries, err := tx.Bucket(history).CreateBucketIfNotExists(id)
	if err != nil {
		return err
	}
	for key, entry := range e.history {
		if entry == nil {
			err = entries.Delete([]byte(key))
		} else {
			err = entries.Put([]byte(key), entry)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
