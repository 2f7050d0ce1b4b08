package eventsub

import (
	"github.com/sourcestate/sourcestate/shared/event"
)

// What a channel runs with its viewers: hype trains, polls, predictions. Each
// has an id of its own, which identity.external repeats.
var (
	contribution = []string{"user_id", "user_login", "user_name", "type", "total"}

	hypeTrainBegin = row{
		kind: "system.twitch.hype_train.begin", created: "started_at", actor: broadcaster,
		people: []part{broadcaster},
		metadata: []string{
			"level", "total", "progress", "goal", "started_at", "expires_at", "top_contributions",
		},
		lists:    map[string][]string{"top_contributions": contribution},
		identity: []string{"level", "total", "progress", "goal"}, ownID: "hypeTrainId",
	}

	hypeTrainProgress = row{
		kind: "system.twitch.hype_train.progress", actor: broadcaster,
		people: hypeTrainBegin.people, metadata: hypeTrainBegin.metadata, lists: hypeTrainBegin.lists,
		identity: hypeTrainBegin.identity, ownID: hypeTrainBegin.ownID,
	}

	hypeTrainEnd = row{
		kind: "system.twitch.hype_train.end", created: "ended_at", actor: broadcaster,
		people: []part{broadcaster},
		metadata: []string{
			"level", "total", "started_at", "ended_at", "cooldown_ends_at", "top_contributions",
		},
		lists:    map[string][]string{"top_contributions": contribution},
		identity: []string{"level", "total"}, ownID: "hypeTrainId",
	}

	pollBegin = row{
		kind: "system.twitch.poll.begin", created: "started_at", actor: broadcaster,
		people: []part{broadcaster}, metadata: []string{"title", "choices", "started_at", "ends_at"},
		lists:    map[string][]string{"choices": {"id", "title"}},
		identity: []string{"title"}, ownID: "pollId",
		refine: putVoting,
	}

	pollEnd = row{
		kind: "system.twitch.poll.end", created: "ended_at", actor: broadcaster,
		people: []part{broadcaster}, metadata: []string{"title", "choices", "status", "started_at", "ended_at"},
		lists:    map[string][]string{"choices": {"id", "title", "bits_votes", "channel_points_votes", "votes"}},
		identity: []string{"title", "status"}, ownID: "pollId",
		refine: putVoting,
	}

	predictionBegin = row{
		kind: "system.twitch.prediction.begin", created: "started_at", actor: broadcaster,
		people: []part{broadcaster}, metadata: []string{"title", "outcomes", "started_at", "locks_at"},
		lists:    map[string][]string{"outcomes": {"id", "title", "color"}},
		identity: []string{"title"}, ownID: "predictionId",
	}

	predictionEnd = row{
		kind: "system.twitch.prediction.end", created: "ended_at", actor: broadcaster,
		people:   []part{broadcaster},
		metadata: []string{"title", "outcomes", "winning_outcome_id", "status", "started_at", "ended_at"},
		lists: map[string][]string{
			"outcomes": {"id", "title", "color", "users", "channel_points", "top_predictors"},
		},
		identity: []string{"title", "status", "winningOutcomeId"}, ownID: "predictionId",
	}
)

// putVoting flattens how a poll may be voted on for bits and channel points.
func putVoting(f fact, e *event.Event) {
	for field, names := range map[string]struct{ enabled, price string }{
		"bits_voting":           {"bitsVotingEnabled", "bitsPerVote"},
		"channel_points_voting": {"channelPointsVotingEnabled", "channelPointsPerVote"},
	} {
		voting := f.data.Object(field)
		if enabled, ok := voting.Bool("is_enabled"); ok {
			e.ExternalEvent.Metadata[names.enabled] = enabled
		}
		if price := voting["amount_per_vote"]; price != nil {
			e.ExternalEvent.Metadata[names.price] = price
		}
	}
}
