package persistence

import (
	"context"
	"errors"
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
	err := h.store.Update(ctx, key, func(d *source.Document, beside source.Parts) (whole source.Result, err error) {
		whole, results, err = mergeAll(d, beside, updates)
		return whole, err
	})
	if err != nil {
		return nil, fmt.Errorf("updating the document: %w", err)
	}
	return results, nil
}

// mergeAll merges updates one after the other. The whole is their joint effect.
// The error is a *source.PartError and concerns all of them.
func mergeAll(d *source.Document, beside source.Parts, updates []*source.Update) (whole source.Result, each []gather.Result[stored], err error) {
	whole = source.Result{
		Document: d, History: make(map[string]*source.Change),
		Sessions: make(map[string]*source.Session), Hours: make(map[string]*source.Hour),
	}
	each = make([]gather.Result[stored], len(updates))
	for i, u := range updates {
		result, err := source.Merge(whole.Document, merged{beside, whole}, u)
		if unread := (*source.PartError)(nil); errors.As(err, &unread) {
			return source.Result{}, nil, err
		} else if err != nil {
			each[i].Err = &mergeError{err}
			continue
		}
		each[i].Value = stored{outcome: outcomeOf(result), transitions: result.Transitions}
		if result.Changed {
			whole.Document, whole.Changed = result.Document, true
			maps.Copy(whole.History, result.History)
			maps.Copy(whole.Sessions, result.Sessions)
			maps.Copy(whole.Hours, result.Hours)
		}
	}
	return whole, each, nil
}

// merged is what will be stored beside the document once the updates before are.
type merged struct {
	stored source.Parts
	whole  source.Result
}

func (m merged) Session(key string) (*source.Session, error) {
	if session, ok := m.whole.Sessions[key]; ok {
		return session, nil
	}
	return m.stored.Session(key)
}

func (m merged) Hour(name string) (*source.Hour, error) {
	if hour, ok := m.whole.Hours[name]; ok {
		return hour, nil
	}
	return m.stored.Hour(name)
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
