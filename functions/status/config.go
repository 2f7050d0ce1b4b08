package status

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Config is what the environment says. It holds secrets that must not be printed.
type Config struct {
	Project  string        // GOOGLE_CLOUD_PROJECT
	Redact   bool          // STATUS_REDACT, default true
	Interval time.Duration // HEARTBEAT_INTERVAL: what is fresh is measured by it

	// Broadcasters are TWITCH_BROADCASTERS: ids or logins, in lower case, that the
	// heartbeat polls.
	Broadcasters []string

	DebugToken string // DEBUG_TOKEN; empty: there are no debug pages

	// Of Twitch, for the debug page: TWITCH_CLIENT_ID, TWITCH_CLIENT_SECRET,
	// TWITCH_API_URL, TWITCH_AUTH_URL. Without id and secret Twitch is not asked.
	ClientID, ClientSecret string
	APIURL, AuthURL        string
}

const defaultInterval = time.Minute

// Load reads the configuration. The error joins all faults and holds no secret.
func Load(getenv func(string) string) (Config, error) {
	config := Config{
		Project: getenv("GOOGLE_CLOUD_PROJECT"), Redact: true, Interval: defaultInterval,
		DebugToken: getenv("DEBUG_TOKEN"),
		ClientID:   getenv("TWITCH_CLIENT_ID"), ClientSecret: getenv("TWITCH_CLIENT_SECRET"),
		APIURL: getenv("TWITCH_API_URL"), AuthURL: getenv("TWITCH_AUTH_URL"),
	}
	var faults []error
	if config.Project == "" {
		faults = append(faults, errors.New("GOOGLE_CLOUD_PROJECT: not set"))
	}
	if text := getenv("STATUS_REDACT"); text != "" {
		redact, err := strconv.ParseBool(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("STATUS_REDACT: %q is neither true nor false", text))
		}
		config.Redact = redact
	}
	if text := getenv("HEARTBEAT_INTERVAL"); text != "" {
		interval, err := time.ParseDuration(text)
		if err != nil || interval <= 0 {
			faults = append(faults, fmt.Errorf("HEARTBEAT_INTERVAL: %.40q is not a duration like 60s", text))
		}
		config.Interval = interval
	}
	for _, name := range strings.Split(getenv("TWITCH_BROADCASTERS"), ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			config.Broadcasters = append(config.Broadcasters, name)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	return config, nil
}
