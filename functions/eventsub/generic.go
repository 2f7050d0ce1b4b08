package eventsub

import (
	"strings"

	"github.com/sourcestate/sourcestate/shared/event"
)

// genericKind is the internal type of a Twitch type without a row (design
// section 6). The error is a rejection of what is no type: the name becomes an
// attribute of the bus, on which filters and routing rest.
func genericKind(twitch string) (string, error) {
	const maxLength = 100
	name := strings.TrimPrefix(twitch, "channel.")
	plain := name != "" && len(twitch) <= maxLength &&
		!strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".") && !strings.Contains(name, "..")
	for i := range len(name) {
		c := name[i]
		plain = plain && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			c == '.' || c == '_' || c == '-')
	}
	if !plain {
		return "", reject(reasonNoType, "unusable subscription type %.40q", twitch)
	}
	return "system." + platform + "." + name, nil
}

// generic is the event for a type without a row: all its fields go into the
// metadata under the bus's names.
func (f fact) generic(kind string) *event.Event {
	actor := f.genericActor()
	e := f.envelope(kind, actor, converted(f.data))
	if who := f.who(broadcaster); who != actor {
		broadcaster.put(e.Identity.External.Metadata, who)
	}
	return e
}

// genericActor is whom an event of unknown shape is about: the broadcaster, the
// user, whoever the condition names, the client, else nobody known.
func (f fact) genericActor() person {
	for _, p := range []part{broadcaster, user} {
		if actor := f.who(p); usableID(actor.id) {
			return actor
		}
	}
	for _, id := range []string{
		f.condition.Text(broadcaster.id), f.condition.Text(user.id),
		f.data.Text("client_id"), f.condition.Text("client_id"),
	} {
		if usableID(id) {
			return person{id: id}
		}
	}
	return person{id: "unknown"}
}
