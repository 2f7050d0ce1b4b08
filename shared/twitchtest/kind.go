package twitchtest

// A kind is a subscription type.
type kind struct {
	version string
	about   string   // the one key of its condition
	scopes  []string // any of them, granted by the user of the condition; nil: none is needed
}

// kinds are the types that can be subscribed to, which are those that the world
// has events of.
var kinds = map[string]kind{
	"stream.online":             {"1", "broadcaster_user_id", nil},
	"stream.offline":            {"1", "broadcaster_user_id", nil},
	"channel.update":            {"2", "broadcaster_user_id", nil},
	"channel.moderator.add":     {"1", "broadcaster_user_id", moderatorScopes},
	"channel.moderator.remove":  {"1", "broadcaster_user_id", moderatorScopes},
	"channel.vip.add":           {"1", "broadcaster_user_id", vipScopes},
	"channel.vip.remove":        {"1", "broadcaster_user_id", vipScopes},
	"user.update":               {"1", "user_id", nil},
	"user.authorization.grant":  {"1", "client_id", nil},
	"user.authorization.revoke": {"1", "client_id", nil},
}

// emit queues a notification for every enabled subscription of the type that is
// about the user, or about the client where it is nil.
func (w *World) emit(name string, about *User, data map[string]any) {
	id := ClientID
	if about != nil {
		id = about.id
	}
	if lost := (loss{name, id}); w.outbox.losses[lost] > 0 {
		w.outbox.losses[lost]--
		return
	}
	for _, s := range w.subscriptions.byCondition[conditionKey(name, map[string]string{kinds[name].about: id})] {
		if s.status == StatusEnabled {
			w.queue(s, messageBody{Subscription: s.body(), Event: data})
		}
	}
}

// A loss is a notification that Twitch will not send.
type loss struct{ kind, about string }

// Drop loses the next n notifications of a type about a user, as Twitch loses
// some. For a type about the client the user is ClientID.
func (w *World) Drop(kind, userID string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outbox.losses[loss{kind, userID}] += n
}
