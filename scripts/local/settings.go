package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/sourcestate/sourcestate/functions/eventsub"
	"github.com/sourcestate/sourcestate/functions/heartbeat"
	"github.com/sourcestate/sourcestate/functions/persistence"
	"github.com/sourcestate/sourcestate/functions/status"
)

// defaultInterval is how often the heartbeat ticks, as Cloud Scheduler would let
// it.
const defaultInterval = time.Minute

// configs are the configurations of the functions.
type configs struct {
	eventsub    eventsub.Config
	heartbeat   heartbeat.Config
	persistence persistence.Config
	status      status.Config
	interval    time.Duration // HEARTBEAT_INTERVAL
}

// load reads the configurations. The error joins all faults.
func load(getenv func(string) string) (c configs, err error) {
	var faults [5]error
	c.eventsub, faults[0] = eventsub.Load(getenv)
	c.heartbeat, faults[1] = heartbeat.Load(getenv)
	c.persistence, faults[2] = persistence.Load(getenv)
	c.status, faults[3] = status.Load(getenv)
	c.interval = defaultInterval
	if value := getenv("HEARTBEAT_INTERVAL"); value != "" {
		if c.interval, err = time.ParseDuration(value); err != nil || c.interval < time.Second {
			faults[4] = fmt.Errorf("HEARTBEAT_INTERVAL: %.40q is not a duration of a second or more", value)
		}
	}
	return c, errors.Join(faults[:]...)
}

// environment is the environment with what a local run decides for itself, and the
// settings of the demo world, which go together and are not mixed with others. How
// fast it is looked at is the user's choice.
func environment(getenv func(string) string, secrets string, world map[string]string) func(string) string {
	return func(name string) string {
		value := getenv(name)
		switch name {
		case "TWITCH_EVENTSUB_SECRETS":
			return secrets
		case "GOOGLE_CLOUD_PROJECT":
			return project
		case "STATUS_REDACT":
			if value == "" {
				return "false"
			}
			return value
		case "HEARTBEAT_INTERVAL", "HEARTBEAT_LAG":
			if value != "" {
				return value
			}
		}
		if decided, ok := world[name]; ok {
			return decided
		}
		return value
	}
}
