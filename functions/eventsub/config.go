package eventsub

import (
	"errors"
	"fmt"

	"github.com/sourcestate/sourcestate/shared/twitch"
)

// Config is what the environment says. It may be printed: its secrets do not
// show.
type Config struct {
	Secrets   twitch.Secrets // TWITCH_EVENTSUB_SECRETS; none: every request is answered 500
	BotUserID string         // TWITCH_BOT_USER_ID; empty: no role is the bot's
	Project   string         // GOOGLE_CLOUD_PROJECT
	Prefix    string         // BUS_PREFIX
}

// Load reads the configuration. The error joins all faults and holds no secret.
// Missing secrets are none: the function must start and say so at each request
// (design section 7).
func Load(getenv func(string) string) (Config, error) {
	config := Config{
		BotUserID: getenv("TWITCH_BOT_USER_ID"),
		Project:   getenv("GOOGLE_CLOUD_PROJECT"),
		Prefix:    getenv("BUS_PREFIX"),
	}
	var faults []error
	secrets, err := twitch.ParseSecrets(getenv("TWITCH_EVENTSUB_SECRETS"))
	if err != nil {
		faults = append(faults, fmt.Errorf("TWITCH_EVENTSUB_SECRETS: %w", err))
	}
	config.Secrets = secrets
	if config.Project == "" {
		faults = append(faults, errors.New("GOOGLE_CLOUD_PROJECT: not set"))
	}
	if !digits(config.BotUserID) {
		faults = append(faults, fmt.Errorf("TWITCH_BOT_USER_ID: %q is not a user id; a login will not do", config.BotUserID))
	}
	if err := errors.Join(faults...); err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	return config, nil
}

func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || '9' < text[i] {
			return false
		}
	}
	return true
}
