package status

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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
			want: Config{Project: "p", Redact: true, Interval: time.Minute},
		},
		{
			name: "shows all when told so",
			env:  map[string]string{"GOOGLE_CLOUD_PROJECT": "p", "STATUS_REDACT": "false"},
			want: Config{Project: "p", Interval: time.Minute},
		},
		{
			name: "knows the heartbeat, Twitch and the debug token",
			env: map[string]string{
				"GOOGLE_CLOUD_PROJECT": "p", "HEARTBEAT_INTERVAL": "10s", "TWITCH_BROADCASTERS": " 1337, ExampleChan,,",
				"DEBUG_TOKEN": "t", "TWITCH_CLIENT_ID": "i", "TWITCH_CLIENT_SECRET": "s",
				"TWITCH_API_URL": "http://api", "TWITCH_AUTH_URL": "http://auth",
			},
			want: Config{
				Project: "p", Redact: true, Interval: 10 * time.Second, Broadcasters: []string{"1337", "examplechan"},
				DebugToken: "t", ClientID: "i", ClientSecret: "s", APIURL: "http://api", AuthURL: "http://auth",
			},
		},
		{
			name:   "tells all faults",
			env:    map[string]string{"STATUS_REDACT": "maybe", "HEARTBEAT_INTERVAL": "-1s"},
			faults: []string{"GOOGLE_CLOUD_PROJECT", "STATUS_REDACT", "HEARTBEAT_INTERVAL"},
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
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
		})
	}
}
