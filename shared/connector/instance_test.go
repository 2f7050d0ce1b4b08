package connector_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sourcestate/sourcestate/shared/connector"
	"github.com/sourcestate/sourcestate/shared/connectortest"
)

func TestTheInstance(t *testing.T) {
	t.Parallel()
	only := func(path string, fault connectortest.Fault) connectortest.Fault {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, path) {
				fault(w, r)
				return
			}
			connectortest.Answers(200, `{"connectors":{"twitch":{"state":"CONNECTED","id":"555"}}}`)(w, r)
		}
	}
	for name, c := range map[string]struct {
		arrange func(*stand)
		want    string
		asked   []string // nil: whatever it is
	}{
		"is told beside the snapshots": {
			func(*stand) {}, instance, []string{"/_debug/connectors" + query, "/_debug/instance"},
		},
		"in the snapshot comes first": {
			func(s *stand) { s.Change("twitch", connectortest.Snapshot{"instanceId": "own"}) },
			"own", nil, // nobody needs to ask, and one who asked need not wait
		},
		"is found beside one connector, below a prefix": {
			func(s *stand) {
				s.target.URL = s.server.URL + "/a/_debug/twitch"
				s.Fail(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/a/_debug/instance" {
						connectortest.Answers(200, `{"instanceId":"below"}`)(w, r)
						return
					}
					connectortest.Answers(200, `{"state":"CONNECTED"}`)(w, r)
				})
			}, "below", []string{"/a/_debug/instance", "/a/_debug/twitch"},
		},
		"is not asked for where nobody knows it": {
			func(s *stand) {
				s.target.URL = s.server.URL + "/status"
				s.Fail(connectortest.Answers(200, `{"state":"CONNECTED"}`))
			}, "", []string{"/status"},
		},
		"may be missing": {
			func(s *stand) { s.Fail(only("/instance", connectortest.Answers(404, `{"instanceId":"no"}`))) },
			"", []string{"/_debug/connectors" + query, "/_debug/instance"},
		},
		"may be a page": {
			func(s *stand) { s.Fail(only("/instance", connectortest.Answers(200, "<html>"))) },
			"", []string{"/_debug/connectors" + query, "/_debug/instance"},
		},
		"may be dead": {
			func(s *stand) { s.Fail(only("/instance", connectortest.Dead)) },
			"", nil, // net/http may try again
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			c.arrange(s)
			poll, err := s.client.Poll(t.Context(), s.target)
			if err != nil || len(poll.Snapshots) != 1 {
				t.Fatalf("%v, %v", poll.Snapshots, err)
			}
			if got := poll.Snapshots[0].Instance; got != c.want {
				t.Errorf("instance %q, want %q", got, c.want)
			}
			asked, _, _ := s.seen()
			if diff := cmp.Diff(c.asked, asked, cmpopts.SortSlices(strings.Compare)); c.asked != nil && diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnInstanceThatHangsCostsNoMoreThanTheTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := connector.NewClient(connector.ClientConfig{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/instance") {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			body := io.NopCloser(strings.NewReader(`{"connectors":{"twitch":{"state":"CONNECTED","id":"555"}}}`))
			return &http.Response{StatusCode: http.StatusOK, Body: body}, nil
		})})
		began := time.Now()
		poll, err := client.Poll(t.Context(), connector.Target{Name: "bots", URL: "http://bots/_debug/connectors", Timeout: 3 * time.Second})
		if err != nil || len(poll.Snapshots) != 1 || poll.Latency != 0 {
			t.Errorf("%+v, %v", poll, err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// The instance is not waited for where there is nothing to know it for.
func TestAPollThatFailedDoesNotWaitForTheInstance(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.Fail(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/instance") {
			connectortest.Hangs(w, r)
			return
		}
		connectortest.Answers(503, "")(w, r)
	})
	s.target.Timeout = time.Hour // the test would not end
	if _, err := s.client.Poll(t.Context(), s.target); connector.Reason(err) != "http_503" {
		t.Error(err)
	}
}
