package twitchtest

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// appTokenLife is how long app tokens last, which is about 60 days.
const appTokenLife = 60 * 24 * time.Hour

// A token is an access token, of the app when it has no user.
type token struct {
	user    *User
	scopes  []string
	expires time.Time
}

func (t *token) may(scopes ...string) bool {
	return slices.ContainsFunc(scopes, func(scope string) bool { return slices.Contains(t.scopes, scope) })
}

// AppToken issues an app token, as POST /oauth2/token does.
func (w *World) AppToken() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.issue(&token{expires: w.config.Now().Add(appTokenLife)})
}

// Token issues a token of the user with these scopes, and is a Grant of them.
func (u *User) Token(life time.Duration, scopes ...string) string {
	w := u.world
	w.mu.Lock()
	defer w.mu.Unlock()
	u.grant(scopes)
	return w.issue(&token{user: u, scopes: slices.Clone(scopes), expires: w.config.Now().Add(life)})
}

func (w *World) issue(t *token) string {
	text := strings.ReplaceAll(w.newID("token"), "-", "")[:30]
	w.tokens[text] = t
	return text
}

// ExpireToken lets a token, of a user or the app, expire now. Unlike one that
// was revoked, nothing but the token is gone.
func (w *World) ExpireToken(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t, ok := w.tokens[text]; ok {
		t.expires = w.config.Now()
	}
}

// RevokeAppTokens makes all app tokens invalid. New ones can be had.
func (w *World) RevokeAppTokens() {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.tokens, func(_ string, t *token) bool { return t.user == nil })
}

// Grant lets the client have more scopes of the user, who then has authorised it
// even when there are none: a user.authorization.grant.
func (u *User) Grant(scopes ...string) {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	u.grant(scopes)
}

func (u *User) grant(scopes []string) {
	if u.scopes == nil {
		u.scopes = make(map[string]bool)
	}
	for _, scope := range scopes {
		u.scopes[scope] = true
	}
	u.world.emit("user.authorization.grant", nil, u.as("user", map[string]any{"client_id": ClientID}))
}

// Revoke takes everything back that the user granted: tokens are invalid,
// subscriptions that need a grant are revoked, and a user.authorization.revoke
// goes out.
func (u *User) Revoke() {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	if u.scopes == nil {
		return
	}
	u.shutOut()
	u.world.emit("user.authorization.revoke", nil, u.as("user", map[string]any{"client_id": ClientID}))
}

// ChangePassword does what Revoke does but for the event: whether Twitch sends
// one then is not known, and who depends on it learns late.
func (u *User) ChangePassword() {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	u.shutOut()
}

func (u *User) shutOut() {
	w := u.world
	u.scopes = nil
	maps.DeleteFunc(w.tokens, func(_ string, t *token) bool { return t.user == u })
	for _, s := range w.subscriptions.order {
		if s.condition[s.kind.about] == u.id && len(s.kind.scopes) > 0 {
			w.revoke(s, "authorization_revoked")
		}
	}
}

// granted reports whether the user granted one of the scopes.
func (u *User) granted(scopes []string) bool {
	return slices.ContainsFunc(scopes, func(scope string) bool { return u.scopes[scope] })
}
