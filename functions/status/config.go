package status

import (
	"errors"
	"fmt"
	"strconv"
)

// Config is what the environment says.
type Config struct {
	Project string // GOOGLE_CLOUD_PROJECT
	Redact  bool   // STATUS_REDACT, default true
}

// Load reads the configuration. The error joins all faults.
func Load(getenv func(string) string) (Config, error) {
	config := Config{Project: getenv("GOOGLE_CLOUD_PROJECT"), Redact: true}
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
	if err := errors.Join(faults...); err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	return config, nil
}
