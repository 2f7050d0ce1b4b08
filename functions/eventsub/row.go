package eventsub

import (
	"github.com/sourcestate/sourcestate/shared/event"
)

// A row is one line of the table in facts/bus.md section 8: what a Twitch type
// becomes on the bus.
type row struct {
	kind     string   // the internal type
	id       string   // externalEvent.id: what stands before the correlationId; "": the event's own id
	created  string   // the field that createdAt comes from; "": the message timestamp
	actor    part     // whose id identity.external has
	people   []part   // who is in the metadata
	metadata []string // further fields of Twitch in the metadata
	identity []string // names in the metadata that identity.external.metadata repeats

	lists     map[string][]string // which fields the entries of a list keep
	ownID     string              // the name of the event's id in identity.external.metadata
	anonymous bool                // the actor may be nobody
	refine    func(fact, *event.Event)
}

// rows are the 22 types that the platform's other services know.
var rows = map[string]row{
	"stream.online":  streamOnline,
	"stream.offline": streamOffline,
	"channel.update": channelUpdate,

	"channel.follow":               follow,
	"channel.raid":                 raid,
	"channel.subscribe":            subscribe,
	"channel.subscription.message": subscriptionMessage,
	"channel.subscription.gift":    subscriptionGift,
	"channel.cheer":                cheer,
	"channel.chat.message":         chatMessage,
	"channel.chat.message_delete":  chatMessageDelete,
	"channel.hype_train.begin":     hypeTrainBegin,
	"channel.hype_train.progress":  hypeTrainProgress,
	"channel.hype_train.end":       hypeTrainEnd,
	"channel.poll.begin":           pollBegin,
	"channel.poll.end":             pollEnd,
	"channel.prediction.begin":     predictionBegin,
	"channel.prediction.end":       predictionEnd,
	"channel.ban":                  ban,
	"channel.unban":                unban,
	"channel.moderate":             moderate,
	"channel.channel_points_custom_reward_redemption.add": redemption,
}

// event is the fact as the row says. The error is a rejection: the event does
// not say who acted.
func (r row) event(f fact) (*event.Event, error) {
	actor := f.who(r.actor)
	if r.anonymous && f.isAnonymous() {
		actor = person{id: "anonymous", name: "Anonymous"}
	}
	if !usableID(actor.id) {
		return nil, reject(reasonNoIdentity, "no usable %s in the event", r.actor.id)
	}
	e := f.envelope(r.kind, actor, r.selected(f))
	if r.created != "" {
		e.ExternalEvent.CreatedAt = f.instant(r.created)
	}
	switch own := f.data.Text("id"); {
	case r.id != "":
		e.ExternalEvent.ID = r.id + f.correlationID
	case own != "":
		e.ExternalEvent.ID = own
	}
	if r.refine != nil {
		r.refine(f, e)
	}
	r.identify(f, e)
	return e, nil
}

// selected are the fields that the row takes over into the metadata. Null and
// absent ones have no key there.
func (r row) selected(f fact) event.Object {
	metadata := make(event.Object, 3*len(r.people)+len(r.metadata)+2)
	for _, p := range r.people {
		p.put(metadata, f.who(p))
	}
	for _, field := range r.metadata {
		value := f.data[field]
		if value == nil {
			continue
		}
		if kept, ok := r.lists[field]; ok {
			value = trimmed(value, kept)
		}
		name := busName(field)
		metadata[name] = convertedValue(name, value)
	}
	return metadata
}

// identify adds to identity.external.metadata the broadcaster, where the actor
// is somebody else, and what the row repeats there.
func (r row) identify(f fact, e *event.Event) {
	identity := e.Identity.External.Metadata
	if r.actor != broadcaster && r.actor != raider {
		broadcaster.put(identity, f.who(broadcaster))
	}
	for _, name := range r.identity {
		if value, ok := e.ExternalEvent.Metadata[name]; ok {
			identity[name] = value
		}
	}
	if id := f.data.Text("id"); r.ownID != "" && id != "" {
		identity[r.ownID] = id
	}
}

// put writes what is known of who plays the part.
func (p part) put(to event.Object, who person) {
	if who.id != "" {
		to[p.busID] = who.id
	}
	if who.login != "" {
		to[p.busLogin] = who.login
	}
	if who.name != "" {
		to[p.busName] = who.name
	}
}

// trimmed is a list whose objects keep only the named fields.
func trimmed(value any, keep []string) any {
	list, ok := value.([]any)
	if !ok {
		return value
	}
	short := make([]any, len(list))
	for i, entry := range list {
		from, ok := entry.(map[string]any)
		if !ok {
			short[i] = entry
			continue
		}
		to := make(map[string]any, len(keep))
		for _, field := range keep {
			if v, ok := from[field]; ok {
				to[field] = v
			}
		}
		short[i] = to
	}
	return short
}
