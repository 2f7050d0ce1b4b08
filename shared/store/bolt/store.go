// Package bolt keeps the documents in one local file, for scripts/local and for
// tests that need no emulator. Values are the JSON of source.Document and
// source.Change; an update is on disk when it returns.
package bolt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// File is the name of the file within its directory.
const File = "sources.db"

// lockTimeout is how long Open waits for another process to let go of the file.
const lockTimeout = time.Second

// The buckets: documents by their id, and by the same id a bucket each of what
// is beside them.
var (
	sources  = []byte("sources")
	history  = []byte("history")
	sessions = []byte("streams")
	hours    = []byte("viewers")
)

// A Store is a store.Store in one file, which it locks against other processes.
type Store struct {
	db  *bbolt.DB
	now func() time.Time

	mu      sync.Mutex // guards waiting and writing
	waiting []*update
	writing bool // a goroutine is at work on what waits

	watches watches
}

var _ store.Store = (*Store)(nil)

// Open opens the file in the directory and creates both where missing, readable
// for this user alone. It fails when another process has the file open. The
// clock stamps what is written.
func Open(dir string, clock func() time.Time) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	path := filepath.Join(dir, File)
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("opening %s: another process has it open: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{sources, history, sessions, hours, records} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing %s: %w", path, err), db.Close())
	}
	return &Store{db: db, now: clock}, nil
}

// Close waits for running transactions and closes the file.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, key source.Key) (*source.Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("reading source %q: %w", key, err)
	}
	var document *source.Document
	err := s.db.View(func(tx *bbolt.Tx) (err error) {
		document, err = read[source.Document](tx.Bucket(sources), name(key))
		if err == nil && document == nil {
			err = store.ErrNotFound
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading source %q: %w", key, err)
	}
	return document, nil
}

func name(key source.Key) []byte { return []byte(store.Name(key.DocumentID())) }

// read is the value of that name in a bucket, nil if there is none. The bucket
// may be nil.
func read[T any](bucket *bbolt.Bucket, name []byte) (*T, error) {
	if bucket == nil {
		return nil, nil
	}
	encoded := bucket.Get(name)
	if encoded == nil {
		return nil, nil
	}
	value := new(T)
	if err := json.Unmarshal(encoded, value); err != nil {
		return nil, fmt.Errorf("decoding %q: %w", name, err)
	}
	return value, nil
}
