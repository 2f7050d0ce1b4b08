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
	merge store.Merge
	wrote bool          // if the transaction is committed
	err   error         // of this update alone
	done  chan struct{} // closed when err counts
}

// Update implements store.Store. A commit waits for the disk, so what arrives
// during one shares the next; an update that is alone does not wait for company
// (bbolt's own Batch does, 10 ms).
func (s *Store) Update(ctx context.Context, key source.Key, merge store.Merge) error {
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
	var written []string
	for _, u := range batch {
		if err == nil && u.wrote {
			written = append(written, string(name(u.key)))
		}
	}
	if len(written) > 0 {
		s.watches.tell(written)
	}
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
	before, err := read[source.Document](tx.Bucket(sources), id)
	if err != nil {
		return fmt.Errorf("updating source %q: %w", u.key, err), nil
	}
	result, err := u.merge(before, beside{tx, id})
	if err != nil {
		return err, nil
	}
	if !result.Changed {
		return nil, nil
	}
	e, err := s.encode(before, result)
	if err != nil {
		return fmt.Errorf("updating source %q: %w", u.key, err), nil
	}
	u.wrote = true
	return nil, e.put(tx, id)
}

// beside is what is stored beside the document of that name.
type beside struct {
	tx *bbolt.Tx
	id []byte
}

func (b beside) Session(key string) (*source.Session, error) {
	return read[source.Session](b.tx.Bucket(sessions).Bucket(b.id), []byte(store.PartName(key)))
}

func (b beside) Hour(name string) (*source.Hour, error) {
	return read[source.Hour](b.tx.Bucket(hours).Bucket(b.id), []byte(name))
}

// An encoding is what a merge wants written.
type encoding struct {
	document []byte
	beside   []part
}

// A part is one value beside the document; nil removes it.
type part struct {
	bucket []byte
	name   string
	value  []byte
}

func (s *Store) encode(before *source.Document, result source.Result) (e encoding, err error) {
	if result.Document == nil {
		return encoding{}, errors.New("the merge changed something, but gave no document")
	}
	if e.document, err = json.Marshal(store.Stamped(before, result.Document, s.now())); err != nil {
		return encoding{}, fmt.Errorf("encoding the document: %w", err)
	}
	for key, change := range result.History {
		if change == nil {
			e.beside = append(e.beside, part{history, store.Name(key), nil})
		} else if err := e.add(history, store.Name(key), change); err != nil {
			return encoding{}, err
		}
	}
	for key, session := range result.Sessions {
		if err := e.add(sessions, store.PartName(key), session); err != nil {
			return encoding{}, err
		}
	}
	for name, hour := range result.Hours {
		if err := e.add(hours, name, hour); err != nil {
			return encoding{}, err
		}
	}
	return e, nil
}

func (e *encoding) add(bucket []byte, name string, value any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encoding %q: %w", name, err)
	}
	e.beside = append(e.beside, part{bucket, name, encoded})
	return nil
}

func (e encoding) put(tx *bbolt.Tx, id []byte) error {
	if err := tx.Bucket(sources).Put(id, e.document); err != nil {
		return err
	}
	for _, p := range e.beside {
		bucket, err := tx.Bucket(p.bucket).CreateBucketIfNotExists(id)
		if err != nil {
			return err
		}
		if p.value == nil {
			err = bucket.Delete([]byte(p.name))
		} else {
			err = bucket.Put([]byte(p.name), p.value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
