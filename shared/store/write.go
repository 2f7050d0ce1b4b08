package store

import (
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
)

// Stamped is the document of a merge as a store writes it at the given time:
// with createdAt and updatedAt. Neither document is modified; before may be nil.
func Stamped(before, after *source.Document, now time.Time) *source.Document {
	stamped := *after
	stamped.UpdatedAt = source.Time{Time: now}
	stamped.CreatedAt = stamped.UpdatedAt
	if before != nil && !before.CreatedAt.IsZero() {
		stamped.CreatedAt = before.CreatedAt
	}
	return &stamped
}
