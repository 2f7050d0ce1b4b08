package main

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	const good, short = "s3cre7-serve-0123456789", "tooshort"
	tests := []struct {
		name   string
		env    map[string]string
		faults []string // none: it may start
	}{
		{name: "all functions, well set", env: map[string]string{"GOOGLE_CLOUD_PROJECT": "p", "TWITCH_EVENTSUB_SECRETS": good}},
		{name: "EventSub, well set", env: map[string]string{"FUNCTION_TARGET": "EventSub", "GOOGLE_CLOUD_PROJECT": "p", "TWITCH_EVENTSUB_SECRETS": good}},
		{name: "Persistence needs no secrets", env: map[string]string{"FUNCTION_TARGET": "Persistence", "GOOGLE_CLOUD_PROJECT": "p"}},
		{name: "Status needs no secrets", env: map[string]string{"FUNCTION_TARGET": "Status", "GOOGLE_CLOUD_PROJECT": "p"}},
		{
			name: "EventSub without secrets", env: map[string]string{"FUNCTION_TARGET": "EventSub", "GOOGLE_CLOUD_PROJECT": "p"},
			faults: []string{"EventSub: TWITCH_EVENTSUB_SECRETS: not set"},
		},
		{
			name: "all functions without secrets", env: map[string]string{"GOOGLE_CLOUD_PROJECT": "p"},
			faults: []string{"EventSub: TWITCH_EVENTSUB_SECRETS: not set"},
		},
		{
			name: "a secret that is too short", env: map[string]string{"GOOGLE_CLOUD_PROJECT": "p", "TWITCH_EVENTSUB_SECRETS": good + "," + short},
			faults: []string{"TWITCH_EVENTSUB_SECRETS: number 2"},
		},
		{
			name: "nothing set", env: nil,
			faults: []string{"EventSub: ", "Persistence: ", "Status: ", "GOOGLE_CLOUD_PROJECT: not set"},
		},
		{
			name: "Status with a setting that cannot be read", env: map[string]string{"FUNCTION_TARGET": "Status", "GOOGLE_CLOUD_PROJECT": "p", "STATUS_REDACT": "x"},
			faults: []string{"STATUS_REDACT"},
		},
		{
			name: "a function that there is not", env: map[string]string{"FUNCTION_TARGET": "status"},
			faults: []string{`no function "status"`},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := check(func(name string) string { return test.env[name] })
			if (err != nil) != (test.faults != nil) {
				t.Fatalf("error %v", err)
			}
			for _, fault := range test.faults {
				if !strings.Contains(err.Error(), fault) {
					t.Errorf("error %q does not tell %q", err, fault)
				}
			}
			if err != nil && (strings.Contains(err.Error(), good) || strings.Contains(err.Error(), short)) {
				t.Errorf("error %q tells a secret", err)
			}
		})
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		env  map[string]string
		want string
	}{
		{"this machine alone", nil, "127.0.0.1"},
		{"everywhere in the cloud", map[string]string{"K_SERVICE": "status"}, ""},
		{"where HOST says", map[string]string{"K_SERVICE": "status", "HOST": "10.0.0.1"}, "10.0.0.1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := host(func(name string) string { return test.env[name] }); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
