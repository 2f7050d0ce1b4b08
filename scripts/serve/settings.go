package main

import (
	"errors"
	"fmt"

	"github.com/sourcestate/sourcestate/functions/eventsub"
	"github.com/sourcestate/sourcestate/functions/heartbeat"
	"github.com/sourcestate/sourcestate/functions/persistence"
	"github.com/sourcestate/sourcestate/functions/status"
)

// A function is one that can be served, and what its settings lack.
type function struct {
	name  string
	check func(getenv func(string) string) error
}

// functions are those that are registered; importing their packages did it.
func functions() []function {
	return []function{
		{"EventSub", checkEventSub},
		{"Heartbeat", func(getenv func(string) string) error {
			_, err := heartbeat.Load(getenv)
			return err
		}},
		{"Persistence", func(getenv func(string) string) error {
			_, err := persistence.Load(getenv)
			return err
		}},
		{"Status", func(getenv func(string) string) error {
			_, err := status.Load(getenv)
			return err
		}},
	}
}

// checkEventSub is stricter than the function, which starts without secrets to
// say so at each request.
func checkEventSub(getenv func(string) string) error {
	config, err := eventsub.Load(getenv)
	if err == nil && config.Secrets.Len() == 0 {
		err = errors.New("TWITCH_EVENTSUB_SECRETS: not set")
	}
	return err
}

// check finds what is wrong with the settings of what is to be served. The error
// joins all faults and holds no secret.
func check(getenv func(string) string) error {
	target := getenv("FUNCTION_TARGET")
	known := target == ""
	var faults []error
	for _, f := range functions() {
		if target != "" && target != f.name {
			continue
		}
		known = true
		if err := f.check(getenv); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", f.name, err))
		}
	}
	if !known {
		return fmt.Errorf("FUNCTION_TARGET: there is no function %q", target)
	}
	return errors.Join(faults...)
}
