package connector_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/connector"
	"github.com/sourcestate/sourcestate/shared/connectortest"
)

const (
	instance = "bots-1"
	audience = "https://bots.example.com"
	token    = "t0ken-MARKER"
	query    = "?key=qu3ry-MARKER"
)

// A stand is a service behind https, and what it saw of the requests.
type stand struct {
	*connectortest.Service
	server *httptest.Server
	client *connector.Client
	target connector.Target // with a query that must not show and an audience

	mu       sync.Mutex
	asked    []string // paths with queries
	bearers  []string
	audience []string
}

func newStand(t testing.TB) *stand {
	t.Helper()
	s := &stand{Service: connectortest.New(instance)}
	s.Set("twitch", connectortest.Snapshot{"state": "CONNECTED", "id": "555", "displayName": "bot"})
	s.server = httptest.NewUnstartedServer(s)
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	s.client = connector.NewClient(connector.ClientConfig{Transport: s.server.Client().Transport, Tokens: s.token})
	s.target = connector.Target{
		Name: "bots", URL: s.server.URL + "/_debug/connectors" + query, Audience: audience, Timeout: 10 * time.Second,
	}
	return s
}

func (s *stand) token(_ context.Context, audience string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audience = append(s.audience, audience)
	return token, nil
}

// ServeHTTP is the service's, and remembers.
func (s *stand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.URL.RequestURI())
	s.bearers = append(s.bearers, r.Header.Get("Authorization"))
	s.mu.Unlock()
	s.Service.ServeHTTP(w, r)
}

// seen is what the service saw until now.
func (s *stand) seen() (asked, bearers, audiences []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(asked, s.asked...), append(bearers, s.bearers...), append(audiences, s.audience...)
}
