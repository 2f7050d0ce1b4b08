package status

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
)

// with is an answer to a request that has a header.
func with(t testing.TB, h http.Handler, target, header, value string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	r.Header.Set(header, value)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestWhatTheCallerHasIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := keep(t)
	put(t, s, document("twitch", "1"), change(0))
	h := New(Config{}, s, silent())
	clock := now
	h.now = func() time.Time { return clock }
	targets := []string{
		"/api/sources", "/api/sources?limit=1", "/api/sources/twitch:1", "/api/sources/twitch:1/history",
		"/api/sources/twitch:1/streams", "/api/sources/twitch:1/viewers", "/api/openapi.json",
		"/badge/twitch:1.svg", "/feed.xml",
	}
	tags := make(map[string]string)
	for _, target := range targets {
		r := get(t, h, target)
		tags[target] = r.Header.Get("Etag")
		if r.StatusCode != http.StatusOK || tags[target] == "" || strings.Contains(r.Header.Get("Cache-Control"), "no-store") {
			t.Fatalf("%s: %d, %v", target, r.StatusCode, r.Header)
		}
		for _, given := range []string{tags[target], `"a", ` + tags[target], "*", strings.TrimPrefix(tags[target], "W/")} {
			again := with(t, h, target, "If-None-Match", given)
			if body := text(t, again); again.StatusCode != http.StatusNotModified || body != "" || again.Header.Get("Etag") != tags[target] {
				t.Errorf("%s: If-None-Match %s is answered %d, %q", target, given, again.StatusCode, body)
			}
		}
		if r := with(t, h, target, "If-None-Match", `"other"`); r.StatusCode != http.StatusOK {
			t.Errorf("%s: another tag is answered %d", target, r.StatusCode)
		}
	}

	clock = clock.Add(2 * time.Second) // older, and otherwise as before
	for _, target := range targets {
		if r := with(t, h, target, "If-None-Match", tags[target]); r.StatusCode != http.StatusNotModified {
			t.Errorf("%s: a little later answered %d", target, r.StatusCode)
		}
	}
	clock = clock.Add(time.Hour) // stale
	for _, target := range []string{"/api/sources", "/api/sources/twitch:1", "/badge/twitch:1.svg"} {
		if r := with(t, h, target, "If-None-Match", tags[target]); r.StatusCode != http.StatusOK {
			t.Errorf("%s: answered %d when it is stale", target, r.StatusCode)
		}
	}
	clock = now
	d := document("twitch", "1")
	d.Status = source.Error
	put(t, s, d)
	if r := with(t, h, "/api/sources/twitch:1", "If-None-Match", tags["/api/sources/twitch:1"]); r.StatusCode != http.StatusOK {
		t.Errorf("after a change answered %d", r.StatusCode)
	}
}

func TestProblemsHaveNoTag(t *testing.T) {
	t.Parallel()
	r := with(t, New(Config{}, keep(t), silent()), "/api/sources/twitch:1", "If-None-Match", "*")
	if r.StatusCode != http.StatusNotFound || r.Header.Get("Etag") != "" {
		t.Errorf("answered %d, %v", r.StatusCode, r.Header)
	}
}

func TestLongAnswersAreCompressedForWhoTakesIt(t *testing.T) {
	t.Parallel()
	s := keep(t)
	for i := range 30 {
		put(t, s, document("twitch", fmt.Sprint(i)))
	}
	h := New(Config{}, s, silent())
	plain := text(t, get(t, h, "/api/sources"))
	tests := []struct {
		accept     string
		compressed bool
	}{
		{"gzip", true}, {"br, GZIP;q=0.5", true}, {"*", true}, {"gzip;q=0", false}, {"gzip; q=0.0", false},
		{"*;q=0, gzip", true}, {"gzip;q=0, *", false}, {"br", false}, {"", false}, {"gzip;q=x", false},
	}
	for _, test := range tests {
		r := with(t, h, "/api/sources", "Accept-Encoding", test.accept)
		if r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: Vary %q", test.accept, r.Header.Get("Vary"))
		}
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != test.compressed {
			t.Errorf("%q: compressed %v", test.accept, got)
			continue
		}
		if !test.compressed {
			continue
		}
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(unzipped)
		if err != nil || len(body) != len(plain) || r.Header.Get("Content-Length") != "" {
			t.Errorf("%q: %d bytes of %d, %v, %v", test.accept, len(body), len(plain), err, r.Header)
		}
	}
	if r := with(t, h, "/healthz", "Accept-Encoding", "gzip"); r.Header.Get("Content-Encoding") != "" {
		t.Error("a short answer is compressed")
	}
	r := with(t, h, "/api/sources", "Accept-Encoding", "gzip")
	again := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/sources", nil)
	again.Header.Set("Accept-Encoding", "gzip")
	again.Header.Set("If-None-Match", r.Header.Get("Etag"))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, again)
	if w.Code != http.StatusNotModified || w.Header().Get("Content-Encoding") != "" || w.Body.Len() != 0 {
		t.Errorf("again answered %d, %v, %d bytes", w.Code, w.Header(), w.Body.Len())
	}
}
