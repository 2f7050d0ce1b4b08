package source

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"time"
	"unicode/utf8"

	"github.com/sourcestate/sourcestate/shared/event"
)

// An Update is what one event says about one source. Read makes it, Merge
// consumes it.
type Update struct {
	Key     Key
	At      time.Time // event time
	EventID string    // shortened when it is over 64 bytes
	Type    string    // of the event, e.g. "system.stream.online"

	by, reason   string
	existingOnly bool // never creates a document (design section 8)

	displayName  string
	observations map[Facet][]observation
	connector    string       // whose status, error and counters these are
	lastError    *errorReport // nil: says nothing
	auth         *Auth        // beside the observation of authStatus
	metadata     map[string]any
	counts       map[string]int64
	instance     string
	heartbeat    bool // counts as a sign of life of the connector
	latency      *int64
	viewers      *viewerCount
	sighting     *sighting // of a stream; nil: nothing was seen
}

// errorReport is an error, or the explicit statement that there is none.
type errorReport struct {
	none    bool
	code    string
	message string
	at      time.Time
}

// stamp orders the writes to a register: by event time, then by event id.
type stamp struct {
	At int64  `json:"t"` // Unix milliseconds
	ID string `json:"i"`
}

func (s stamp) compare(other stamp) int {
	return cmp.Or(cmp.Compare(s.At, other.At), cmp.Compare(s.ID, other.ID))
}

func (s stamp) time() Time { return Time{time.UnixMilli(s.At).UTC()} }

func (u *Update) stamp() stamp { return stamp{At: u.At.UnixMilli(), ID: u.EventID} }

// observe adds what the event says about one facet. Key and value are set by
// the caller.
func (u *Update) observe(facet Facet, o observation) {
	o.At, o.ID = u.At.UnixMilli(), u.EventID
	o.By = u.by
	if o.Reason == "" {
		o.Reason = u.reason
	}
	if u.observations == nil {
		u.observations = make(map[Facet][]observation, 1)
	}
	u.observations[facet] = append(u.observations[facet], o)
}

// Limits for what outside words may take up in a document that has to stay
// small, in bytes.
const (
	maxName    = 64 // event ids, connector names, instances, counter names
	maxReason  = 80
	maxMessage = 480
	maxLabel   = 200 // display names
)

// short keeps a name within maxName bytes, and different names different: what
// is cut off is replaced by a hash of the whole.
func short(name string) string {
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return truncate(name, maxName-17) + "~" + hex.EncodeToString(sum[:8])
}

// truncate cuts a text to at most limit bytes, between characters.
func truncate(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// newUpdate is the part of an update that is the same for all types.
func newUpdate(d *event.Delivery, key Key) *Update {
	return &Update{
		Key:     key,
		At:      d.Time(),
		EventID: short(d.ID()),
		Type:    d.Type(),
		by:      truncate(d.Source(), maxName),
		reason:  truncate(d.Body().Text("reason"), maxReason),
	}
}
