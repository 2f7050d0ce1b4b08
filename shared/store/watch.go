package store

import (
	"context"

	"github.com/sourcestate/sourcestate/shared/source"
)

// A Watcher tells of documents as they change. It is safe for concurrent use.
type Watcher interface {
	// Watch calls changed with all documents that there are, and from then on with
	// those that were written since, until ctx ends or something fails. It
	// does not return before, and never nil; every error is to be taken as transient,
	// and whoever calls again gets all documents once more.
	//
	// The calls come one at a time. The first has all documents, which may be
	// none, in no order; each that follows has something in it. Documents are
	// without their bookkeeping and in the newest state that the store knows: states
	// in between may be left out, and a state may come twice, but none after a newer
	// one. Gone are those that somebody removed. What Update has written
	// before Watch was called is in the first call.
	//
	// Writers do not wait for changed. It may keep what it gets.
	Watch(ctx context.Context, changed func(documents []*source.Document, gone []source.Key)) error
}
