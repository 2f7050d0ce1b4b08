package twitch

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/nicklaw5/helix/v2"
)

// A User is somebody with an account of Twitch.
type User struct {
	ID          string
	Login       string // lower case
	DisplayName string
}

// Users looks users up by id and by login, in whatever case. Those that do not
// exist are not in the answer, nor what can be no id or login; the order is that
// of the answers. When there is an error, which joins those of the requests that
// failed, the answer holds the users of the others, and that one is absent tells
// nothing.
func (c *Client) Users(ctx context.Context, ids, logins []string) ([]User, error) {
	batches := make([][]User, (len(ids)+len(logins)+maxIDs-1)/maxIDs)
	errs := inBatches(ctx, aliases(ids, logins), maxIDs, func(i int, batch []alias) (err error) {
		batches[i], err = c.users(ctx, batch)
		return err
	})
	var (
		users []User
		seen  = make(map[string]bool)
	)
	for _, batch := range batches {
		for _, user := range batch {
			if !seen[user.ID] {
				users = append(users, user)
			}
			seen[user.ID] = true
		}
	}
	return users, failed("asking for users", errs)
}

// An alias is what a user is asked for by.
type alias struct {
	text    string
	isLogin bool
}

// aliases are ids and logins, each once.
func aliases(ids, logins []string) []alias {
	all := make([]alias, 0, len(ids)+len(logins))
	seen := make(map[alias]bool, cap(all))
	add := func(a alias, good bool) {
		if good && !seen[a] {
			seen[a] = true
			all = append(all, a)
		}
	}
	for _, id := range ids {
		add(alias{text: id}, isID(id))
	}
	for _, login := range logins {
		login = strings.ToLower(login)
		add(alias{text: login, isLogin: true}, isLogin(login))
	}
	return all
}

func isLogin(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c != '_' && (c < '0' || '9' < c) && (c < 'a' || 'z' < c) {
			return false
		}
	}
	return 0 < len(text) && len(text) <= 25
}

// users asks for one batch: ids and logins count together.
func (c *Client) users(ctx context.Context, batch []alias) ([]User, error) {
	var params helix.UsersParams
	for _, a := range batch {
		if a.isLogin {
			params.Logins = append(params.Logins, a.text)
		} else {
			params.IDs = append(params.IDs, a.text)
		}
	}
	var users []User
	err := c.ask(ctx, asApp, func(api *helix.Client) error {
		answer, err := api.GetUsers(&params)
		if err != nil {
			return err
		}
		for _, row := range answer.Data.Users {
			if row.ID == "" {
				return errRow(answer.StatusCode, "an id")
			}
			users = append(users, User{ID: row.ID, Login: row.Login, DisplayName: row.DisplayName})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return users, nil
}

const maxGrantIDs = 10 // of a request

// Grants asks which scopes users have granted to this app. Each user about whom
// there is an answer has a key, one who granted nothing with no scopes. When
// there is an error, which joins those of the requests that failed, the users of
// the others are there all the same.
func (c *Client) Grants(ctx context.Context, userIDs []string) (map[string][]string, error) {
	ids, fault := checkIDs(userIDs)
	var (
		mu     sync.Mutex // guards grants
		grants = make(map[string][]string, len(ids))
	)
	errs := inBatches(ctx, ids, maxGrantIDs, func(_ int, batch []string) error {
		scopes, err := c.grants(ctx, batch)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, id := range batch {
			grants[id] = scopes[id]
		}
		return nil
	})
	return grants, errors.Join(fault, failed("asking for grants", errs))
}

func (c *Client) grants(ctx context.Context, ids []string) (map[string][]string, error) {
	query := url.Values{"user_id": ids}
	a, err := c.exchange(ctx, request{
		method: http.MethodGet, url: c.apiURL + "/authorization/users?" + query.Encode(), as: asApp,
	})
	if err != nil {
		return nil, err
	}
	return readGrants(a)
}

func readGrants(a answer) (map[string][]string, error) {
	var told struct {
		Data []struct {
			UserID string   `json:"user_id"`
			Scopes []string `json:"scopes"`
		} `json:"data"`
	}
	if json.Unmarshal(a.body, &told) != nil || told.Data == nil {
		return nil, unreadable(a.status, nil, "the answer has no list of grants")
	}
	scopes := make(map[string][]string, len(told.Data))
	for _, row := range told.Data {
		if row.UserID == "" {
			return nil, errRow(a.status, "a user")
		}
		scopes[row.UserID] = row.Scopes
	}
	return scopes, nil
}
