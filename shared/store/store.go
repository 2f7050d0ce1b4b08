// Package store says what keeps the documents and their history, and what every
// such keeper must promise. Package firestore keeps them in the cloud, package
// bolt in a local file; package storetest holds both to this contract.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
)

var (
	// ErrNotFound says that there is no document of that source.
	ErrNotFound = errors.New("no such source")
	// ErrCursor says that a cursor did not come from the same kind of list.
	ErrCursor = errors.New("malformed cursor")
	// ErrContention says that others kept changing the document, and that the
	// store gave up trying. Nothing was written. It is transient.
	ErrContention = errors.New("too many writers at once")
)

// A Merge makes what an update writes of what is stored.
type Merge func(before *source.Document, beside source.Parts) (source.Result, error)

// A Store keeps one document for each source, and beside it the history, the
// sessions and the hours with viewers of each. It is
// safe for concurrent use, by several processes where the medium allows it.
//
// ErrNotFound, ErrCursor and what a merge returns are final: the same call would
// fail again. Every other error, that of an ended context included, is to be
// taken as transient. After a transient error of Update other than ErrContention
// it is not known whether the write took place, so the event must come again,
// which a merge does not mind. Errors are wrapped; use errors.Is.
type Store interface {
	// Update reads, merges and writes one source as if nobody else did. The merge
	// gets the stored document, nil if there is none, and what is stored beside it,
	// and may not modify either. It has no side effects, because it may be called several times for one Update, of
	// which the last call counts; none is running when Update returns. The
	// document and what Result.History, Sessions and Hours say are written in one
	// commit and are durable when Update returns nil. The store sets createdAt at the first
	// write, keeps it from then on, and sets updatedAt at each, both from its
	// clock; what the merge says about them counts for nothing.
	//
	// When Result.Changed is false nothing is written, updatedAt included, and
	// Result.Document may be nil. An error of merge is returned as it is, and
	// nothing is written.
	//
	// Concurrent updates of one source wait for each other; none is lost. A
	// crowd on one source in several processes may end in ErrContention.
	Update(ctx context.Context, key source.Key, merge Merge) error

	// Get is the whole document with its bookkeeping, or ErrNotFound. The caller
	// may modify it.
	Get(ctx context.Context, key source.Key) (*source.Document, error)

	// List is a page of the documents that the filter lets through, without their
	// bookkeeping, in the bytewise order of their document ids. A malformed
	// cursor is ErrCursor. What is created or changed between two pages may or may
	// not be seen; everything else is seen once.
	List(ctx context.Context, filter Filter) (Page, error)

	// History is a page of the history of one source, oldest first, in the
	// order of Change.Key: by event time, then by event id. That of an unknown
	// source is empty. A malformed cursor is ErrCursor. Entries may vanish once
	// their Change.ExpireAt has passed.
	History(ctx context.Context, key source.Key, query HistoryQuery) (HistoryPage, error)

	// Sessions is a page of the sessions of one source, oldest first by their
	// starts and without their bookkeeping. Those of an unknown source are none. A
	// malformed cursor is ErrCursor.
	Sessions(ctx context.Context, key source.Key, query SessionQuery) (SessionPage, error)

	// Hours is a page of the hours with viewers of one source, oldest first and
	// without their bookkeeping. Those of an unknown source are none. A malformed
	// cursor is ErrCursor. Hours may vanish once their Hour.ExpireAt has passed.
	Hours(ctx context.Context, key source.Key, query HourQuery) (HourPage, error)

	// Close releases what the store holds. Calls that are running may fail; no
	// call may follow.
	Close() error
}

// A Filter chooses documents. The zero Filter is the first page of all. An
// empty field lets everything through; others must be equal, so a stream whose
// state is unknown (absent) cannot be asked for.
type Filter struct {
	Platform     string
	Status       string
	StreamStatus string

	Limit  int    // how many at most; see PageSize
	Cursor string // NextCursor of the page before, of the same filter
}

// A Page is a part of a list of documents.
type Page struct {
	Sources    []*source.Document
	NextCursor string // empty when there is no more
}

// A HistoryQuery chooses entries of a history: event times in [From, To), where
// a zero time is no bound. The zero HistoryQuery is the first page of all.
type HistoryQuery struct {
	From, To time.Time

	Limit  int    // how many at most; see PageSize
	Cursor string // NextCursor of the page before, of the same query
}

// A HistoryPage is a part of a history.
type HistoryPage struct {
	Changes    []source.Change
	NextCursor string // empty when there is no more
}

// A SessionQuery chooses sessions. The zero SessionQuery is the first page of all.
type SessionQuery struct {
	Limit  int    // how many at most; see PageSize
	Cursor string // NextCursor of the page before
}

// A SessionPage is a part of the sessions of a source.
type SessionPage struct {
	Sessions   []*source.Session
	NextCursor string // empty when there is no more
}

// An HourQuery chooses hours: those that have any instant in [From, To), where a
// zero time is no bound. The zero HourQuery is the first page of all.
type HourQuery struct {
	From, To time.Time

	Limit  int    // how many hours at most; see PageSize
	Cursor string // NextCursor of the page before, of the same query
}

// An HourPage is a part of the hours of a source.
type HourPage struct {
	Hours      []*source.Hour
	NextCursor string // empty when there is no more
}
