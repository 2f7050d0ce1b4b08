package connector_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/connector"
	"github.com/sourcestate/sourcestate/shared/connectortest"
)

const megabyte = 1 << 20

// A found is what a poll that failed says.
type found struct {
	Reason   string
	Answered bool
}

func TestAPollThatGoesWrongIsAFinding(t *testing.T) {
	t.Parallel()
	const page = "<!doctype html><title>" + token + query + "</title>"
	answered := func(reason string) found { return found{reason, true} }
	for name, c := range map[string]struct {
		fault connectortest.Fault
		want  found
	}{
		"the service is gone":              {connectortest.Dead, found{"unreachable", false}},
		"the answer ends in the middle":    {connectortest.Breaks, found{"unreachable", false}},
		"something else than HTTP":         {noHTTP, found{"unreachable", false}},
		"401 with a page":                  {connectortest.Answers(401, page), answered("unauthorized")},
		"403 with a page":                  {connectortest.Answers(403, page), answered("unauthorized")},
		"404 of the platform":              {connectortest.Answers(404, `{"error":"unknown_platform","platform":"kick"}`), answered("unknown_platform")},
		"404 with a page":                  {connectortest.Answers(404, page), answered("http_404")},
		"409 without a body":               {connectortest.Answers(409, ""), answered("http_409")},
		"410 with a word":                  {connectortest.Answers(410, `{"error":"gone-for-good"}`), answered("gone-for-good")},
		"429 with a text for the error":    {connectortest.Answers(429, `{"error":"Too many: `+token+`"}`), answered("http_429")},
		"500 of the platform":              {connectortest.Answers(500, `{"error":"internal_error","message":"`+token+`"}`), answered("internal_error")},
		"500 with an object for the error": {connectortest.Answers(500, `{"error":{"code":"x"}}`), answered("http_500")},
		"500 with a snapshot":              {connectortest.Answers(500, `{"state":"CONNECTED"}`), answered("http_500")},
		"502 with a page":                  {connectortest.Answers(502, page), answered("http_502")},
		"503 with a long word":             {connectortest.Answers(503, `{"error":"`+strings.Repeat("x", 65)+`"}`), answered("http_503")},
		"504 without a body":               {connectortest.Answers(504, ""), answered("http_504")},
		"599 with half an object":          {connectortest.Answers(599, `{"error":"x`), answered("http_599")},
		"a page":                           {connectortest.Answers(200, page), answered("unreadable")},
		"nothing":                          {connectortest.Answers(200, ""), answered("unreadable")},
		"no content":                       {connectortest.Answers(204, ""), answered("unreadable")},
		"half an object":                   {connectortest.Answers(200, `{"connectors":{"twitch":{"state":"CONN`), answered("unreadable")},
		"two objects":                      {connectortest.Answers(200, `{"state":"CONNECTED"}{}`), answered("unreadable")},
		"null":                             {connectortest.Answers(200, "null"), answered("unreadable")},
		"a list":                           {connectortest.Answers(200, `[{"state":"CONNECTED"}]`), answered("unreadable")},
		"a text":                           {connectortest.Answers(200, `"CONNECTED"`), answered("unreadable")},
		"a list of connectors":             {connectortest.Answers(200, `{"connectors":[{"name":"twitch","enabled":true}]}`), answered("unreadable")},
		"a text for the connectors":        {connectortest.Answers(200, `{"connectors":"none"}`), answered("unreadable")},
		"a health check":                   {connectortest.Answers(200, `{"status":"ok","uptimeSec":5}`), answered("unreadable")},
		"an object of nothing":             {connectortest.Answers(200, `{}`), answered("unreadable")},
		"a refusal with 200":               {connectortest.Answers(200, `{"error":"not_ready"}`), answered("not_ready")},
		"a refusal in prose with 200":      {connectortest.Answers(200, `{"error":"`+token+` is wrong"}`), answered("unreadable")},
		"more connectors than it reads":    {connectortest.Answers(200, manyConnectors(1001)), answered("unreadable")},
		"more than a megabyte":             {connectortest.Huge(megabyte + 1), answered("too_large")},
		"more than a megabyte, compressed": {compressed(megabyte + 1), answered("too_large")},
		"another place":                    {connectortest.Redirects("https://example.com/" + token), answered("redirect")},
		"another place that is none":       {redirectsTo("http://%zz/" + token + query), answered("redirect")},
		"another place that is not told":   {connectortest.Answers(302, ""), answered("redirect")},
		"not modified":                     {connectortest.Answers(304, ""), answered("redirect")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			s.Fail(c.fault)
			poll, err := s.client.Poll(t.Context(), s.target)
			if diff := cmp.Diff(c.want, found{connector.Reason(err), connector.Answered(err)}); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if len(poll.Snapshots) != 0 {
				t.Errorf("snapshots %v", poll.Snapshots)
			}
			s.leaksNothing(t, err)
		})
	}
}

// leaksNothing fails where an error holds what only the operator may see.
func (s *stand) leaksNothing(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{"MARKER", s.server.URL, "/_debug/"} {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q in the error: %v", secret, err)
		}
	}
}

func noHTTP(w http.ResponseWriter, _ *http.Request) {
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer connection.Close()
	_, _ = io.WriteString(connection, "SSH-2.0-OpenSSH_9.9\r\n")
}

// redirectsTo points to what http.Redirect would repair.
func redirectsTo(location string) connectortest.Fault {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusFound)
	}
}

func compressed(bytes int) connectortest.Fault {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		_, _ = io.WriteString(packed, `{"connectors":{}`+strings.Repeat(" ", bytes)+"}")
		_ = packed.Close()
	}
}

func manyConnectors(n int) string {
	var b bytes.Buffer
	b.WriteString(`{"connectors":{`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"c-%d":{}`, i)
	}
	b.WriteString("}}")
	return b.String()
}

func TestAnAnswerOfAMegabyteIsRead(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.Fail(connectortest.Huge(megabyte))
	if _, err := s.client.Poll(t.Context(), s.target); err != nil {
		t.Error(err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	t.Cleanup(other.Close)
	s := newStand(t)
	s.Fail(connectortest.Redirects(other.URL + "/_debug/connectors"))
	_, err := s.client.Poll(t.Context(), s.target)
	if connector.Reason(err) != "redirect" || requests.Load() != 0 {
		t.Errorf("%v; the other host got %d requests", err, requests.Load())
	}
}

func TestAPollEndsWithItsTimeout(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.Fail(connectortest.Hangs)
	s.target.Timeout = 20 * time.Millisecond
	_, err := s.client.Poll(t.Context(), s.target)
	if diff := cmp.Diff(found{"timeout", false}, found{connector.Reason(err), connector.Answered(err)}); diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is not that the deadline is over", err)
	}
	s.leaksNothing(t, err)
}

func TestAPollEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.Fail(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := s.client.Poll(ctx, s.target)
	if connector.Reason(err) != "unreachable" || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestWhatCannotBeReachedIsUnreachable(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*stand){
		"nobody listens":                  func(s *stand) { s.server.Close() },
		"an authority that nobody trusts": func(s *stand) { s.client = connector.NewClient(connector.ClientConfig{Tokens: s.token}) },
		"a URL that is none":              func(s *stand) { s.target.URL = "https://%zz/MARKER" },
		"a scheme that is none":           func(s *stand) { s.target.URL, s.target.Audience = "gopher://example.com/MARKER", "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			spoil(s)
			_, err := s.client.Poll(t.Context(), s.target)
			if diff := cmp.Diff(found{"unreachable", false}, found{connector.Reason(err), connector.Answered(err)}); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			s.leaksNothing(t, err)
		})
	}
}

func TestAnErrorOfSomethingElseIsNoFinding(t *testing.T) {
	t.Parallel()
	err := errors.New("something else")
	if connector.Reason(err) != "failed" || connector.Answered(err) {
		t.Errorf("%s, answered %v", connector.Reason(err), connector.Answered(err))
	}
}

func TestLatencyIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	var readings atomic.Int64
	start := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return start.Add(time.Duration(readings.Add(1)) * 42 * time.Millisecond) }
	s := newStand(t)
	client := connector.NewClient(connector.ClientConfig{Transport: s.server.Client().Transport, Tokens: s.token, Now: now})
	poll, err := client.Poll(t.Context(), s.target)
	if err != nil || poll.Latency != 42*time.Millisecond {
		t.Errorf("%v, %v", poll.Latency, err)
	}
}
