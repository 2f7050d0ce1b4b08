package eventsub

import (
	"github.com/sourcestate/sourcestate/shared/event"
)

// streamOnline and streamOffline put the stream id into metadata.streamId and
// never into metadata.id: consumers of the platform take that for the id of the
// source (facts/bus.md sections 1 and 4.1).
var (
	streamOnline = row{
		kind: event.TypeStreamOnline, created: "started_at", actor: broadcaster,
		people: []part{broadcaster}, metadata: []string{"type", "title"},
		refine: func(f fact, e *event.Event) {
			id := f.data.Text("id")
			// Without an id the stream is keyed by its start, and any
			// externalEvent.id would be read as the stream's.
			e.ExternalEvent.ID = id
			putStreamID(e, id)
			// The message's time where the start is missing or unreadable.
			e.ExternalEvent.Metadata["startedAt"] = e.ExternalEvent.CreatedAt
		},
	}

	streamOffline = row{
		kind: event.TypeStreamOffline, id: "offline-", actor: broadcaster,
		people: []part{broadcaster},
		refine: func(f fact, e *event.Event) { putStreamID(e, f.data.Text("id")) },
	}

	channelUpdate = row{
		kind: event.TypeTwitchUpdate, id: "eventsub-", actor: broadcaster,
		people:   []part{broadcaster},
		metadata: []string{"title", "language", "category_id", "category_name", "is_mature"},
		refine: func(f fact, e *event.Event) {
			// Version 2 has labels in place of the is_mature of version 1.
			if labels, ok := f.data["content_classification_labels"].([]any); ok {
				e.ExternalEvent.Metadata["isMature"] = len(labels) > 0
			}
		},
	}
)

func putStreamID(e *event.Event, id string) {
	if id != "" {
		e.ExternalEvent.Metadata["streamId"] = id
	}
}

// streamObservedAt is the event time of a stream.online that was sent again: its
// start, lest a late resend reopen an ended stream (design section 5, rule 1).
func streamObservedAt(kind string, data event.Object, resent bool) (string, bool) {
	if !resent || kind != "stream.online" {
		return "", false
	}
	return formatted(data.Text("started_at"))
}
