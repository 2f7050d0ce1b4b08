package firestore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	cloud "cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// How often an update is tried when other processes write the same document, and
// how long it waits at most before the second try and before any.
const (
	attempts     = 10
	firstBackoff = 20 * time.Millisecond
	maxBackoff   = time.Second
)

// Update implements store.Store, after the updates of the same source that came
// before it in this process.
//
// The document is read outside a transaction, and the commit has the precondition
// that it is still what was read. Read within, it would be locked: two instances
// would wait for each other's lock until the server gave up (seconds in the
// emulator), and an event that changes nothing would cost three requests in place
// of one.
func (s *Store) Update(ctx context.Context, key source.Key, merge func(*source.Document) (source.Result, error)) error {
	document := s.document(key)
	end, err := s.turns.take(ctx, document.ID)
	if err != nil {
		return fmt.Errorf("updating source %q: waiting for its turn: %w", key, err)
	}
	defer end()
	backoff := firstBackoff
	for attempt := 1; ; attempt++ {
		mergeErr, err := s.try(ctx, document, merge)
		if mergeErr != nil {
			return mergeErr
		}
		if err == nil {
			return nil
		}
		if attempt < attempts && overtaken(err) && wait(ctx, rand.N(backoff)) {
			backoff = min(2*backoff, maxBackoff)
			continue
		}
		return fmt.Errorf("updating source %q: %w", key, cause(ctx, err))
	}
}

// try reads, merges and writes once.
func (s *Store) try(ctx context.Context, document *cloud.DocumentRef, merge func(*source.Document) (source.Result, error)) (mergeErr, err error) {
	snapshot, err := document.Get(ctx)
	before, stored, err := read(snapshot, err)
	if err != nil {
		return nil, err
	}
	result, err := merge(before)
	if err != nil {
		return err, nil
	}
	if !result.Changed {
		return nil, nil
	}
	if result.Document == nil {
		return nil, errors.New("the merge changed something, but gave no document")
	}
	after, err := encode(store.Stamped(before, result.Document, s.now()))
	if err != nil {
		return nil, err
	}
	updates := replacement(stored, after)
	unchanged := cloud.LastUpdateTime(snapshot.UpdateTime)
	if len(result.History) > 0 {
		return nil, s.client.RunTransaction(ctx, func(_ context.Context, tx *cloud.Transaction) error {
			if err := record(tx, document.Collection(history), result.History); err != nil {
				return err
			}
			if before == nil {
				return tx.Create(document, after)
			}
			return tx.Update(document, updates, unchanged)
		}, cloud.MaxAttempts(1))
	}
	// The usual case, one request less.
	if before == nil {
		_, err = document.Create(ctx, after)
	} else {
		_, err = document.Update(ctx, updates, unchanged)
	}
	return nil, err
}

// replacement makes what is stored into after. Set would be simpler, but takes no
// precondition.
func replacement(stored, after map[string]any) []cloud.Update {
	updates := make([]cloud.Update, 0, len(after))
	for name, value := range after {
		updates = append(updates, cloud.Update{FieldPath: cloud.FieldPath{name}, Value: value})
	}
	for name := range stored {
		if _, kept := after[name]; !kept {
			updates = append(updates, cloud.Update{FieldPath: cloud.FieldPath{name}, Value: cloud.Delete})
		}
	}
	return updates
}

// record writes what the merge says about the history.
func record(tx *cloud.Transaction, entries *cloud.CollectionRef, changes map[string]*source.Change) error {
	for key, change := range changes {
		entry := entries.Doc(store.Name(key))
		if change == nil {
			if err := tx.Delete(entry); err != nil {
				return err
			}
			continue
		}
		fields, err := encode(change)
		if err != nil {
			return err
		}
		fields[expireAt] = change.ExpireAt()
		if err := tx.Set(entry, fields); err != nil {
			return err
		}
	}
	return nil
}

// overtaken reports whether another process has written the document meanwhile,
// or was about to.
func overtaken(err error) bool {
	switch status.Code(err) {
	case codes.FailedPrecondition, codes.AlreadyExists, codes.Aborted:
		return true
	}
	return false
}

// wait reports whether the time passed before the context ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
