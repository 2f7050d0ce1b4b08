package connectortest_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/connector"
	"github.com/sourcestate/sourcestate/shared/connectortest"
)

// A stand is a service, and the client that polls it for real.
type stand struct {
	*connectortest.Service
	t      *testing.T
	url    string
	client *connector.Client
}

func newStand(t *testing.T) *stand {
	t.Helper()
	s := &stand{Service: connectortest.New("bots-1"), t: t, client: connector.NewClient(connector.ClientConfig{})}
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that end on purpose
	server.Start()
	t.Cleanup(server.Close)
	s.url = server.URL
	s.Set("twitch", connectortest.Snapshot{"state": "CONNECTED", "id": "555", "displayName": "bot", "started": true})
	return s
}

// poll is what the client finds at a path: a line for each snapshot, or the
// reason why there is none.
func (s *stand) poll(path string, timeout time.Duration) []string {
	s.t.Helper()
	poll, err := s.client.Poll(s.t.Context(), connector.Target{Name: "twitch", URL: s.url + path, Timeout: timeout})
	if err != nil {
		return []string{connector.Reason(err)}
	}
	lines := []string{}
	for _, found := range poll.Snapshots {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %d", found.Connector, found.ID, found.Status, found.Instance, found.Counts["messagesIn"]))
	}
	return lines
}

const long = time.Minute

func TestEveryShapeIsRead(t *testing.T) {
	t.Parallel()
	sound := []string{"twitch 555 CONNECTED bots-1 0"}
	for name, c := range map[string]struct {
		shape connectortest.Shape
		path  string
	}{
		"the connectors by name":      {connectortest.Connectors, "/_debug/connectors"},
		"the map within the platform": {connectortest.Manager, "/_debug/connectors"},
		"one connector":               {connectortest.Bare, "/_debug/twitch"},
		"one connector of old":        {connectortest.Old, "/_debug/twitch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			s.Shape(c.shape)
			if diff := cmp.Diff(sound, s.poll(c.path, long)); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			if s.Polls() != 1 {
				t.Errorf("%d polls", s.Polls())
			}
		})
	}
}

func TestEveryFaultIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   connectortest.Fault
		timeout time.Duration
		want    string
	}{
		"dead":      {connectortest.Dead, long, "unreachable"},
		"answers":   {connectortest.Answers(http.StatusServiceUnavailable, "<html>"), long, "http_503"},
		"redirects": {connectortest.Redirects("https://example.com/"), long, "redirect"},
		"huge":      {connectortest.Huge(1<<20 + 1), long, "too_large"},
		"hangs":     {connectortest.Hangs, 20 * time.Millisecond, "timeout"},
		"breaks":    {connectortest.Breaks, long, "unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			s.Fail(c.fault)
			if diff := cmp.Diff([]string{c.want}, s.poll("/_debug/connectors", c.timeout)); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			s.Heal()
			if diff := cmp.Diff([]string{"twitch 555 CONNECTED bots-1 0"}, s.poll("/_debug/connectors", long)); diff != "" {
				t.Errorf("found when healed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHugeIsAsLargeAsItIsSaid(t *testing.T) {
	t.Parallel()
	for _, bytes := range []int{17, 18, 1 << 20} {
		w := httptest.NewRecorder()
		connectortest.Huge(bytes)(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Body.Len() != bytes {
			t.Errorf("%d bytes, want %d", w.Body.Len(), bytes)
		}
	}
}

func TestWhatIsNotThereIsRefused(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for path, want := range map[string]string{
		"/_debug/kick":           "unknown_platform",
		"/_debug/%22%5Ckick%22x": "unknown_platform",
		"/":                      "not_found",
	} {
		if diff := cmp.Diff([]string{want}, s.poll(path, long)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	s.Set("broken", connectortest.Snapshot{"state": func() {}})
	if diff := cmp.Diff([]string{"internal_error"}, s.poll("/_debug/connectors", long)); diff != "" {
		t.Errorf("what is no JSON (-want +got):\n%s", diff)
	}
}

func TestAServiceLives(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	given := connectortest.Snapshot{"state": "CONNECTED", "id": "U1", "counters": map[string]int{"received": 5}}
	for _, step := range []struct {
		name string
		do   func()
		want []string
	}{
		{"a connector comes", func() { s.Set("slack", given) }, []string{"slack U1 CONNECTED bots-1 5", "twitch 555 CONNECTED bots-1 0"}},
		{"it counts", func() { s.Count("slack", "received", 2); s.Count("slack", "received", 1) }, []string{"slack U1 CONNECTED bots-1 8", "twitch 555 CONNECTED bots-1 0"}},
		{"it changes", func() { s.Change("slack", connectortest.Snapshot{"state": "ERROR", "id": nil}) }, []string{"slack  ERROR bots-1 8", "twitch 555 CONNECTED bots-1 0"}},
		{"it starts again", func() { s.Restart("bots-2") }, []string{"slack  ERROR bots-2 0", "twitch 555 CONNECTED bots-2 0"}},
		{"others come bit by bit", func() {
			s.Count("discord", "received", 1)
			s.Change("kick", connectortest.Snapshot{"state": "ERROR"})
		}, []string{"discord   bots-2 1", "kick  ERROR bots-2 0", "slack  ERROR bots-2 0", "twitch 555 CONNECTED bots-2 0"}},
		{"one says nothing and starts again", func() { s.Set("slack", nil); s.Restart("bots-3") },
			[]string{"discord   bots-3 0", "kick  ERROR bots-3 0", "slack   bots-3 0", "twitch 555 CONNECTED bots-3 0"}},
	} {
		step.do()
		if diff := cmp.Diff(step.want, s.poll("/_debug/connectors", long)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
	if diff := cmp.Diff(map[string]int{"received": 5}, given["counters"]); diff != "" {
		t.Errorf("what the test gave (-want +got):\n%s", diff)
	}
}
