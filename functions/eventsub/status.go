package eventsub

import (
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

const (
	authorizationGrant  = "user.authorization.grant"
	authorizationRevoke = "user.authorization.revoke"
)

// status is a system.source.status about a source. The payload says what is
// known of it; platform, id and the event time are added.
func (f fact) status(about person, metadata, payload event.Object) (*event.Event, error) {
	if !usableID(about.id) {
		return nil, reject(reasonNoIdentity, "no usable id of the source that %s is about", f.kind)
	}
	payload["platform"] = platform
	payload["id"] = about.id
	payload["observedAt"] = f.observedAt
	e := f.envelope(event.TypeSourceStatus, about, metadata)
	e.Payload = payload
	return e, nil
}

// authorization is the status of the user who gave or took back a grant. The
// externalEvent.kind tells Persistence that it may change only a document that
// exists: anyone may authorise an app (design section 8).
func (f fact) authorization() (*event.Event, error) {
	authStatus := source.Valid
	if f.kind == authorizationRevoke {
		authStatus = source.Revoked
	}
	who := f.who(user)
	payload := event.Object{"authStatus": authStatus, "auth": event.Object{"reason": f.kind}}
	if who.name != "" {
		payload["displayName"] = who.name
	}
	return f.status(who, converted(f.data), payload)
}

// role is the role that the type of a role event is about, and whether the user
// has it now.
func role(kind string) (name string, granted, ok bool) {
	switch kind {
	case "channel.moderator.add":
		return source.Moderator, true, true
	case "channel.moderator.remove":
		return source.Moderator, false, true
	case "channel.vip.add":
		return source.VIP, true, true
	case "channel.vip.remove":
		return source.VIP, false, true
	}
	return "", false, false
}

// roleChange is the status of the channel in which the bot won or lost a role.
func (f fact) roleChange(role string, granted bool) (*event.Event, error) {
	return f.status(f.who(broadcaster), converted(f.data), event.Object{"roles": event.Object{role: granted}})
}

// isAuthorization reports whether a type is about the grant of a user.
func isAuthorization(kind string) bool {
	return kind == authorizationGrant || kind == authorizationRevoke
}
