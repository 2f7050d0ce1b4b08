package status

import (
	"strings"
	"testing"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		env    map[string]string
		want   Config
		faults []string
	}{
		{
			name: "hides by default",
			env:  map[string]string{"GOOGLE_CLOUD_PROJECT": "p"},
			want: Config{Project: "p", Redact: true},
		},
		{
			name: "shows all when told so",
			env:  map[string]string{"GOOGLE_CLOUD_PROJECT": "p", "STATUS_REDACT": "false"},
			want: Config{Project: "p"},
		},
		{
			name:   "tells all faults",
			env:    map[string]string{"STATUS_REDACT": "maybe"},
			faults: []string{"GOOGLE_CLOUD_PROJECT", "STATUS_REDACT"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Load(func(name string) string { return test.env[name] })
			if (err != nil) != (test.faults != nil) {
				t.Fatalf("error %v", err)
			}
			for _, fault := range test.faults {
				if !strings.Contains(err.Error(), fault) {
					t.Errorf("error %q does not tell of %s", err, fault)
				}
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
