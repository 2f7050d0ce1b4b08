package eventsub

import (
	"fmt"
	"strings"
	"testing"
)

func env(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestLoad(t *testing.T) {
	t.Parallel()
	config, err := Load(env(map[string]string{
		"TWITCH_EVENTSUB_SECRETS": "newest-0123456789,oldest-0123456789",
		"TWITCH_BOT_USER_ID":      "555", "BUS_PREFIX": "dev.", "GOOGLE_CLOUD_PROJECT": "p",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if config.Secrets.Newest() != "newest-0123456789" || config.Secrets.Len() != 2 ||
		config.BotUserID != "555" || config.Prefix != "dev." || config.Project != "p" {
		t.Errorf("config = %+v", config)
	}
	if printed := fmt.Sprintf("%+v %#v", config, config); strings.Contains(printed, "0123456789") {
		t.Errorf("a secret shows in %s", printed)
	}
}

func TestLoadWithoutSecretsAndBot(t *testing.T) {
	t.Parallel()
	config, err := Load(env(map[string]string{"GOOGLE_CLOUD_PROJECT": "p"}))
	if err != nil || config.Secrets.Len() != 0 || config.BotUserID != "" {
		t.Errorf("config = %+v, error = %v", config, err)
	}
}

func TestLoadJoinsAllFaults(t *testing.T) {
	t.Parallel()
	_, err := Load(env(map[string]string{"TWITCH_EVENTSUB_SECRETS": "short,café-0123456789", "TWITCH_BOT_USER_ID": "examplebot"}))
	if err == nil {
		t.Fatal("no error")
	}
	for _, fault := range []string{
		"number 1: unusable", "number 2: unusable", "GOOGLE_CLOUD_PROJECT: not set", `TWITCH_BOT_USER_ID: "examplebot"`,
	} {
		if !strings.Contains(err.Error(), fault) {
			t.Errorf("error %q does not say %q", err, fault)
		}
	}
	for _, leak := range []string{"short", "caf"} {
		if strings.Contains(err.Error(), leak) {
			t.Errorf("error %q holds a secret", err)
		}
	}
}
