package twitchtest

import (
	"net/http"
	"strings"
	"time"
)

// The answers of id.twitch.tv.

type tokenBody struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"`
	TokenType   string `json:"token_type"`
}

type validationBody struct {
	ClientID  string   `json:"client_id"`
	Login     string   `json:"login,omitempty"`
	Scopes    []string `json:"scopes"`
	UserID    string   `json:"user_id,omitempty"`
	ExpiresIn int64    `json:"expires_in"`
}

// failAuth is fail without the name of the error, as id.twitch.tv has it.
func failAuth(status int, message string) answer {
	return answer{status: status, body: errorBody{Status: status, Message: message}}
}

// issueToken takes its parameters from the form, and, as Twitch does, from the
// query.
func (w *World) issueToken(c *call) answer {
	parameter := func(name string) string {
		if value := c.form.Get(name); value != "" {
			return value
		}
		return c.query.Get(name)
	}
	switch {
	case parameter("client_id") == "":
		return failAuth(http.StatusBadRequest, "missing client id")
	case parameter("client_id") != ClientID:
		return failAuth(http.StatusBadRequest, "invalid client")
	case parameter("client_secret") == "":
		return failAuth(http.StatusBadRequest, "missing client secret")
	case parameter("client_secret") != ClientSecret:
		return failAuth(http.StatusForbidden, "invalid client secret")
	case parameter("grant_type") != "client_credentials":
		return failAuth(http.StatusBadRequest, "invalid grant type")
	}
	return ok(tokenBody{
		AccessToken: w.issue(&token{expires: c.now.Add(appTokenLife)}),
		ExpiresIn:   int64(appTokenLife / time.Second),
		TokenType:   "bearer",
	})
}

func (w *World) validate(c *call) answer {
	scheme, text, _ := strings.Cut(c.header.Get("Authorization"), " ")
	if scheme != "OAuth" && scheme != "Bearer" {
		return failAuth(http.StatusUnauthorized, "missing authorization token")
	}
	t := w.validToken(text)
	if t == nil {
		return failAuth(http.StatusUnauthorized, "invalid access token")
	}
	body := validationBody{ClientID: ClientID, Scopes: append([]string{}, t.scopes...), ExpiresIn: int64(t.expires.Sub(c.now) / time.Second)}
	if t.user != nil {
		body.Login, body.UserID = t.user.login, t.user.id
	}
	return ok(body)
}
