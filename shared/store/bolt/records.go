package bolt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sourcestate/sourcestate/shared/store"
)

// records is the bucket of the collections, a bucket each.
var records = []byte("records")

var _ store.Records = (*Store)(nil)

// Record implements store.Records.
func (s *Store) Record(ctx context.Context, collection store.Collection, name string, into any) error {
	err := ctx.Err()
	if err == nil {
		err = s.db.View(func(tx *bbolt.Tx) error {
			return decodeRecord(tx.Bucket(records).Bucket([]byte(collection)), name, into)
		})
	}
	if err != nil {
		return fmt.Errorf("reading record %s/%s: %w", collection, name, err)
	}
	return nil
}

// decodeRecord reads a record of a bucket, which may be nil.
func decodeRecord(bucket *bbolt.Bucket, name string, into any) error {
	encoded, err := read[json.RawMessage](bucket, []byte(name))
	if err != nil {
		return err
	}
	if encoded == nil {
		return store.ErrNotFound
	}
	return json.Unmarshal(*encoded, into)
}

// Records implements store.Records.
func (s *Store) Records(ctx context.Context, collection store.Collection) (map[string]json.RawMessage, error) {
	found := make(map[string]json.RawMessage)
	err := s.db.View(func(tx *bbolt.Tx) error {
		return walk(ctx, tx.Bucket(records).Bucket([]byte(collection)), "", "", "", func(name, value []byte) (bool, error) {
			found[string(name)] = append(json.RawMessage{}, value...)
			return true, nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the records of %s: %w", collection, err)
	}
	return found, nil
}

// Write implements store.Records, all or nothing.
func (s *Store) Write(ctx context.Context, collection store.Collection, values map[string]any) error {
	err := ctx.Err()
	if err == nil {
		err = s.db.Update(func(tx *bbolt.Tx) error {
			for name, value := range values {
				if err := putRecord(tx, collection, name, value); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("writing records of %s: %w", collection, err)
	}
	return nil
}

func putRecord(tx *bbolt.Tx, collection store.Collection, name string, value any) error {
	bucket, err := tx.Bucket(records).CreateBucketIfNotExists([]byte(collection))
	if err != nil {
		return err
	}
	if value == nil {
		return bucket.Delete([]byte(name))
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return bucket.Put([]byte(name), encoded)
}

// Claim implements store.Records.
func (s *Store) Claim(ctx context.Context, collection store.Collection, name, holder string, until time.Time) error {
	err := ctx.Err()
	if err == nil {
		err = s.db.Update(func(tx *bbolt.Tx) error {
			var lease store.Lease
			err := decodeRecord(tx.Bucket(records).Bucket([]byte(collection)), name, &lease)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if !lease.Free(holder, s.now()) {
				return store.ErrHeld
			}
			return putRecord(tx, collection, name, store.Lease{Holder: holder, Until: until})
		})
	}
	if err != nil {
		return fmt.Errorf("claiming %s/%s: %w", collection, name, err)
	}
	return nil
}
