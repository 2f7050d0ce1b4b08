package status

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// A publicSource is a source as the API answers with it.
type publicSource struct {
	*source.Document       // as everybody may see it; not to be modified
	Stale            bool  `json:"stale"`
	AgeSeconds       int64 `json:"ageSeconds"` // of the newest sign of life
}

// A known is a source as it was read, put into JSON once for all who ask.
type known struct {
	document *source.Document // as everybody may see it; not to be modified
	name     string           // by which stores order documents
	encoded  []byte           // JSON of document without its end, lest what follows be encoded each time
	sum      [sha256.Size]byte
	newest   time.Time // of its own events
	polled   bool      // by Helix, for the heartbeat
}

// know takes a document over, which nobody else may modify from then on.
func (h *Handler) know(document *source.Document) (*known, error) {
	public := h.public(document)
	encoded, err := json.Marshal(public)
	if err != nil {
		return nil, fmt.Errorf("encoding source %q: %w", document.Key(), err)
	}
	return &known{
		document: public,
		name:     store.Name(document.Key().DocumentID()),
		encoded:  encoded[:len(encoded)-len("}")],
		sum:      sha256.Sum256(encoded),
		newest:   newestEvent(document),
		polled:   h.polledByHelix(document),
	}, nil
}

func (h *Handler) knowAll(documents []*source.Document) ([]*known, error) {
	all := make([]*known, len(documents))
	for i, document := range documents {
		var err error
		if all[i], err = h.know(document); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// newestEvent is the newest event time that a document tells of. One that tells of
// none, because nothing but metadata ever came, has the time of its last change.
func newestEvent(d *source.Document) time.Time {
	times := []source.Time{d.LastStatusUpdate, d.LastStreamUpdate}
	for _, connector := range d.Connectors {
		times = append(times, connector.At)
	}
	if d.LastError != nil {
		times = append(times, d.LastError.At)
	}
	if d.Auth != nil {
		times = append(times, d.Auth.At)
	}
	if d.Metrics != nil {
		times = append(times, d.Metrics.LastHeartbeat)
	}
	newest := slices.MaxFunc(times, func(a, b source.Time) int { return a.Compare(b.Time) })
	if newest.IsZero() {
		return d.UpdatedAt.Time
	}
	return newest.Time
}

const (
	twitchPlatform = "twitch"
	// connectorEventSub is the connector of the channels that the heartbeat watches.
	connectorEventSub = "eventsub"
)

// polledByHelix reports whether the heartbeat polls a channel: it watches the
// channel's subscriptions, or was told to by name.
func (h *Handler) polledByHelix(d *source.Document) bool {
	if d.Platform != twitchPlatform {
		return false
	}
	_, watched := d.Connectors[connectorEventSub]
	login := strings.ToLower(event.Text(d.Metadata["login"]))
	return watched || slices.Contains(h.config.Broadcasters, d.ID) ||
		login != "" && slices.Contains(h.config.Broadcasters, login)
}

// at is the source as the API answers with it at a time.
func (k *known) at(now time.Time, f freshness) publicSource {
	age := max(0, now.Sub(f.lastSign(k)))
	return publicSource{
		Document: k.document, Stale: age >= f.limit, AgeSeconds: int64(age / time.Second),
	}
}

// appendJSON appends the JSON of a publicSource of k.
func (k *known) appendJSON(to []byte, p publicSource) []byte {
	to = append(to, k.encoded...)
	to = append(to, `,"stale":`...)
	to = strconv.AppendBool(to, p.Stale)
	to = append(to, `,"ageSeconds":`...)
	to = strconv.AppendInt(to, p.AgeSeconds, 10)
	return append(to, '}')
}
