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
// The document is read outside a transaction, or not at all where it is probably
// what this process wrote last, and the commit has the precondition that it is
// still that. Read within, it would be locked: two instances would wait for each
// other's lock until the server gave up (seconds in the emulator), and an event
// that changes nothing would cost three requests in place of one.
func (s *Store) Update(ctx context.Context, key source.Key, merge store.Merge) error {
	document := s.document(key)
	end, err := s.turns.take(ctx, document.ID)
	if err != nil {
		return fmt.Errorf("updating source %q: waiting for its turn: %w", key, err)
	}
	defer end()
	if guess, ok := s.recent.guess(document.ID); ok {
		if done, err := s.tryGuess(ctx, document, guess, merge); err != nil {
			return fmt.Errorf("updating source %q: %w", key, cause(ctx, err))
		} else if done {
			return nil
		}
	}
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

// tryGuess merges and writes once without reading. Only what was written has
// proved the guess right. What was not done starts over: a wrong guess, and what a
// merge concluded without writing. After an error it is not known what took place.
func (s *Store) tryGuess(ctx context.Context, document *cloud.DocumentRef, guess version, merge store.Merge) (done bool, err error) {
	changed, mergeErr, err := s.put(ctx, document, guess, merge)
	switch {
	case mergeErr != nil:
		return false, nil
	case overtaken(err) || status.Code(err) == codes.NotFound: // written or removed by somebody else
		s.recent.learn(false)
		return false, nil
	case err != nil:
		return false, err
	case changed:
		s.recent.learn(true)
	}
	return changed, nil
}

// try reads, merges and writes once.
func (s *Store) try(ctx context.Context, document *cloud.DocumentRef, merge store.Merge) (mergeErr, err error) {
	snapshot, err := document.Get(ctx)
	before, err := versionOf(snapshot, err)
	if err != nil {
		return nil, err
	}
	s.recent.compare(document.ID, before)
	_, mergeErr, err = s.put(ctx, document, before, merge)
	return mergeErr, err
}

// put merges and writes once, if the document is still what it was.
func (s *Store) put(ctx context.Context, document *cloud.DocumentRef, stored version, merge store.Merge) (changed bool, mergeErr, err error) {
	before, err := decodeVersion[source.Document](stored)
	if err != nil {
		return false, nil, err
	}
	result, err := merge(before, beside{ctx, document})
	if err != nil {
		return false, err, nil
	}
	if !result.Changed {
		return false, nil, nil
	}
	if result.Document == nil {
		return false, nil, errors.New("the merge changed something, but gave no document")
	}
	stamped := store.Stamped(before, result.Document, s.now())
	after, err := encodeKept(stamped.Public(), stamped.Bookkeeping)
	if err != nil {
		return false, nil, err
	}
	parts, err := besides(document, result)
	if err != nil {
		return false, nil, err
	}
	batch := s.client.Batch() //lint:ignore SA1019 a transaction would need one more request, to begin
	if before == nil {
		batch.Create(document, after)
	} else {
		batch.Update(document, replacement(stored.fields, after), cloud.LastUpdateTime(stored.updateTime))
	}
	for _, p := range parts {
		if p.fields == nil {
			batch.Delete(p.document)
		} else {
			batch.Set(p.document, p.fields)
		}
	}
	results, err := batch.Commit(ctx)
	if err != nil {
		s.recent.forget(document.ID)
		return false, nil, err
	}
	s.recent.keep(document.ID, version{fields: after, updateTime: results[0].UpdateTime})
	return true, nil, nil
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
	session, err := read[source.Session](b.document.Collection(sessions).Doc(store.PartName(key)).Get(b.ctx))
	return session, err
}

func (b beside) Hour(name string) (*source.Hour, error) {
	hour, err := read[source.Hour](b.document.Collection(hours).Doc(name).Get(b.ctx))
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
