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
func (s *Store) Update(ctx context.Context, key source.Key, merge store.Merge) error {
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
func (s *Store) try(ctx context.Context, document *cloud.DocumentRef, merge store.Merge) (mergeErr, err error) {
	snapshot, err := document.Get(ctx)
	before, stored, err := read[source.Document](snapshot, err)
	if err != nil {
		return nil, err
	}
	result, err := merge(before, beside{ctx, document})
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
	if len(result.History)+len(result.Sessions)+len(result.Hours) > 0 {
		return nil, s.client.RunTransaction(ctx, func(_ context.Context, tx *cloud.Transaction) error {
			if err := record(tx, document, result); err != nil {
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

// beside reads what is stored beside a document. That it fits the document, the
// precondition on this one ensures: whatever changes beside it changes it, too.
type beside struct {
	ctx      context.Context // of the update that it is read for
	document *cloud.DocumentRef
}

func (b beside) Session(key string) (*source.Session, error) {
	session, _, err := read[source.Session](b.document.Collection(sessions).Doc(store.PartName(key)).Get(b.ctx))
	return session, err
}

func (b beside) Hour(name string) (*source.Hour, error) {
	hour, _, err := read[source.Hour](b.document.Collection(hours).Doc(name).Get(b.ctx))
	return hour, err
}

// record writes what the merge says about what is beside the document.
func record(tx *cloud.Transaction, document *cloud.DocumentRef, result source.Result) error {
	for key, change := range result.History {
		entry := document.Collection(history).Doc(store.Name(key))
		if change == nil {
			if err := tx.Delete(entry); err != nil {
				return err
			}
			continue
		}
		if err := set(tx, entry, change, change.ExpireAt()); err != nil {
			return err
		}
	}
	for key, session := range result.Sessions {
		if err := set(tx, document.Collection(sessions).Doc(store.PartName(key)), session, time.Time{}); err != nil {
			return err
		}
	}
	for name, hour := range result.Hours {
		if err := set(tx, document.Collection(hours).Doc(name), hour, hour.ExpireAt()); err != nil {
			return err
		}
	}
	return nil
}

// set replaces a document, which expires unless the time is zero.
func set(tx *cloud.Transaction, document *cloud.DocumentRef, value any, expires time.Time) error {
	fields, err := encode(value)
	if err != nil {
		return err
	}
	if !expires.IsZero() {
		fields[expireAt] = expires
	}
	return tx.Set(document, fields)
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
