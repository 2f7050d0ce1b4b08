package firestore

import (
	"context"
	"fmt"

	cloud "cloud.google.com/go/firestore"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

var _ store.Watcher = (*Store)(nil)

// Watch implements store.Watcher by a snapshot listener, which connects again by
// itself. It reads each document once, and again whenever it changes. What
// others wrote that is no document is left out, lest it hide all the rest.
func (s *Store) Watch(ctx context.Context, changed func([]*source.Document, []source.Key)) error {
	snapshots := s.client.Collection(sources).Snapshots(ctx)
	defer snapshots.Stop()
	for first := true; ; first = false {
		snapshot, err := snapshots.Next()
		if err != nil {
			return fmt.Errorf("watching sources: %w", cause(ctx, err))
		}
		var documents []*source.Document
		var gone []source.Key
		for _, change := range snapshot.Changes {
			document := new(source.Document)
			if decode(change.Doc.Data(), document) != nil {
				continue
			}
			if change.Kind == cloud.DocumentRemoved {
				gone = append(gone, document.Key())
			} else {
				documents = append(documents, document.Public())
			}
		}
		if first || len(documents)+len(gone) > 0 {
			changed(documents, gone)
		}
	}
}
