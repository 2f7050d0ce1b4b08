package eventsub

import (
	"github.com/sourcestate/sourcestate/shared/event"
)

var (
	// chatMessage alone is no system event.
	chatMessage = row{
		kind: "chat.message.v1", actor: chatter,
		people:   []part{broadcaster, chatter},
		metadata: []string{"message_type", "color", "badges", "cheer", "reply"},
		identity: []string{"color", "badges"},
		refine: func(f fact, e *event.Event) {
			id := f.data.Text("message_id")
			if id == "" {
				id = e.ExternalEvent.ID
			}
			e.ExternalEvent.ID = id
			e.Message = userMessage(id, f.data.Object("message").Text("text"))
		},
	}

	chatMessageDelete = row{
		kind: "system.twitch.chat.message_delete", actor: target,
		people: []part{broadcaster, target}, metadata: []string{"message_id"},
		refine: func(f fact, e *event.Event) {
			if id := f.data.Text("message_id"); id != "" {
				e.ExternalEvent.ID = "message-delete-" + id
				e.Identity.External.Metadata["deletedMessageId"] = id
			}
		},
	}
)

// userMessage is what somebody wrote. Readers expect its text to be there, also
// when it is empty.
func userMessage(id, text string) *event.Message {
	m := &event.Message{ID: id, Role: "user", Text: text}
	if text == "" {
		m.Extra = event.Object{"text": ""}
	}
	return m
}
