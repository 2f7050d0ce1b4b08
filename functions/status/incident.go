package status

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

const (
	// incidentsFor is for how long an incident is told of.
	incidentsFor = 30 * 24 * time.Hour
	// maxReading is how many histories are read at a time.
	maxReading = 16
)

// An incident is that a source left CONNECTED, and that it came back.
type incident struct {
	source *source.Document
	began  source.Change
	worst  string         // DISCONNECTED or ERROR
	steps  []incidentStep // what happened, oldest first
	ended  time.Time      // zero: it has not
	newest time.Time      // of the steps
}

// An incidentStep is one change within an incident.
type incidentStep struct {
	at     time.Time
	status string
	reason string
}

// findIncidents finds those of a history, oldest first. One that began before the
// history does is left out, because nothing says when.
func findIncidents(d *source.Document, history []source.Change) []incident {
	var found []incident
	open := false
	for _, change := range history {
		if change.Facet != source.FacetStatus {
			continue
		}
		status := string(change.To)
		if status != source.Connected && !open && change.From != nil && *change.From == source.Connected {
			found = append(found, incident{source: d, began: change})
			open = true
		}
		if !open {
			continue
		}
		last := &found[len(found)-1]
		last.steps = append(last.steps, incidentStep{change.At.Time, status, change.Reason})
		last.newest = change.At.Time
		if status == source.Connected {
			last.ended, open = change.At.Time, false
		} else if last.worst != source.Error {
			last.worst = status
		}
	}
	return found
}

// historian reads histories.
type historian interface {
	History(ctx context.Context, key source.Key, query store.HistoryQuery) (store.HistoryPage, error)
}

// incidents remembers those of each source as long as its document stays as it is:
// a history changes with its document only.
type incidents struct {
	histories historian

	mu     sync.Mutex // guards byName
	byName map[string]remembered
}

type remembered struct {
	updated time.Time
	found   []incident
}

func newIncidents(histories historian) *incidents {
	return &incidents{histories: histories, byName: make(map[string]remembered)}
}

// of are the incidents of those sources since a time, in no order.
func (i *incidents) of(ctx context.Context, board []*known, since time.Time) ([]incident, error) {
	found := make([][]incident, len(board))
	var group errgroup.Group
	group.SetLimit(maxReading)
	for n, k := range board {
		group.Go(func() (err error) {
			found[n], err = i.ofOne(ctx, k, since)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var all []incident
	for _, some := range found {
		for _, one := range some {
			if !one.newest.Before(since) {
				all = append(all, one)
			}
		}
	}
	return all, nil
}

func (i *incidents) ofOne(ctx context.Context, k *known, since time.Time) ([]incident, error) {
	updated := k.document.UpdatedAt.Time
	i.mu.Lock()
	kept, ok := i.byName[k.name]
	i.mu.Unlock()
	if ok && kept.updated.Equal(updated) {
		return kept.found, nil
	}
	var history []source.Change
	for query := (store.HistoryQuery{From: since, Limit: store.MaxLimit}); ; {
		page, err := i.histories.History(ctx, k.document.Key(), query)
		if err != nil {
			return nil, err
		}
		history = append(history, page.Changes...)
		if query.Cursor = page.NextCursor; query.Cursor == "" {
			break
		}
	}
	found := findIncidents(k.document, history)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.byName[k.name] = remembered{updated, found}
	return found, nil
}
