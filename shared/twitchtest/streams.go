package twitchtest

import (
	"cmp"
	"slices"
	"strings"
)

type streamBody struct {
	ID           string   `json:"id"`
	UserID       string   `json:"user_id"`
	UserLogin    string   `json:"user_login"`
	UserName     string   `json:"user_name"`
	GameID       string   `json:"game_id"`
	GameName     string   `json:"game_name"`
	Type         string   `json:"type"`
	Title        string   `json:"title"`
	ViewerCount  int      `json:"viewer_count"`
	StartedAt    string   `json:"started_at"`
	Language     string   `json:"language"`
	ThumbnailURL string   `json:"thumbnail_url"`
	TagIDs       []string `json:"tag_ids"`
	Tags         []string `json:"tags"`
	IsMature     bool     `json:"is_mature"`
}

// A broadcast is a stream that is on the air as far as Helix knows.
type broadcast struct {
	by     *User
	stream *stream
}

func (b broadcast) body() streamBody {
	return streamBody{
		ID: b.stream.id, UserID: b.by.id, UserLogin: b.by.login, UserName: b.by.name,
		GameID: b.stream.channel.category.ID, GameName: b.stream.channel.category.Name,
		Type: "live", Title: b.stream.channel.title, ViewerCount: b.stream.viewers,
		StartedAt: timestamp(b.stream.startedAt), Language: b.stream.channel.language,
		ThumbnailURL: "https://thumbnails.invalid/" + b.by.login + "-{width}x{height}.jpg",
		TagIDs:       []string{}, Tags: []string{},
	}
}

// streams is Get Streams: who is live, most viewers first.
func (w *World) streams(c *call) answer {
	ids, logins := c.query["user_id"], c.query["user_login"]
	if len(ids) > maxPage || len(logins) > maxPage {
		return badRequest("The number of user_id and user_login parameters must not exceed 100 each")
	}
	if kind := c.query.Get("type"); kind != "" && kind != "live" && kind != "all" {
		return badRequest(`The parameter "type" was malformed: the value must be one of "all", "live"`)
	}
	if w.blanks > 0 {
		w.blanks--
		return ok(list[streamBody]{Data: []streamBody{}, Pagination: &pagination{}})
	}
	among := w.people.order
	if len(ids)+len(logins) > 0 {
		among = w.find(ids, logins)
	}
	var live []broadcast
	for _, u := range among {
		s := u.timeline.asOf(c.now.Add(-u.lag))
		switch {
		case s == nil:
		case u.hidden > 0:
			u.hidden--
		default:
			live = append(live, broadcast{u, s})
		}
	}
	slices.SortFunc(live, func(a, b broadcast) int {
		return cmp.Or(cmp.Compare(b.stream.viewers, a.stream.viewers), cmp.Compare(a.by.id, b.by.id))
	})
	page, refusal := paged(c, live, broadcast.body)
	if refusal != nil {
		return *refusal
	}
	return ok(page)
}

// find gives the users that exist, each once, in the order asked for.
func (w *World) find(ids, logins []string) []*User {
	found := make([]*User, 0, len(ids)+len(logins))
	seen := make(map[*User]bool, len(ids)+len(logins))
	add := func(u *User) {
		if u != nil && !seen[u] {
			seen[u] = true
			found = append(found, u)
		}
	}
	for _, id := range ids {
		add(w.people.byID[id])
	}
	for _, login := range logins {
		add(w.people.byLogin[strings.ToLower(login)])
	}
	return found
}
