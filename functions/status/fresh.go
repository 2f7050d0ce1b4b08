package status

import (
	"context"
	"errors"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/store"
)

// staleAfter is how many intervals of the heartbeat may go by without a sign of
// life (design section 5, rule 9).
const staleAfter = 4

// A freshness is when things were last known to be well, as the heartbeat says.
type freshness struct {
	limit      time.Duration // what is as old as this is stale
	beat       time.Time     // the last tick of the heartbeat; zero: never
	helix      time.Time
	connectors map[string]time.Time
}

// latest is the record heartbeat/latest, as far as it is needed.
type latest struct {
	At         string            `json:"at"`
	Helix      string            `json:"helix"`
	Connectors map[string]string `json:"connectors"`
}

const (
	latestName = "latest"
	reportName = "report"
)

// readFreshness asks what the heartbeat says. Where it never ran, nothing but
// events is a sign of life.
func (h *Handler) readFreshness(ctx context.Context, _ struct{}) (freshness, error) {
	var said latest
	err := h.documents.Record(ctx, store.Heartbeat, latestName, &said)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return freshness{}, err
	}
	f := freshness{
		limit: staleAfter * h.config.Interval, beat: readable(said.At), helix: readable(said.Helix),
		connectors: make(map[string]time.Time, len(said.Connectors)),
	}
	for name, text := range said.Connectors {
		f.connectors[name] = readable(text)
	}
	return f, nil
}

// readable is a time that the heartbeat wrote, zero for none.
func readable(text string) time.Time {
	t, err := event.ParseTime(text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// lastSign is the newest sign of life of a source: an event, or a good poll of
// what serves it.
func (f freshness) lastSign(k *known) time.Time {
	newest := k.newest
	if k.polled && f.helix.After(newest) {
		newest = f.helix
	}
	for name := range k.document.Connectors {
		if polled := f.connectors[name]; polled.After(newest) {
			newest = polled
		}
	}
	return newest
}
