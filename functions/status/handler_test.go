package status

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/store"
)

func TestEveryOtherMethodIsRefused(t *testing.T) {
	t.Parallel()
	h := New(Config{}, keep(t), silent())
	for _, path := range []string{"/", "/api/openapi.json", "/api/sources", "/api/sources/twitch:1", "/healthz", "/nothing"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			r := request(t, h, method, path)
			if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, path, r.StatusCode, r.Header.Get("Allow"))
			}
		}
	}
}

func TestHeadIsAnsweredAsGet(t *testing.T) {
	t.Parallel()
	h := New(Config{}, keep(t, document("twitch", "1")), silent())
	for _, path := range []string{"/", "/api/openapi.json", "/api/sources", "/api/sources/twitch:1", "/api/sources/twitch:1/history", "/healthz"} {
		head, got := request(t, h, http.MethodHead, path), get(t, h, path)
		if head.StatusCode != http.StatusOK || got.StatusCode != http.StatusOK {
			t.Errorf("%s: HEAD %d, GET %d", path, head.StatusCode, got.StatusCode)
		}
		if diff := cmp.Diff(got.Header, head.Header); diff != "" {
			t.Errorf("%s: headers of HEAD differ (-GET +HEAD):\n%s", path, diff)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	h := New(Config{}, failing{errors.New("down")}, silent())
	got := decoded(t, get(t, h, "/healthz"), http.StatusOK)
	if diff := cmp.Diff(map[string]any{"status": "ok"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	broken := errors.New("firestore: secret detail")
	tests := []struct {
		name   string
		target string
		err    error // of the store
		status int
	}{
		{name: "an unknown path", target: "/nothing", status: 404},
		{name: "a path below a source that is none", target: "/api/sources/twitch:1/nothing", status: 404},
		{name: "an id without platform", target: "/api/sources/1337", status: 400},
		{name: "an id without anything behind the colon", target: "/api/sources/twitch:", status: 400},
		{name: "an id with a control character", target: "/api/sources/twitch:a%00b", status: 400},
		{name: "a history of a malformed id", target: "/api/sources/1337/history", status: 400},
		{name: "an unknown source", target: "/api/sources/twitch:404", status: 404},
		{name: "the history of an unknown source", target: "/api/sources/twitch:404/history", status: 404},
		{name: "the streams of an unknown source", target: "/api/sources/twitch:404/streams", status: 404},
		{name: "the viewers of an unknown source", target: "/api/sources/twitch:404/viewers", status: 404},
		{name: "the badge of an unknown source", target: "/badge/twitch:404.svg", status: 404},
		{name: "a badge of a malformed id", target: "/badge/1337.svg", status: 400},
		{name: "a badge of another kind", target: "/badge/twitch:1.png", status: 404},
		{name: "a badge in no style", target: "/badge/twitch:1.svg?style=ugly", status: 400},
		{name: "a badge of nothing that there is", target: "/badge/twitch:1.svg?show=weather", status: 400},
		{name: "debugging without a token set", target: "/_debug/twitch", status: 404},
		{name: "a query that is huge", target: "/api/sources?platform=" + strings.Repeat("x", maxQuery), status: 414},
		{name: "a path that is huge", target: "/api/sources/" + strings.Repeat("x", maxPath), status: 414},
		{name: "a malformed cursor", target: "/api/sources?cursor=%21", status: 400},
		{name: "a malformed cursor of a history", target: "/api/sources/twitch:1/history?cursor=x", status: 400},
		{name: "a malformed from", target: "/api/sources/twitch:1/history?from=yesterday", status: 400},
		{name: "a to without a zone", target: "/api/sources/twitch:1/history?to=2026-05-01T12:00:00", status: 400},
		{name: "a cursor of another list", target: "/api/sources/twitch:1/streams?cursor=czp4", status: 400},
		{name: "a malformed cursor of viewers", target: "/api/sources/twitch:1/viewers?cursor=bTpub3c", status: 400},
		{name: "a time before everything", target: "/api/sources/twitch:1/viewers?from=0001-01-01T00:00:00Z", status: 400},
		{name: "a time after everything", target: "/api/sources/twitch:1/history?to=9999-01-01T00:00:00Z", status: 400},
		{name: "a range that ends before it begins", target: "/api/sources/twitch:1/viewers?from=2026-05-02T00:00:00Z&to=2026-05-01T00:00:00Z", status: 400},
		{name: "a limit beyond all numbers", target: "/api/sources?limit=99999999999999999999", status: 400},
		{name: "a limit of nothing", target: "/api/sources?limit=0", status: 400},
		{name: "a limit that is no number", target: "/api/sources/twitch:1/history?limit=many", status: 400},
		{name: "a query that cannot be read", target: "/api/sources?status=%zz", status: 400},
		{name: "a list from a broken store", target: "/api/sources", err: broken, status: 503},
		{name: "a source from a broken store", target: "/api/sources/twitch:1", err: broken, status: 503},
		{name: "a history from a broken store", target: "/api/sources/twitch:1/history", err: broken, status: 503},
		{name: "streams from a broken store", target: "/api/sources/twitch:1/streams", err: broken, status: 503},
		{name: "viewers from a broken store", target: "/api/sources/twitch:1/viewers", err: broken, status: 503},
		{name: "a badge from a broken store", target: "/badge/twitch:1.svg", err: broken, status: 503},
		{name: "metrics from a broken store", target: "/metrics", err: broken, status: 503},
		{name: "a feed from a broken store", target: "/feed.xml", err: broken, status: 503},
		{name: "events from a broken store", target: "/api/events", err: broken, status: 503},
		{name: "a store that is too slow", target: "/api/sources", err: context.DeadlineExceeded, status: 503},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var documents keeper = keep(t, document("twitch", "1"))
			if test.err != nil {
				documents = failing{fmt.Errorf("reading: %w", test.err)}
			}
			r := get(t, New(Config{}, documents, silent()), test.target)
			if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("Content-Type %q", got)
			}
			if got := r.Header.Get("Retry-After"); (got != "") != (test.status == 503) {
				t.Errorf("Retry-After %q of %d", got, test.status)
			}
			got := decoded(t, r, test.status)
			if got["status"] != float64(test.status) || got["title"] != http.StatusText(test.status) || got["detail"] == "" {
				t.Errorf("problem %v", got)
			}
			if strings.Contains(fmt.Sprint(got), "secret detail") {
				t.Errorf("the problem gives away an error of the store: %v", got)
			}
		})
	}
}

func TestTroubleOfTheStoreIsLoggedAndThatOfCallersIsNot(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		err    error
		logged bool
	}{
		{"a broken store is logged", errors.New("broken pipe"), true},
		{"a caller that went away is not", context.Canceled, false},
		{"a malformed cursor is not", store.ErrCursor, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var logs bytes.Buffer
			h := New(Config{}, failing{test.err}, slog.New(slog.NewTextHandler(&logs, nil)))
			get(t, h, "/api/sources")
			if got := strings.Contains(logs.String(), test.err.Error()); got != test.logged {
				t.Errorf("logged: %v, want %v: %s", got, test.logged, &logs)
			}
		})
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	h := New(Config{}, keep(t), silent())
	for _, path := range []string{"/", "/api/openapi.json", "/api/sources", "/nothing"} {
		header := get(t, h, path).Header
		policy := header.Get("Content-Security-Policy")
		for _, directive := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, directive) {
				t.Errorf("%s: policy %q lacks %q", path, policy, directive)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q allows what is inline", path, policy)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v", path, header)
		}
	}
}

func TestThePageIsAtThePathOfTheFunctionToo(t *testing.T) {
	t.Parallel()
	h := atRoot(New(Config{}, keep(t), silent()))
	for path, want := range map[string]int{"/": 200, "/Status": 200, "/Status/": 404, "/healthz": 200} {
		if got := get(t, h, path).StatusCode; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
}
