package persistence

import (
	"errors"
	"fmt"
)

// Config is what the environment says.
type Config struct {
	Project string // GOOGLE_CLOUD_PROJECT
	Prefix  string // BUS_PREFIX
}

// Load reads the configuration. The error joins all faults.
func Load(getenv func(string) string) (Config, error) {
	config := Config{Project: getenv("GOOGLE_CLOUD_PROJECT"), Prefix: getenv("BUS_PREFIX")}
	if config.Project == "" {
		return Config{}, fmt.Errorf("reading the configuration: %w", errors.New("GOOGLE_CLOUD_PROJECT: not set"))
	}
	return config, nil
}
