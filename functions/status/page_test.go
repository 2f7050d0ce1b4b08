package status

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/sourcestate/sourcestate/shared/source"
)

// shows fails the test for each text that the page lacks.
func shows(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %q:\n%s", text, page)
		}
	}
}

func live() *source.Document {
	viewers := int64(1234)
	d := document("twitch", "1337")
	d.DisplayName = "ExampleChan"
	d.Status, d.StreamStatus = source.Connected, source.Online
	d.ViewerCount = &viewers
	d.Metadata = source.Metadata{"title": "Hello", "categoryName": "Science"}
	return d
}

func TestThePageShowsEverySource(t *testing.T) {
	t.Parallel()
	broken := document("slack", "socket")
	broken.Status = source.Error
	broken.LastError = &source.LastError{Code: "socket_error", Message: "boom"}
	r := get(t, New(Config{}, keep(t, live(), broken), silent()), "/")
	page := text(t, r)
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("answered %d, %q", r.StatusCode, r.Header.Get("Content-Type"))
	}
	shows(t, page,
		"ExampleChan", "twitch:1337", "connected", "online", "Hello", "Science", "1234",
		"socket", "error", "socket_error: boom", "unknown",
		`<b>2</b> sources`, `<b>1</b> live`, `<b>1</b> not connected`,
		`href="/api/sources/twitch:1337"`, `href="/api/sources/twitch:1337/history"`,
		`datetime="2026-05-01T12:00:07.120Z" title="2026-05-01T12:00:07.120Z">2026-05-01 12:00:07</time>`,
		`<meta http-equiv="refresh" content="5">`,
	)
	if strings.Contains(page, "<script") || regexp.MustCompile(`(src|href)="(https?:)?//`).MatchString(page) {
		t.Errorf("the page has a script or another host:\n%s", page)
	}
}

func TestThePageHidesWhatTheAPIHides(t *testing.T) {
	t.Parallel()
	d := live()
	d.LastError = &source.LastError{Code: "socket_error", Message: "boom"}
	page := text(t, get(t, New(Config{Redact: true}, keep(t, d), silent()), "/"))
	shows(t, page, "socket_error", "Hello")
	if strings.Contains(page, "boom") {
		t.Errorf("the page shows the message of an error:\n%s", page)
	}
}

func TestHTMLFromOutsideIsText(t *testing.T) {
	t.Parallel()
	const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	d := document("twitch", `"><b>`)
	d.DisplayName = evil
	d.Metadata = source.Metadata{"title": evil, "categoryName": evil}
	d.LastError = &source.LastError{Code: evil, Message: evil}
	page := text(t, get(t, New(Config{}, keep(t, d), silent()), "/"))
	for _, tag := range []string{"<script", "<img", "<b>alert"} {
		if strings.Contains(page, tag) {
			t.Errorf("the page has %s:\n%s", tag, page)
		}
	}
	shows(t, page, "&lt;script&gt;alert(1)&lt;/script&gt;", `href="/api/sources/twitch:%22%3E%3Cb%3E"`)
}

func TestAnEmptyPageSaysSo(t *testing.T) {
	t.Parallel()
	shows(t, text(t, get(t, New(Config{}, keep(t), silent()), "/")), "No sources here yet", "<b>0</b> sources")
}

func TestALongListGoesOnAnotherPage(t *testing.T) {
	t.Parallel()
	s := keep(t)
	for i := range 3 {
		put(t, s, document("twitch", fmt.Sprint("source-", i)))
	}
	h := New(Config{}, s, silent())
	first := text(t, get(t, h, "/?limit=2"))
	next := regexp.MustCompile(`href="(\?[^"]*)">next page`).FindStringSubmatch(first)
	if next == nil {
		t.Fatalf("no next page:\n%s", first)
	}
	second := text(t, get(t, h, "/"+strings.ReplaceAll(next[1], "&amp;", "&")))
	shows(t, second, "source-2", `href="?limit=2">first page`)
	if strings.Contains(second, "source-1") || strings.Contains(second, "next page") {
		t.Errorf("second page:\n%s", second)
	}
}

func TestThePageStaysAPageWhileThereIsAProblem(t *testing.T) {
	t.Parallel()
	r := get(t, New(Config{}, failing{errors.New("down")}, silent()), "/")
	if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("answered %d, Retry-After %q", r.StatusCode, r.Header.Get("Retry-After"))
	}
	shows(t, text(t, r), "The store does not answer", `http-equiv="refresh"`)

	r = get(t, New(Config{}, keep(t), silent()), "/?cursor=x")
	if r.StatusCode != http.StatusBadRequest {
		t.Errorf("a malformed cursor is answered %d", r.StatusCode)
	}
	shows(t, text(t, r), "The cursor is not one")
}

func TestTheStylesheetIsRevalidated(t *testing.T) {
	t.Parallel()
	h := New(Config{}, keep(t), silent())
	r := get(t, h, "/style.css")
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/css; charset=utf-8" || r.Header.Get("Etag") == "" {
		t.Errorf("answered %d, %v", r.StatusCode, r.Header)
	}
	again := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/style.css", nil)
	again.Header.Set("If-None-Match", r.Header.Get("Etag"))
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, again); w.Code != http.StatusNotModified {
		t.Errorf("the same stylesheet again is answered %d", w.Code)
	}
	if page := text(t, get(t, h, "/")); !strings.Contains(page, `href="/style.css"`) {
		t.Errorf("the page has no stylesheet:\n%s", page)
	}
}
