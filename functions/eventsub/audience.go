package eventsub

import (
	"github.com/sourcestate/sourcestate/shared/event"
)

// What viewers do for a channel: follow, raid, subscribe, cheer, redeem.
var (
	follow = row{
		kind: "system.twitch.follow", id: "eventsub-", created: "followed_at", actor: user,
		people: []part{user, broadcaster},
	}

	// raid goes to the channel of the raider although the subscription is for
	// the raided: readers know it so (facts/bus.md section 8).
	raid = row{
		kind: "system.twitch.raid", id: "raid-", actor: raider,
		people: []part{raider, raided}, metadata: []string{"viewers"}, identity: []string{"viewers"},
		refine: func(f fact, e *event.Event) {
			if login := f.who(raider).login; login != "" {
				e.Ingress.Channel, e.Egress.Channel = "#"+login, "#"+login
			}
			targetBroadcaster.put(e.Identity.External.Metadata, f.who(raided))
		},
	}

	subscribe = row{
		kind: "system.twitch.subscribe", id: "subscribe-", actor: user,
		people: []part{user, broadcaster}, metadata: []string{"tier", "is_gift"},
		identity: []string{"tier", "isGift"},
	}

	subscriptionMessage = row{
		kind: "system.twitch.subscription.message", id: "subscription-message-", actor: user,
		people:   []part{user, broadcaster},
		metadata: []string{"tier", "cumulative_months", "streak_months", "duration_months"},
		identity: []string{"tier", "cumulativeMonths", "streakMonths", "durationMonths"},
		refine: func(f fact, e *event.Event) {
			if text := f.data.Object("message").Text("text"); text != "" {
				e.ExternalEvent.Metadata["messageText"] = text
				e.Message = userMessage(f.correlationID, text)
			}
		},
	}

	subscriptionGift = row{
		kind: "system.twitch.subscription.gift", id: "subscription-gift-", actor: user, anonymous: true,
		people:   []part{user, broadcaster},
		metadata: []string{"tier", "total", "cumulative_total"},
		identity: []string{"tier", "total", "cumulativeTotal", "isAnonymous"},
		refine:   putAnonymous,
	}

	cheer = row{
		kind: "system.twitch.cheer", id: "cheer-", actor: user, anonymous: true,
		people: []part{user, broadcaster}, metadata: []string{"bits"},
		identity: []string{"bits", "isAnonymous"},
		refine: func(f fact, e *event.Event) {
			putAnonymous(f, e)
			e.Message = userMessage(f.correlationID, f.data.Text("message"))
		},
	}

	redemption = row{
		kind: "system.twitch.channel_points.redemption", created: "redeemed_at", actor: user,
		people: []part{user, broadcaster}, metadata: []string{"user_input", "status"},
		identity: []string{
			"userId", "userLogin", "userDisplayName", "userInput", "status",
			"rewardId", "rewardTitle", "rewardCost", "rewardPrompt",
		},
		refine: func(f fact, e *event.Event) {
			reward := f.data.Object("reward")
			for field, name := range map[string]string{
				"id": "rewardId", "title": "rewardTitle", "cost": "rewardCost", "prompt": "rewardPrompt",
			} {
				if value := reward[field]; value != nil {
					e.ExternalEvent.Metadata[name] = convertedValue(name, value)
				}
			}
		},
	}
)

// isAnonymous reports whether nobody may know who acted.
func (f fact) isAnonymous() bool {
	anonymous, stated := f.data.Bool("is_anonymous")
	return anonymous || !stated && f.data.Text(user.id) == ""
}

func putAnonymous(f fact, e *event.Event) {
	e.ExternalEvent.Metadata["isAnonymous"] = f.isAnonymous()
}
