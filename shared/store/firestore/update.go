package firestore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
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
	stamped := store.Stamped(before, result.Document, s.now())
	after, err := encodeKept(stamped.Public(), stamped.Bookkeeping)
	if err != nil {
		return nil, err
	}
	parts, err := besides(document, result)
	if err != nil {
		return nil, err
	}
	batch := s.client.Batch() //lint:ignore SA1019 a transaction would need one more request, to begin
	if before == nil {
		batch.Create(document, after)
	} else {
		batch.Update(document, replacement(stored, after), cloud.LastUpdateTime(snapshot.UpdateTime))
	}
	for _, p := range parts {
		if p.fields == nil {
			batch.Delete(p.document)
		} else {
			batch.Set(p.document, p.fields)
		}
	}
	_, err = batch.Commit(ctx)
	return nil, err
}

// replacement makes what is stored into after, by the fields that differ. Set
// would be simpler, but takes no precondition.
func replacement(stored, after map[string]any) []cloud.Update {
	updates := make([]cloud.Update, 0, len(after))
	for name, value := range after {
		// One of them there must be: no update at all is an error.
		if name == updatedAt || !reflect.DeepEqual(stored[name], value) {
			updates = append(updates, cloud.Update{FieldPath: cloud.FieldPath{name}, Value: value})
		}
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

// A part is a document beside that of a source; without fields it is to go.
type part struct {
	document *cloud.DocumentRef
	fields   map[string]any
}

// besides are the documents that the merge wants written beside that of the source.
func besides(document *cloud.DocumentRef, result source.Result) ([]part, error) {
	parts := make([]part, 0, len(result.History)+len(result.Sessions)+len(result.Hours))
	for key, change := range result.History {
		p := part{document: document.Collection(history).Doc(store.Name(key))}
		if change != nil {
			fields, err := encode(change)
			if err != nil {
				return nil, err
			}
			fields[expireAt] = change.ExpireAt()
			p.fields = fields
		}
		parts = append(parts, p)
	}
	for key, session := range result.Sessions {
		fields, err := encodeKept(session.Public(), session.Bookkeeping)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{document.Collection(sessions).Doc(store.PartName(key)), fields})
	}
	for name, hour := range result.Hours {
		fields, err := encodeKept(hour.Public(), hour.Bookkeeping)
		if err != nil {
			return nil, err
		}
		fields[expireAt] = hour.ExpireAt()
		parts = append(parts, part{document.Collection(hours).Doc(name), fields})
	}
	return parts, nil
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
