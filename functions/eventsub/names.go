package eventsub

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/sourcestate/sourcestate/shared/event"
)

// A part is what one of the people of an event plays in it, by the names of the
// fields that say who it is: Twitch's and the bus's.
type part struct {
	id, login, name          string // e.g. user_id, user_login, user_name
	busID, busLogin, busName string // e.g. userId, userLogin, userDisplayName
}

func newPart(twitch, bus string) part {
	return part{
		id: twitch + "_id", login: twitch + "_login", name: twitch + "_name",
		busID: bus + "Id", busLogin: bus + "Login", busName: bus + "DisplayName",
	}
}

// The parts that the bus has names for (facts/bus.md section 8), and one that is
// only ever written.
var (
	user        = newPart("user", "user")
	broadcaster = newPart("broadcaster_user", "broadcaster")
	moderator   = newPart("moderator_user", "moderator")
	chatter     = newPart("chatter_user", "chatter")
	target      = newPart("target_user", "targetUser")
	raider      = newPart("from_broadcaster_user", "raidingBroadcaster")
	raided      = newPart("to_broadcaster_user", "raidedBroadcaster")

	targetBroadcaster = newPart("", "targetBroadcaster")
)

// personNames are the bus's names for the fields of Twitch that say who it is.
var personNames = namesOf(user, broadcaster, moderator, chatter, target, raider, raided)

func namesOf(parts ...part) map[string]string {
	names := make(map[string]string, 3*len(parts))
	for _, p := range parts {
		names[p.id], names[p.login], names[p.name] = p.busID, p.busLogin, p.busName
	}
	return names
}

// busName is the bus's name for a field of Twitch: that of the people by the
// table, all others turned from snake case into camel case.
func busName(field string) string {
	if name, ok := personNames[field]; ok {
		return name
	}
	return camelCase(field)
}

// camelCase drops the underscores between letters and raises what follows.
func camelCase(field string) string {
	if strings.IndexByte(field, '_') < 0 {
		return field
	}
	name := make([]byte, 0, len(field))
	raise := false
	for i := range len(field) {
		c := field[i]
		if c == '_' && len(name) > 0 && i+1 < len(field) {
			raise = true
			continue
		}
		if raise && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		name, raise = append(name, c), false
	}
	return string(name)
}

// converted is an object of Twitch in the names and forms of the bus. Where two
// fields get one name, the one in snake case stays, because underscores sort
// behind capitals.
func converted(from event.Object) event.Object {
	to := make(event.Object, len(from)+1) // one more: observedAt
	for _, field := range slices.Sorted(maps.Keys(from)) {
		name := busName(field)
		to[name] = convertedValue(name, from[field])
	}
	return to
}

// convertedValue is the value of a field in the form of the bus: timestamps with
// milliseconds, ids and names as strings.
func convertedValue(name string, value any) any {
	switch v := value.(type) {
	case string:
		if strings.HasSuffix(name, "At") {
			return milliseconds(v)
		}
	case json.Number:
		if isText(name) {
			return v.String()
		}
	case map[string]any:
		return converted(v)
	case []any:
		list := make([]any, len(v))
		for i, entry := range v {
			list[i] = convertedValue(name, entry)
		}
		return list
	}
	return value
}

// isText reports whether a field is a string by its name, even when it comes as
// a number.
func isText(name string) bool {
	return name == "id" || strings.HasSuffix(name, "Id") ||
		strings.HasSuffix(name, "Login") || strings.HasSuffix(name, "DisplayName")
}

// milliseconds is a timestamp as the bus writes it. One that cannot be read stays
// as it was sent: readers are lenient, and nothing is made up.
func milliseconds(text string) string {
	if formatted, ok := formatted(text); ok {
		return formatted
	}
	return text
}

// formatted is a timestamp as the bus writes it; ok is false when it cannot be
// read.
func formatted(text string) (string, bool) {
	t, err := event.ParseTime(text)
	if err != nil {
		return "", false
	}
	return event.FormatTime(t), true
}
