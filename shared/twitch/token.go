package twitch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/sourcestate/sourcestate/shared/gather"
)

// renewalTimeout bounds the fetching of an app token, which outlives the caller
// that began it when others wait for it, too.
const renewalTimeout = 20 * time.Second

// errAppToken says that there is no app token, so that no request would fare
// better than this one.
var errAppToken = errors.New("getting an app token")

// token is the app token, a new one if Twitch refused the one given. Those who
// need one at the same time share the fetching.
func (c *Client) token(ctx context.Context, refused string) (string, error) {
	if token := c.current(); token != "" && token != refused {
		return token, nil
	}
	token, err := c.renewal.Do(ctx, refused)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errAppToken, err)
	}
	return token, nil
}

func (c *Client) current() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.appToken
}

// renew fetches a token for all who wait for one, unless someone has done so
// since theirs was refused.
func (c *Client) renew(ctx context.Context, refused []string) ([]gather.Result[string], error) {
	token := c.current()
	if token == "" || slices.Contains(refused, token) {
		var err error
		if token, err = c.fetchToken(ctx); err != nil {
			return nil, err
		}
		c.mu.Lock()
		c.appToken = token
		c.mu.Unlock()
	}
	return slices.Repeat([]gather.Result[string]{{Value: token}}, len(refused)), nil
}

// fetchToken asks for an app token. The secret goes in the body: a query string
// ends up in logs.
func (c *Client) fetchToken(ctx context.Context) (string, error) {
	form := url.Values{
		"client_id":     {c.id},
		"client_secret": {c.secret},
		"grant_type":    {"client_credentials"},
	}
	a, err := c.exchange(ctx, request{
		method: http.MethodPost, url: c.authURL + "/oauth2/token",
		contentType: "application/x-www-form-urlencoded", body: []byte(form.Encode()),
	})
	if err != nil {
		return "", err
	}
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(a.body, &granted) != nil || granted.AccessToken == "" {
		return "", unreadable(a.status, nil, "the answer holds no token")
	}
	return granted.AccessToken, nil
}

// A Token is what Twitch says of an access token.
type Token struct {
	ClientID  string // of the app that it was granted to
	UserID    string // "" for an app token
	Login     string
	Scopes    []string
	ExpiresAt time.Time // to a second or so; zero: it does not expire
}

// Validate asks what an access token is good for. The error is ErrTokenInvalid
// when it is good for nothing: expired, revoked or never granted. It is not
// refreshed.
func (c *Client) Validate(ctx context.Context, accessToken string) (Token, error) {
	token, err := c.validate(ctx, accessToken)
	if err != nil {
		return Token{}, fmt.Errorf("validating a token: %w", err)
	}
	return token, nil
}

func (c *Client) validate(ctx context.Context, accessToken string) (Token, error) {
	as, err := asUser("OAuth", accessToken)
	if err != nil {
		return Token{}, err
	}
	asked := c.now()
	a, err := c.exchange(ctx, request{method: http.MethodGet, url: c.authURL + "/oauth2/validate", as: as})
	if err != nil {
		return Token{}, err
	}
	return readToken(a, asked)
}

// maxLifetime keeps an expiry in the years that can be written.
const maxLifetime = 100 * 365 * 24 * 60 * 60 // seconds

func readToken(a answer, asked time.Time) (Token, error) {
	var told struct {
		ClientID  string   `json:"client_id"`
		UserID    string   `json:"user_id"`
		Login     string   `json:"login"`
		Scopes    []string `json:"scopes"`
		ExpiresIn int64    `json:"expires_in"`
	}
	if json.Unmarshal(a.body, &told) != nil || told.ClientID == "" || told.ExpiresIn < 0 {
		return Token{}, unreadable(a.status, nil, "the answer does not describe a token")
	}
	token := Token{ClientID: told.ClientID, UserID: told.UserID, Login: told.Login, Scopes: told.Scopes}
	if told.ExpiresIn > 0 {
		lifetime := time.Duration(min(told.ExpiresIn, maxLifetime)) * time.Second
		token.ExpiresAt = asked.Add(lifetime).UTC()
	}
	return token, nil
}
