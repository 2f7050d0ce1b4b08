package eventsub

import (
	"fmt"
	"math"

	"github.com/sourcestate/sourcestate/shared/event"
)

var (
	byModerator = []string{"moderatorId", "moderatorLogin", "moderatorDisplayName"}

	ban = row{
		kind: "system.twitch.moderation.ban", created: "banned_at", actor: user,
		people: []part{user, broadcaster, moderator}, metadata: []string{"reason", "is_permanent", "ends_at"},
		identity: append([]string{"reason", "isPermanent"}, byModerator...),
		refine:   putBan,
	}

	unban = row{
		kind: "system.twitch.moderation.unban", id: "unban-", actor: user,
		people: []part{user, broadcaster, moderator}, identity: byModerator,
	}

	moderate = row{
		kind: "system.twitch.moderation.action", id: "moderate-", actor: moderator,
		people: []part{broadcaster, moderator}, metadata: []string{"action"},
		identity: []string{"action", "reason"},
		refine:   putTarget,
	}
)

// putBan adds how long a ban lasts, with null for ever, and names it after the
// user and its start.
func putBan(f fact, e *event.Event) {
	metadata, identity := e.ExternalEvent.Metadata, e.Identity.External.Metadata
	// Parsed from what the envelope says, which is the message timestamp where
	// Twitch names no start.
	start, err := event.ParseTime(e.ExternalEvent.CreatedAt)
	if err == nil {
		e.ExternalEvent.ID = fmt.Sprintf("ban-%s-%d", f.data.Text(user.id), start.UnixMilli())
	}
	if at, ok := f.data["banned_at"].(string); ok {
		metadata["startedAt"] = milliseconds(at)
	}
	identity["duration"] = nil
	if end, ok := f.data.Time("ends_at"); ok && err == nil {
		identity["duration"] = int64(math.Round(end.Sub(start).Seconds()))
	}
	if !metadata.Has("endsAt") {
		metadata["endsAt"] = nil
	}
}

// putTarget adds whom a moderator's action concerns. Twitch has the details in
// an object named like the action; those of an unban request in one for both
// answers to it.
func putTarget(f fact, e *event.Event) {
	metadata := e.ExternalEvent.Metadata
	details := f.data.Object(f.data.Text("action"))
	if details == nil {
		details = f.data.Object("unban_request")
	}
	if details == nil {
		details = f.data
	}
	whom := fact{data: details}.who(user)
	user.put(metadata, whom)
	target.put(e.Identity.External.Metadata, whom)

	for name, fields := range map[string][]string{
		"reason":   {"reason"},
		"bannedAt": {"banned_at"},
		"endsAt":   {"expires_at", "ends_at"},
	} {
		for _, field := range fields {
			if value := details[field]; value != nil {
				metadata[name] = convertedValue(name, value)
				break
			}
		}
	}
}
