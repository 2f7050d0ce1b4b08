package persistence

import (
	"context"
	"fmt"
	"maps"

	"github.com/sourcestate/sourcestate/shared/gather"
	"github.com/sourcestate/sourcestate/shared/source"
)

// stored is what became of one event.
type stored struct {
	outcome     string
	transitions []source.Change
}

// A mergeError says that a document cannot take an event, now or ever.
type mergeError struct{ err error }

func (e *mergeError) Error() string { return "merging: " + e.err.Error() }
func (e *mergeError) Unwrap() error { return e.err }

// update merges events of one source into its document in one update of the
// store, in their order. One that cannot be merged does not hold up the others.
func (h *Handler) update(ctx context.Context, key source.Key, updates []*source.Update) ([]gather.Result[stored], error) {
	var results []gather.Result[stored]
	err := h.store.Update(ctx, key, func(d *source.Document) (source.Result, error) {
		var whole source.Result
		whole, results = mergeAll(d, updates)
		return whole, nil
	})
	if err != nil {
		return nil, fmt.Errorf("updating the document: %w", err)
	}
	return results, nil
}

// mergeAll merges updates one after the other. The whole is their joint effect.
func mergeAll(d *source.Document, updates []*source.Update) (whole source.Result, each []gather.Result[stored]) {
	whole = source.Result{Document: d, History: make(map[string]*source.Change)}
	each = make([]gather.Result[stored], len(updates))
	for i, u := range updates {
		result, err := source.Merge(whole.Document, noParts{}, u)
		if err != nil {
			each[i].Err = &mergeError{err}
			continue
		}
		each[i].Value = stored{outcome: outcomeOf(result), transitions: result.Transitions}
		if result.Changed {
			whole.Document, whole.Changed = result.Document, true
			maps.Copy(whole.History, result.History)
		}
	}
	return whole, each
}

func outcomeOf(result source.Result) string {
	switch {
	case result.Changed:
		return outcomeStored
	case result.Document == nil:
		return outcomeUnknownSource
	default:
		return outcomeUnchanged
	}
}

type noParts struct{}

func (noParts) Session(string) (*source.Session, error) { return nil, nil }
func (noParts) Hour(string) (*source.Hour, error)       { return nil, nil }
