package connector_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/connector"
)

func TestAnIDTokenGoesAlongOverHTTPS(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	if _, err := s.client.Poll(t.Context(), s.target); err != nil {
		t.Fatal(err)
	}
	_, bearers, audiences := s.seen()
	if diff := cmp.Diff([]string{"Bearer " + token, "Bearer " + token}, bearers); diff != "" {
		t.Errorf("Authorization of the poll and of the instance beside it (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{audience}, audiences); diff != "" {
		t.Errorf("audiences (-want +got):\n%s", diff)
	}
}

func TestWithoutAnAudienceNoTokenIsFetched(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.target.Audience = ""
	if _, err := s.client.Poll(t.Context(), s.target); err != nil {
		t.Fatal(err)
	}
	_, bearers, audiences := s.seen()
	if diff := cmp.Diff([]string{"", ""}, bearers); diff != "" || len(audiences) != 0 {
		t.Errorf("audiences %q, Authorization (-want +got):\n%s", audiences, diff)
	}
}

func TestThisMachineNeedsNoToken(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	plain := httptest.NewServer(s)
	t.Cleanup(plain.Close)
	s.target.URL = plain.URL + "/_debug/connectors"
	if _, err := s.client.Poll(t.Context(), s.target); err != nil {
		t.Fatal(err)
	}
	_, bearers, audiences := s.seen()
	if diff := cmp.Diff([]string{"", ""}, bearers); diff != "" || len(audiences) != 0 {
		t.Errorf("audiences %q, Authorization (-want +got):\n%s", audiences, diff)
	}
}

func TestATokenNeverGoesOverPlainHTTP(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	sent := false
	client := connector.NewClient(connector.ClientConfig{Tokens: s.token, Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		sent = true
		return nil, errors.New("no network")
	})})
	s.target.URL = "http://bots.example.com/_debug/connectors" + query
	_, err := client.Poll(t.Context(), s.target)
	if _, _, audiences := s.seen(); connector.Reason(err) != "no_token" || sent || len(audiences) != 0 {
		t.Errorf("%v; sent %v, tokens for %q", err, sent, audiences)
	}
	s.leaksNothing(t, err)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWithoutItsTokenNothingIsAsked(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"an error":            errors.New("no credentials"),
		"an error with a URL": fmt.Errorf("fetching: %w", &url.Error{Op: "Get", URL: "http://metadata" + query, Err: errors.New("refused")}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			client := connector.NewClient(connector.ClientConfig{
				Transport: s.server.Client().Transport,
				Tokens:    func(context.Context, string) (string, error) { return token, failure },
			})
			_, err := client.Poll(t.Context(), s.target)
			if asked, _, _ := s.seen(); connector.Reason(err) != "no_token" || connector.Answered(err) || len(asked) != 0 {
				t.Errorf("%v; asked %q", err, asked)
			}
			s.leaksNothing(t, err)
		})
	}
}

// cloud is a machine in the cloud: a metadata server answers what asks for the ID
// token of an audience.
func cloud(t *testing.T, answer func(w http.ResponseWriter, audience string)) {
	t.Helper()
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/computeMetadata/v1/instance/service-accounts/default/identity" {
			answer(w, r.URL.Query().Get("audience"))
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(metadata.Close)
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(metadata.URL, "http://"))
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	t.Setenv("HOME", t.TempDir()) // no credentials of whoever runs the test
}

func TestTheMetadataServerGivesTheTokenOnce(t *testing.T) {
	var audiences []string
	cloud(t, func(w http.ResponseWriter, audience string) {
		audiences = append(audiences, audience)
		_, _ = io.WriteString(w, token)
	})
	s := newStand(t)
	client := connector.NewClient(connector.ClientConfig{Transport: s.server.Client().Transport})
	for range 2 {
		if _, err := client.Poll(t.Context(), s.target); err != nil {
			t.Fatal(err)
		}
	}
	_, bearers, _ := s.seen()
	if diff := cmp.Diff(slices.Repeat([]string{"Bearer " + token}, 4), bearers); diff != "" {
		t.Errorf("Authorization (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{audience}, audiences); diff != "" {
		t.Errorf("audiences (-want +got):\n%s", diff)
	}
}

// The library knows no context, and must not hold a tick all the same.
func TestAMetadataServerThatHangsEndsWithTheTimeout(t *testing.T) {
	release := make(chan struct{})
	cloud(t, func(http.ResponseWriter, string) { <-release })
	t.Cleanup(func() { close(release) })
	s := newStand(t)
	s.target.Timeout = 50 * time.Millisecond
	client := connector.NewClient(connector.ClientConfig{Transport: s.server.Client().Transport})
	_, err := client.Poll(t.Context(), s.target)
	if connector.Reason(err) != "no_token" || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestWithoutCredentialsThereIsNoToken(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none.json"))
	s := newStand(t)
	client := connector.NewClient(connector.ClientConfig{Transport: s.server.Client().Transport})
	_, err := client.Poll(t.Context(), s.target)
	if asked, _, _ := s.seen(); connector.Reason(err) != "no_token" || len(asked) != 0 {
		t.Errorf("%v; asked %q", err, asked)
	}
	s.leaksNothing(t, err)
}
