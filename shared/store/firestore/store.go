// Package firestore keeps the documents in Cloud Firestore, where other services
// read them: sources/{platform:id}, and under it history/{key}, streams/{id} and
// viewers/{hour}. Field names and types are those of the JSON of source.Document,
// source.Change, source.Session and source.Hour, so that JSON is the only
// contract.
package firestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	cloud "cloud.google.com/go/firestore"
	"google.golang.org/api/option"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

const (
	sources  = "sources"
	history  = "history"
	sessions = "streams"
	hours    = "viewers"
)

// A Store is a store.Store in the default database of one project.
type Store struct {
	client *cloud.Client
	now    func() time.Time
	turns  turns
	recent *recent
}

var _ store.Store = (*Store)(nil)

// Open connects to the project's default database, or to the emulator that
// FIRESTORE_EMULATOR_HOST names. Nothing is sent before the first call of a
// method. The clock stamps what is written.
func Open(ctx context.Context, project string, clock func() time.Time, opts ...option.ClientOption) (*Store, error) {
	client, err := cloud.NewClient(ctx, project, opts...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Firestore of project %q: %w", project, err)
	}
	recent, err := newRecent()
	if err != nil {
		_ = client.Close() // the error before is the one to tell
		return nil, err
	}
	return &Store{client: client, now: clock, recent: recent}, nil
}

// Close closes the connections.
func (s *Store) Close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("closing Firestore: %w", err)
	}
	return nil
}

func (s *Store) document(key source.Key) *cloud.DocumentRef {
	return s.client.Collection(sources).Doc(store.Name(key.DocumentID()))
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, key source.Key) (*source.Document, error) {
	document, err := read[source.Document](s.document(key).Get(ctx))
	if err == nil && document == nil {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("reading source %q: %w", key, cause(ctx, err))
	}
	return document, nil
}

// read is the value of a snapshot, nil if there is none.
func read[T any](snapshot *cloud.DocumentSnapshot, err error) (*T, error) {
	v, err := versionOf(snapshot, err)
	if err != nil {
		return nil, err
	}
	return decodeVersion[T](v)
}

// versionOf is what a snapshot shows.
func versionOf(snapshot *cloud.DocumentSnapshot, err error) (version, error) {
	// NotFound without a snapshot is about the database, not the document.
	if snapshot != nil && !snapshot.Exists() {
		return version{}, nil
	}
	if err != nil {
		return version{}, err
	}
	return version{fields: snapshot.Data(), updateTime: snapshot.UpdateTime}, nil
}

// decodeVersion is the value that a version holds, nil if it holds none.
func decodeVersion[T any](v version) (*T, error) {
	if v.fields == nil {
		return nil, nil
	}
	value := new(T)
	if err := decodeKept(v.fields, value); err != nil {
		return nil, err
	}
	return value, nil
}

// cause is the error by which a caller decides: that of its own context where
// this has ended, and store.ErrContention.
func cause(ctx context.Context, err error) error {
	switch ended := ctx.Err(); {
	case ended != nil && !errors.Is(err, ended):
		return fmt.Errorf("%w: %w", ended, err)
	case overtaken(err):
		return fmt.Errorf("%w: %w", store.ErrContention, err)
	}
	return err
}
