package eventsub

import (
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

const (
	kindRevocation       = "revocation"
	connectorEventSub    = "eventsub"
	authorizationRevoked = "authorization_revoked"
)

// revokedSource is the id of the source that a subscription watched: of its
// broadcaster, else its user; "" when it watched none, as those for a client do.
func revokedSource(condition event.Object) string {
	for _, key := range []string{
		broadcaster.id, raided.id, raider.id, user.id,
	} {
		if id := condition.Text(key); id != "" {
			return id
		}
	}
	return ""
}

// revocation is the status of a source whose subscription Twitch has ended. The
// reasons are an open set (facts/twitch.md section 1.5); all of them end the
// connection, and one of them is about the authorization, too.
func (f fact) revocation(id string, s *twitch.Subscription) (*event.Event, error) {
	reason := s.Status
	if reason == "" {
		reason = "unknown"
	}
	message := "Twitch revoked a subscription"
	if f.kind != "" {
		message = "Twitch revoked the subscription to " + f.kind
	}
	payload := event.Object{
		"connector": connectorEventSub,
		"status":    source.Disconnected,
		"lastError": event.Object{
			"code":    reason,
			"message": message,
			"at":      f.sentAt,
		},
	}
	if reason == authorizationRevoked {
		payload["authStatus"] = source.Revoked
		payload["auth"] = event.Object{"reason": authorizationRevoked}
	}
	metadata := event.Object{"subscriptionId": s.ID, "subscriptionType": s.Type, "condition": converted(s.Condition)}
	f.kind = kindRevocation
	return f.status(person{id: id}, metadata, payload)
}
