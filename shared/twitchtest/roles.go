package twitchtest

import (
	"net/http"
	"slices"
)

type memberBody struct {
	UserID    string `json:"user_id"`
	UserLogin string `json:"user_login"`
	UserName  string `json:"user_name"`
}

type moderatedBody struct {
	BroadcasterID    string `json:"broadcaster_id"`
	BroadcasterLogin string `json:"broadcaster_login"`
	BroadcasterName  string `json:"broadcaster_name"`
}

// Any one of these scopes will do.
var (
	moderatorScopes = []string{"moderation:read", "channel:manage:moderators"}
	vipScopes       = []string{"channel:read:vips", "channel:manage:vips"}
	moderatedScopes = []string{"user:read:moderated_channels"}
)

// moderators is Get Moderators.
func (w *World) moderators(c *call) answer {
	if refusal := owner(c, "broadcaster_id", moderatorScopes); refusal != nil {
		return *refusal
	}
	return members(c, c.token.user.moderators)
}

// vips is Get VIPs.
func (w *World) vips(c *call) answer {
	if refusal := owner(c, "broadcaster_id", vipScopes); refusal != nil {
		return *refusal
	}
	return members(c, c.token.user.vips)
}

// moderatedChannels is Get Moderated Channels.
func (w *World) moderatedChannels(c *call) answer {
	if refusal := owner(c, "user_id", moderatedScopes); refusal != nil {
		return *refusal
	}
	page, refusal := paged(c, c.token.user.moderates.order, func(u *User) moderatedBody {
		return moderatedBody{u.id, u.login, u.name}
	})
	if refusal != nil {
		return *refusal
	}
	return ok(page)
}

// owner refuses a request that is not about the user whose token it has, or
// whose token lacks the scope.
func owner(c *call, parameter string, scopes []string) *answer {
	var refusal answer
	switch id := c.query.Get(parameter); {
	case id == "":
		refusal = badRequest(`Missing required parameter "` + parameter + `"`)
	case id != c.token.user.id:
		refusal = fail(http.StatusUnauthorized, "The ID in "+parameter+" must match the user ID found in the request's OAuth token.")
	case !c.token.may(scopes...):
		refusal = fail(http.StatusUnauthorized, "Missing scope: "+scopes[0])
	default:
		return nil
	}
	return &refusal
}

// members is a page of a roster, of those asked for where some are.
func members(c *call, r roster) answer {
	ids := c.query["user_id"]
	if len(ids) > maxPage {
		return badRequest("The number of user_id parameters must not exceed 100")
	}
	among := r.order
	if len(ids) > 0 {
		among = nil
		for _, u := range r.order {
			if slices.Contains(ids, u.id) {
				among = append(among, u)
			}
		}
	}
	page, refusal := paged(c, among, func(u *User) memberBody { return memberBody{u.id, u.login, u.name} })
	if refusal != nil {
		return *refusal
	}
	return ok(page)
}
