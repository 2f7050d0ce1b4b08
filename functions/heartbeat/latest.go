package heartbeat

import (
	"context"
	"errors"

	"github.com/sourcestate/sourcestate/shared/store"
)

// The records of the heartbeat beside its lease.
const (
	latestName = "latest"
	reportName = "report" // of the last tick that came to its end
)

// Latest is the record heartbeat/latest: when things were last known to be well
// (design section 5, rule 9). Times are ISO 8601 in UTC.
type Latest struct {
	At         string            `json:"at"`                   // the last tick that came to its end
	Helix      string            `json:"helix,omitempty"`      // the last good poll of Helix
	Connectors map[string]string `json:"connectors,omitempty"` // the last good poll, by the connector's own name

	Subscriptions       int    `json:"subscriptions,omitempty"`       // how many the app had
	SubscriptionsListed string `json:"subscriptionsListed,omitempty"` // and when they were listed

	WatchlistMark string `json:"watchlistMark,omitempty"` // of the watchlist as it was last read
	WatchlistRead string `json:"watchlistRead,omitempty"` // and when that was
}

func readLatest(ctx context.Context, records store.Records) (Latest, error) {
	var latest Latest
	err := records.Record(ctx, store.Heartbeat, latestName, &latest)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Latest{}, err
	}
	if latest.Connectors == nil {
		latest.Connectors = make(map[string]string)
	}
	return latest, nil
}
