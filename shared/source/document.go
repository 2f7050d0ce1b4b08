// Package source is the heart of the suite: the document that tells the truth
// about one source, and the merge that keeps it true whatever the order and
// number of deliveries. It is pure: no I/O, no clock. All functions are safe for
// concurrent use as long as no two calls share a Document.
package source

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
)

// Connection states of a source, from the best to the worst.
const (
	Connected    = "CONNECTED"
	Disconnected = "DISCONNECTED"
	Error        = "ERROR"
)

// Stream states; absent means unknown.
const (
	Online  = "ONLINE"
	Offline = "OFFLINE"
)

// Authorization states; absent means unknown.
const (
	Valid   = "VALID"
	Expired = "EXPIRED"
	Revoked = "REVOKED"
)

// Roles of the bot in a channel.
const (
	Broadcaster = "BROADCASTER"
	Moderator   = "MODERATOR"
	VIP         = "VIP"
)

// Time is an instant that is written as event.FormatTime writes it and absent
// when zero.
type Time struct{ time.Time }

// MarshalJSON writes ISO 8601 in UTC with milliseconds.
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(`"` + event.FormatTime(t.Time) + `"`), nil
}

// UnmarshalJSON reads any RFC 3339 timestamp.
func (t *Time) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	parsed, err := event.ParseTime(text)
	if err != nil {
		return err
	}
	t.Time = parsed
	return nil
}

// A Document is the state of one source. Its JSON is the contract with readers
// (design section 4), field names and types included; stores keep exactly that.
// Absent means no key, never null.
type Document struct {
	ID               string               `json:"id"`
	Platform         string               `json:"platform"`
	DisplayName      string               `json:"displayName,omitempty"`
	Status           string               `json:"status,omitempty"`
	LastStatusUpdate Time                 `json:"lastStatusUpdate,omitzero"`
	LastError        *LastError           `json:"lastError,omitempty"`
	Connectors       map[string]Connector `json:"connectors,omitempty"`
	StreamStatus     string               `json:"streamStatus,omitempty"`
	LastStreamUpdate Time                 `json:"lastStreamUpdate,omitzero"`
	Stream           *Stream              `json:"stream,omitempty"`
	ViewerCount      *int64               `json:"viewerCount,omitempty"`
	Metadata         Metadata             `json:"metadata,omitempty"`
	AuthStatus       string               `json:"authStatus,omitempty"`
	Auth             *Auth                `json:"auth,omitempty"`
	Permissions      []string             `json:"permissions,omitzero"` // nil: unknown; empty: known and none
	LatencyMs        *int64               `json:"latencyMs,omitempty"`
	Metrics          *Metrics             `json:"metrics,omitempty"`
	CreatedAt        Time                 `json:"createdAt,omitzero"` // processing time, set by the store
	UpdatedAt        Time                 `json:"updatedAt,omitzero"` // processing time, set by the store
	Bookkeeping      *Bookkeeping         `json:"_merge,omitempty"`
}

// LastError is the newest error that no connector has cleared.
type LastError struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	At      Time   `json:"at"`
}

// Connector is one way by which a source is served.
type Connector struct {
	Status     string `json:"status"`
	State      string `json:"state,omitempty"` // the connector's own word
	At         Time   `json:"at"`              // when it last said so
	InstanceID string `json:"instanceId,omitempty"`
}

// Stream is the current or the last stream of a channel.
type Stream struct {
	ID        string `json:"id,omitempty"`
	Type      string `json:"type,omitempty"` // live, playlist, watch_party, premiere, rerun
	StartedAt Time   `json:"startedAt,omitzero"`
	EndedAt   Time   `json:"endedAt,omitzero"`
}

// Auth is what is known of the authorization behind authStatus.
type Auth struct {
	ExpiresAt Time     `json:"expiresAt,omitzero"`
	Scopes    []string `json:"scopes,omitempty"`
	Reason    string   `json:"reason,omitempty"`
	At        Time     `json:"at"`
}

// Metadata holds loose facts: title, categoryId, connectorState, ... Values are
// strings, bools, int64, float64, lists and maps of these.
type Metadata map[string]any

// UnmarshalJSON keeps whole numbers whole.
func (m *Metadata) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var raw map[string]any
	if err := decoder.Decode(&raw); err != nil {
		return err
	}
	if raw == nil {
		*m = nil
		return nil
	}
	*m = make(Metadata, len(raw))
	for key, value := range raw {
		(*m)[key] = plain(value)
	}
	return nil
}

// plain turns the numbers of a decoded JSON value into int64 or float64; one that
// is beyond these becomes nil.
func plain(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return nil
		}
		return f
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return value
}

// Metrics are totals over restarts by counter name (messagesIn, messagesOut,
// errors, reconnects and whatever else a connector counts) and the time of the
// newest heartbeat. In JSON they are one flat object.
type Metrics struct {
	Counts        map[string]int64
	LastHeartbeat Time
}

const lastHeartbeat = "lastHeartbeat"

// MarshalJSON writes the counts and lastHeartbeat side by side.
func (m *Metrics) MarshalJSON() ([]byte, error) {
	flat := make(map[string]any, len(m.Counts)+1)
	for name, count := range m.Counts {
		flat[name] = count
	}
	if !m.LastHeartbeat.IsZero() {
		flat[lastHeartbeat] = m.LastHeartbeat
	}
	return json.Marshal(flat)
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (m *Metrics) UnmarshalJSON(data []byte) error {
	var flat map[string]json.RawMessage
	if err := json.Unmarshal(data, &flat); err != nil {
		return err
	}
	m.Counts = make(map[string]int64, len(flat))
	for name, value := range flat {
		if name == lastHeartbeat {
			if err := json.Unmarshal(value, &m.LastHeartbeat); err != nil {
				return err
			}
			continue
		}
		var count int64
		if err := json.Unmarshal(value, &count); err != nil {
			return err
		}
		m.Counts[name] = count
	}
	return nil
}

// Key is the key of the document.
func (d *Document) Key() Key { return Key{Platform: d.Platform, ID: d.ID} }

// Public is the document as readers see it: without the bookkeeping.
func (d *Document) Public() *Document {
	public := *d
	public.Bookkeeping = nil
	return &public
}
