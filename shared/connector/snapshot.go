package connector

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// A Snapshot is what one connector says of one source.
type Snapshot struct {
	Connector     string // its own name, the key in the document's connectors
	Within        string // the connector whose snapshot holds this one, and whose source it shares; "" for most
	Platform      string
	ID            string // of the source; "" when the payload tells none: see WithID
	DisplayName   string // "" when it tells none
	Status        string // of the document; "" when the state is missing or unknown
	State         string // the connector's own word; "" when it is missing
	Counts        map[string]int64
	Error         *Error // nil: it says nothing of errors
	LastMessageAt time.Time
	Instance      string         // "" when it is not known
	Joined        []string       // logins of the channels it has joined, sorted
	Metadata      map[string]any // further facts
}

// An Error is what a connector says of its last error.
type Error struct {
	None    bool // there is none
	Code    string
	Message string
}

// WithID gives a snapshot that tells no id the last one that is known of its
// connector, else the name of the connector (design section 5, rule 5). What is
// within another connector's snapshot has the name of that one, so that both stay
// with one source.
func (s Snapshot) WithID(last string) Snapshot {
	switch {
	case s.ID != "":
		return s
	case last != "":
		s.ID = last
		return s
	}
	s.ID = cmp.Or(s.Within, s.Connector)
	if s.DisplayName == "" {
		s.DisplayName = s.ID
	}
	return s
}

// Digest is short, and another one when something changed that readers should
// hear of at once: not so what changes with every message, and not the instance
// that happened to answer.
func (s Snapshot) Digest() string {
	s.Counts, s.LastMessageAt, s.Instance = nil, time.Time{}, ""
	// It was made of JSON, and maps are encoded in order.
	encoded, _ := json.Marshal(s)
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:8])
}

// Event is the system.source.status that tells what the snapshot says (design
// section 6). It was observed at a time; latency is how long the poll took, 0 when
// it was none. By names who says so. The snapshot must have an id.
func (s Snapshot) Event(at time.Time, latency time.Duration, by string) *event.Event {
	observed := event.FormatTime(at)
	key := source.Key{Platform: s.Platform, ID: s.ID}
	payload := event.Object{
		"platform": s.Platform, "id": s.ID, "connector": s.Connector, "observedAt": observed,
		"metadata": s.metadata(),
	}
	for name, value := range map[string]string{
		"displayName": s.DisplayName, "status": s.Status, "instanceId": s.Instance,
	} {
		if value != "" {
			payload[name] = value
		}
	}
	if len(s.Counts) > 0 {
		counts := make(event.Object, len(s.Counts))
		for name, count := range s.Counts {
			counts[name] = count
		}
		payload["metrics"] = counts
	}
	if s.Error != nil {
		payload["lastError"] = s.Error.object()
	}
	if latency > 0 {
		payload["latencyMs"] = latency.Milliseconds()
	}
	return &event.Event{
		V:             event.Version,
		Type:          event.TypeSourceStatus,
		CorrelationID: event.NewID(strings.Join([]string{key.String(), event.TypeSourceStatus, "connector " + s.Connector, observed}, "/")),
		Ingress:       event.Ingress{IngressAt: observed, Source: "ingress." + by, Connector: "system"},
		Identity:      event.Identity{External: event.External{ID: s.ID, Platform: s.Platform, DisplayName: s.DisplayName}},
		Egress:        event.Egress{Connector: "system"},
		Payload:       payload,
		Routing:       event.NewRouting(),
	}
}

func (s Snapshot) metadata() event.Object {
	metadata := make(event.Object, len(s.Metadata)+2)
	maps.Copy(metadata, s.Metadata)
	if s.State != "" {
		metadata["connectorState"] = s.State
	}
	if !s.LastMessageAt.IsZero() {
		metadata["lastMessageAt"] = event.FormatTime(s.LastMessageAt)
	}
	return metadata
}

func (e Error) object() any {
	if e.None {
		return nil
	}
	object := make(event.Object, 2)
	if e.Code != "" {
		object["code"] = e.Code
	}
	if e.Message != "" {
		object["message"] = e.Message
	}
	return object
}
