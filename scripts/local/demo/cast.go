package demo

import (
	"time"

	"github.com/sourcestate/sourcestate/shared/connectortest"
	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

const (
	botID    = "40000000"
	botLogin = "deckhand"

	// tokenLife is how long the token lasts that expires while one watches.
	tokenLife = 4 * time.Minute
)

// A member of the cast is a channel: its names and what it may be about.
type member struct {
	id, login, name string
	viewers         int // about how many
	moderated       bool
	vip             bool
	titles          []string
}

var cast = []member{
	{"40000001", "lanternfish", "Lanternfish", 1240, true, false, []string{
		"Deep sea, no torch", "Speedrun practice", "One more dive", "Chat picks the depth",
	}},
	{"40000002", "mossandstone", "MossAndStone", 86, true, true, []string{
		"Building a garden wall", "Slow morning, loud kettle", "Stone by stone", "Questions and answers",
	}},
	{"40000003", "night_train", "Night_Train", 312, false, true, []string{
		"Last departure", "Signals and points", "Rain on the window", "Timetable of dreams",
	}},
	{"40000004", "paperkites", "PaperKites", 17, true, false, []string{
		"Folding along", "Wind from the west", "Ask me about glue", "Kite number forty",
	}},
	{"40000005", "quietharbour", "QuietHarbour", 4, false, false, []string{
		"Boats and tea", "Knots for beginners", "Harbour sounds", "Low tide",
	}},
}

var categories = []twitchtest.Category{
	{ID: "509658", Name: "Just Chatting"}, {ID: "509670", Name: "Science & Technology"},
	{ID: "26936", Name: "Music"}, {ID: "509673", Name: "Makers & Crafting"},
}

// populate puts everybody into the world: five channels that are watched, the bot,
// and its connections to five platforms.
func (w *World) populate() {
	bot := w.twitch.AddUser(botID, botLogin, "Deckhand")
	for _, m := range cast {
		user := w.twitch.AddUser(m.id, m.login, m.name)
		user.SetModerator(bot, m.moderated)
		user.SetVIP(bot, m.vip)
		user.Grant()
	}
	w.give(bot, 50*24*time.Hour, "user:read:moderated_channels", "chat:read", "chat:edit")
	w.give(w.twitch.User(cast[1].id), 30*24*time.Hour, "moderation:read", "channel:read:vips")
	w.give(w.twitch.User(cast[2].id), tokenLife, "channel:read:vips")

	joined := make([]string, 0, len(cast))
	for _, m := range cast {
		joined = append(joined, "#"+m.login)
	}
	counters := func() map[string]int { return map[string]int{"received": 0, "published": 0, "failed": 0} }
	for name, snapshot := range map[string]connectortest.Snapshot{
		"twitch":              {"id": botID, "displayName": "Deckhand", "joinedChannels": joined},
		"discord":             {"guildId": "900", "channelIds": []string{"901"}},
		"discord-broadcaster": {},
		"slack":               {"id": "slack-socket-mode", "displayName": "Slack Socket Mode"},
		"twilio":              {"id": "+15550100", "displayName": "+1 555 0100", "identity": "+15550100"},
	} {
		snapshot["state"], snapshot["started"], snapshot["counters"] = "CONNECTED", true, counters()
		w.chat.Set(name, snapshot)
	}
	w.kick.Shape(connectortest.Bare)
	w.kick.Set("kick", connectortest.Snapshot{
		"state": "CONNECTED", "started": true, "id": "777001", "displayName": "KickCrew", "counters": counters(),
	})
}

// give issues a token that the suite is to know of.
func (w *World) give(user *twitchtest.User, life time.Duration, scopes ...string) {
	w.tokens = append(w.tokens, userToken{UserID: user.ID(), AccessToken: user.Token(life, scopes...)})
}
