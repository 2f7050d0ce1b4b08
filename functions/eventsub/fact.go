package eventsub

import (
	"github.com/sourcestate/sourcestate/shared/event"
)

const (
	platform      = "twitch"
	ingressSource = "ingress.twitch.eventsub"
	eventSource   = "twitch.eventsub"
)

// A fact is what Twitch tells in one notification, in one entry of a batch, or
// in a revocation.
type fact struct {
	kind          string // the subscription type, or "revocation"
	version       string // as Twitch sent it
	correlationID string
	sentAt        string // the message timestamp: "now" in the table of facts/bus.md
	observedAt    string // the event time: nearly always sentAt
	ingressAt     string
	condition     event.Object
	data          event.Object // the event as sent; nil in a revocation
}

// event is what the fact becomes on the bus, exactly one event. The error is a
// rejection.
func (f fact) event(botUserID string) (*event.Event, error) {
	if f.data == nil {
		return nil, reject(reasonIncomplete, "an entry of the batch without data")
	}
	if row, ok := rows[f.kind]; ok {
		return row.event(f)
	}
	if isAuthorization(f.kind) {
		return f.authorization()
	}
	if role, granted, ok := role(f.kind); ok && botUserID != "" && f.data.Text(user.id) == botUserID {
		return f.roleChange(role, granted)
	}
	kind, err := genericKind(f.kind)
	if err != nil {
		return nil, err
	}
	return f.generic(kind), nil
}

// A person is one of the people of an event.
type person struct {
	id, login, name string
}

// who plays the part in the event.
func (f fact) who(p part) person {
	return person{id: f.data.Text(p.id), login: f.data.Text(p.login), name: f.data.Text(p.name)}
}

// external is the person as the identity of an event.
func (p person) external() event.External {
	metadata := make(event.Object, 8)
	if p.login != "" {
		metadata["login"] = p.login
	}
	return event.External{ID: p.id, Platform: platform, DisplayName: p.name, Metadata: metadata}
}

// envelope is the event that a fact becomes, as far as all have it in common.
// The channel is that of the broadcaster, where the event names one.
func (f fact) envelope(kind string, actor person, metadata event.Object) *event.Event {
	channel := ""
	if login := f.data.Text(broadcaster.login); login != "" {
		channel = "#" + login
	}
	metadata["observedAt"] = f.observedAt
	return &event.Event{
		V:             event.Version,
		Type:          kind,
		CorrelationID: f.correlationID,
		Ingress: event.Ingress{
			IngressAt: f.ingressAt, Source: ingressSource, Connector: platform, Channel: channel,
		},
		Identity: event.Identity{External: actor.external()},
		Egress:   event.Egress{Connector: platform, Channel: channel},
		ExternalEvent: &event.ExternalEvent{
			ID: "eventsub-" + f.correlationID, Source: eventSource, Kind: f.kind, Version: f.version,
			CreatedAt: f.sentAt, Metadata: metadata, RawPayload: f.data,
		},
		Routing: event.NewRouting(),
	}
}

// instant is the time in a field as the bus writes it, else the message
// timestamp.
func (f fact) instant(field string) string {
	if at, ok := formatted(f.data.Text(field)); ok {
		return at
	}
	return f.sentAt
}

// usableID reports whether an id can identify anybody (design section 5, rule 4).
func usableID(id string) bool {
	const maxLength = 512
	if id == "" || len(id) > maxLength {
		return false
	}
	for _, r := range id {
		if r < ' ' || 0x7f <= r && r < 0xa0 {
			return false
		}
	}
	return true
}
