package heartbeat

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/connector"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

// Config is what the environment says. It holds secrets that must not be printed.
type Config struct {
	Project string // GOOGLE_CLOUD_PROJECT
	Prefix  string // BUS_PREFIX

	ClientID, ClientSecret string // TWITCH_CLIENT_ID, TWITCH_CLIENT_SECRET; none: Twitch is not asked
	APIURL, AuthURL        string // TWITCH_API_URL, TWITCH_AUTH_URL; empty: Twitch's own
	CallbackURL            string // TWITCH_CALLBACK_URL; empty: subscriptions are left alone
	Secrets                twitch.Secrets
	Broadcasters           []string // TWITCH_BROADCASTERS: ids or logins, in lower case
	BotUserID              string   // TWITCH_BOT_USER_ID; empty: roles are nobody's
	UserTokens             []UserToken
	Connectors             []connector.Target

	Refresh time.Duration // HEARTBEAT_REFRESH: how often what did not change is published all the same
	Lag     time.Duration // HEARTBEAT_LAG: for how long after an event polls are not believed
}

// A UserToken is a token to validate and to audit roles with.
type UserToken struct {
	UserID      string `json:"userId"`
	AccessToken string `json:"accessToken"`
}

const (
	defaultRefresh = time.Hour
	defaultLag     = 5 * time.Minute
)

// Load reads the configuration. The error joins all faults and holds no secret.
func Load(getenv func(string) string) (Config, error) {
	c := Config{
		Project: getenv("GOOGLE_CLOUD_PROJECT"), Prefix: getenv("BUS_PREFIX"),
		ClientID: getenv("TWITCH_CLIENT_ID"), ClientSecret: getenv("TWITCH_CLIENT_SECRET"),
		APIURL: getenv("TWITCH_API_URL"), AuthURL: getenv("TWITCH_AUTH_URL"),
		CallbackURL: getenv("TWITCH_CALLBACK_URL"), BotUserID: getenv("TWITCH_BOT_USER_ID"),
	}
	var faults []error
	fault := func(name string, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
	}
	var err error
	if c.Project == "" {
		fault("GOOGLE_CLOUD_PROJECT", errors.New("not set"))
	}
	if (c.ClientID == "") != (c.ClientSecret == "") {
		fault("TWITCH_CLIENT_ID, TWITCH_CLIENT_SECRET", errors.New("one of them is set and the other is not"))
	}
	for _, base := range []struct{ name, value string }{
		{"TWITCH_API_URL", c.APIURL}, {"TWITCH_AUTH_URL", c.AuthURL}, {"TWITCH_CALLBACK_URL", c.CallbackURL},
	} {
		fault(base.name, checkURL(base.value))
	}
	c.Secrets, err = twitch.ParseSecrets(getenv("TWITCH_EVENTSUB_SECRETS"))
	fault("TWITCH_EVENTSUB_SECRETS", err)
	if c.CallbackURL != "" && err == nil && c.Secrets.Len() == 0 {
		fault("TWITCH_EVENTSUB_SECRETS", errors.New("not set, and TWITCH_CALLBACK_URL is: subscriptions need a secret"))
	}
	for _, name := range strings.Split(getenv("TWITCH_BROADCASTERS"), ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			c.Broadcasters = append(c.Broadcasters, name)
		}
	}
	if c.BotUserID != "" && !digits(c.BotUserID) {
		fault("TWITCH_BOT_USER_ID", fmt.Errorf("%q is not a user id; a login will not do", c.BotUserID))
	}
	c.UserTokens, err = parseTokens(getenv("TWITCH_USER_TOKENS"))
	fault("TWITCH_USER_TOKENS", err)
	c.Connectors, err = connector.ParseTargets(getenv("CONNECTORS"))
	fault("CONNECTORS", err)
	c.Refresh, err = duration(getenv("HEARTBEAT_REFRESH"), defaultRefresh)
	fault("HEARTBEAT_REFRESH", err)
	c.Lag, err = duration(getenv("HEARTBEAT_LAG"), defaultLag)
	fault("HEARTBEAT_LAG", err)
	if err := errors.Join(faults...); err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	return c, nil
}

// checkURL refuses what is no http(s) URL. It never repeats the value, which may
// hold credentials.
func checkURL(value string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("not an http or https URL")
	}
	return nil
}

// parseTokens reads TWITCH_USER_TOKENS. Errors hold no token.
func parseTokens(value string) ([]UserToken, error) {
	if strings.TrimSpace(value) == "" {
		return nil, nil
	}
	var tokens []UserToken
	if err := json.Unmarshal([]byte(value), &tokens); err != nil {
		return nil, errors.New("not a JSON list of {userId, accessToken}")
	}
	var faults []error
	seen := make(map[string]bool)
	for i, t := range tokens {
		switch {
		case t.UserID == "" || !digits(t.UserID):
			faults = append(faults, fmt.Errorf("entry %d: userId is not a user id", i+1))
		case seen[t.UserID]:
			faults = append(faults, fmt.Errorf("entry %d: a second token of user %s", i+1, t.UserID))
		case t.AccessToken == "":
			faults = append(faults, fmt.Errorf("entry %d: no accessToken", i+1))
		}
		seen[t.UserID] = true
	}
	return tokens, errors.Join(faults...)
}

func duration(value string, otherwise time.Duration) (time.Duration, error) {
	if value == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%.40q is not a duration like 60s or 1h", value)
	}
	return d, nil
}

func digits(text string) bool {
	return strings.Trim(text, "0123456789") == ""
}
