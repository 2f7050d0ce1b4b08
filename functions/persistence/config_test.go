package persistence

import (
	"strings"
	"testing"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		env   map[string]string
		want  Config
		fault string
	}{
		{"all of it", map[string]string{"GOOGLE_CLOUD_PROJECT": "p", "BUS_PREFIX": "dev."}, Config{Project: "p", Prefix: "dev."}, ""},
		{"no prefix", map[string]string{"GOOGLE_CLOUD_PROJECT": "p"}, Config{Project: "p"}, ""},
		{"no project", map[string]string{"BUS_PREFIX": "dev."}, Config{}, "GOOGLE_CLOUD_PROJECT: not set"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Load(func(name string) string { return test.env[name] })
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if (err != nil) != (test.fault != "") || err != nil && !strings.Contains(err.Error(), test.fault) {
				t.Errorf("error %v, want one of %q", err, test.fault)
			}
		})
	}
}
