package firestore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	cloud "cloud.google.com/go/firestore"

	"github.com/sourcestate/sourcestate/shared/store"
)

// maxCommit bounds one commit of records, in bytes of their JSON. Firestore takes
// 10 MiB.
const maxCommit = 4 << 20

var _ store.Records = (*Store)(nil)

func (s *Store) record(collection store.Collection, name string) *cloud.DocumentRef {
	return s.client.Collection(string(collection)).Doc(store.Name(name))
}

// Record implements store.Records.
func (s *Store) Record(ctx context.Context, collection store.Collection, name string, into any) error {
	raw, err := read[json.RawMessage](s.record(collection, name).Get(ctx))
	if err == nil && raw == nil {
		err = store.ErrNotFound
	}
	if err == nil {
		err = json.Unmarshal(*raw, into)
	}
	if err != nil {
		return fmt.Errorf("reading record %s/%s: %w", collection, name, cause(ctx, err))
	}
	return nil
}

// Records implements store.Records.
func (s *Store) Records(ctx context.Context, collection store.Collection) (map[string]json.RawMessage, error) {
	snapshots, err := s.client.Collection(string(collection)).Documents(ctx).GetAll()
	if err != nil {
		return nil, fmt.Errorf("reading the records of %s: %w", collection, cause(ctx, err))
	}
	found := make(map[string]json.RawMessage, len(snapshots))
	for _, snapshot := range snapshots {
		raw, err := read[json.RawMessage](snapshot, nil)
		if err != nil {
			return nil, fmt.Errorf("reading record %s/%s: %w", collection, snapshot.Ref.ID, err)
		}
		found[snapshot.Ref.ID] = *raw
	}
	return found, nil
}

// Write implements store.Records, in as few commits as Firestore takes.
func (s *Store) Write(ctx context.Context, collection store.Collection, records map[string]any) error {
	names := slices.Sorted(maps.Keys(records))
	for len(names) > 0 {
		n, err := s.write(ctx, collection, names, records)
		if err != nil {
			return fmt.Errorf("writing records of %s: %w", collection, cause(ctx, err))
		}
		names = names[n:]
	}
	return nil
}

// write commits the first of the records and tells how many.
func (s *Store) write(ctx context.Context, collection store.Collection, names []string, records map[string]any) (n int, err error) {
	encoded := make([]map[string]any, 0, len(names))
	for bytes := 0; n < len(names) && n < 400; n++ {
		if records[names[n]] == nil {
			encoded = append(encoded, nil)
			continue
		}
		raw, err := json.Marshal(records[names[n]])
		if err != nil {
			return 0, err
		}
		if bytes += len(raw); bytes > maxCommit && n > 0 {
			break
		}
		fields, err := encode(json.RawMessage(raw))
		if err != nil {
			return 0, err
		}
		encoded = append(encoded, fields)
	}
	return n, s.client.RunTransaction(ctx, func(_ context.Context, tx *cloud.Transaction) error {
		for i, fields := range encoded {
			document := s.record(collection, names[i])
			if fields == nil {
				err = tx.Delete(document)
			} else {
				err = tx.Set(document, fields)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Claim implements store.Records. The transaction locks the lease, and whoever
// loses it tries again and finds it held.
func (s *Store) Claim(ctx context.Context, collection store.Collection, name, holder string, until time.Time) error {
	document := s.record(collection, name)
	err := s.client.RunTransaction(ctx, func(_ context.Context, tx *cloud.Transaction) error {
		lease, err := read[store.Lease](tx.Get(document))
		if err != nil {
			return err
		}
		if lease != nil && !lease.Free(holder, s.now()) {
			return store.ErrHeld
		}
		fields, err := encode(store.Lease{Holder: holder, Until: until})
		if err != nil {
			return err
		}
		return tx.Set(document, fields)
	})
	if errors.Is(err, store.ErrHeld) {
		return fmt.Errorf("claiming %s/%s: %w", collection, name, store.ErrHeld)
	} else if err != nil {
		return fmt.Errorf("claiming %s/%s: %w", collection, name, cause(ctx, err))
	}
	return nil
}
