package twitchtest

import (
	"maps"
	"slices"
)

// maxAuthorizations is how many users Get Authorization By User takes.
const maxAuthorizations = 10

type userBody struct {
	ID              string `json:"id"`
	Login           string `json:"login"`
	DisplayName     string `json:"display_name"`
	Type            string `json:"type"`
	BroadcasterType string `json:"broadcaster_type"`
	Description     string `json:"description"`
	ProfileImageURL string `json:"profile_image_url"`
	OfflineImageURL string `json:"offline_image_url"`
	ViewCount       int    `json:"view_count"`
	CreatedAt       string `json:"created_at"`
}

// users is Get Users: those that exist of up to 100 ids and logins together, or
// the one whose token it is.
func (w *World) users(c *call) answer {
	ids, logins := c.query["id"], c.query["login"]
	if len(ids)+len(logins) > maxPage {
		return badRequest("The number of id and login parameters together must not exceed 100")
	}
	found := w.find(ids, logins)
	if len(ids)+len(logins) == 0 {
		if c.token.user == nil {
			return badRequest(`The parameter "id" or "login" is required`)
		}
		found = []*User{c.token.user}
	}
	body := list[userBody]{Data: []userBody{}}
	for _, u := range found {
		body.Data = append(body.Data, userBody{ID: u.id, Login: u.login, DisplayName: u.name, CreatedAt: timestamp(u.createdAt)})
	}
	return ok(body)
}

type channelBody struct {
	BroadcasterID               string   `json:"broadcaster_id"`
	BroadcasterLogin            string   `json:"broadcaster_login"`
	BroadcasterName             string   `json:"broadcaster_name"`
	BroadcasterLanguage         string   `json:"broadcaster_language"`
	GameID                      string   `json:"game_id"`
	GameName                    string   `json:"game_name"`
	Title                       string   `json:"title"`
	Delay                       int      `json:"delay"`
	Tags                        []string `json:"tags"`
	ContentClassificationLabels []string `json:"content_classification_labels"`
	IsBrandedContent            bool     `json:"is_branded_content"`
}

// channels is Get Channel Information.
func (w *World) channels(c *call) answer {
	ids := c.query["broadcaster_id"]
	if len(ids) == 0 || len(ids) > maxPage {
		return badRequest(`The parameter "broadcaster_id" is required, up to 100 times`)
	}
	body := list[channelBody]{Data: []channelBody{}}
	for _, u := range w.find(ids, nil) {
		body.Data = append(body.Data, channelBody{
			BroadcasterID: u.id, BroadcasterLogin: u.login, BroadcasterName: u.name, BroadcasterLanguage: u.channel.language,
			GameID: u.channel.category.ID, GameName: u.channel.category.Name, Title: u.channel.title,
			Tags: []string{}, ContentClassificationLabels: []string{},
		})
	}
	return ok(body)
}

type authorizationBody struct {
	UserID    string   `json:"user_id"`
	UserLogin string   `json:"user_login"`
	UserName  string   `json:"user_name"`
	Scopes    []string `json:"scopes"`
}

// authorizations is Get Authorization By User: what was granted by whom, without
// those who granted nothing.
func (w *World) authorizations(c *call) answer {
	ids := c.query["user_id"]
	if len(ids) == 0 || len(ids) > maxAuthorizations {
		return badRequest(`The parameter "user_id" is required, up to 10 times`)
	}
	body := list[authorizationBody]{Data: []authorizationBody{}}
	for _, u := range w.find(ids, nil) {
		if u.scopes == nil {
			continue
		}
		scopes := slices.AppendSeq([]string{}, maps.Keys(u.scopes))
		slices.Sort(scopes)
		body.Data = append(body.Data, authorizationBody{u.id, u.login, u.name, scopes})
	}
	return ok(body)
}
