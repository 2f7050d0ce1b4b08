package status

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
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

// standing is a handler whose clock stands still.
func standing(config Config, documents keeper) *Handler {
	h := New(config, documents, silent())
	h.now = func() time.Time { return now }
	return h
}

// live is a channel that has been live for 72 minutes.
func live() *source.Document {
	viewers := int64(1234)
	d := document("twitch", "1337")
	d.DisplayName = "ExampleChan"
	d.Status, d.LastStatusUpdate = source.Connected, ago(3*time.Hour)
	d.StreamStatus, d.LastStreamUpdate = source.Online, ago(5*time.Second)
	d.Stream = &source.Stream{ID: "9001", Type: "live", StartedAt: ago(72 * time.Minute)}
	d.ViewerCount = &viewers
	d.Metadata = source.Metadata{"title": "Hello", "categoryName": "Science"}
	d.AuthStatus, d.Auth = source.Valid, &source.Auth{ExpiresAt: ago(-50 * time.Hour), At: ago(time.Hour)}
	d.Permissions = []string{source.Moderator}
	return d
}

func broken() *source.Document {
	d := document("slack", "socket")
	d.Status, d.LastStatusUpdate = source.Error, ago(time.Minute)
	d.LastError = &source.LastError{Code: "socket_error", Message: "boom", At: ago(time.Minute)}
	return d
}

func TestThePageShowsEverySource(t *testing.T) {
	t.Parallel()
	r := get(t, standing(Config{}, keep(t, live(), broken())), "/")
	page := text(t, r)
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("answered %d, %q", r.StatusCode, r.Header.Get("Content-Type"))
	}
	shows(t, page,
		"<h1>1 of 2 sources connected</h1>", "<li>1 with an error</li><li>1 live</li><li>1 token expires in 2 days 2 h</li>",
		`<a data-slot="path" href="/sources/twitch:1337"><bdi data-slot="name">ExampleChan</bdi></a>`,
		`<span class="badge good" data-slot="state">connected</span>`, `<span class="badge live" data-slot="stream">live</span>`,
		"Hello", "Science", "<b>1,234</b> viewers", "1 h 12 min", "token expires in 2 days 2 h", "moderator",
		`<span class="badge bad" data-slot="state">error</span>`, "socket_error: boom",
		`<time datetime="2026-05-01T12:00:02.120Z" title="2026-05-01T12:00:02.120Z" data-slot="seen" data-as="ago">5 s ago</time>`,
		`<noscript><meta http-equiv="refresh" content="30"></noscript>`,
	)
	if strings.Index(page, "twitch:1337") < strings.Index(page, "slack:socket") {
		t.Error("trouble does not come first")
	}
	if regexp.MustCompile(`(src|href|action)="(https?:)?//`).MatchString(page) {
		t.Errorf("the page has another host:\n%s", page)
	}
	if regexp.MustCompile(`<script[^>]*>[^<]|<style| style=| on[a-z]+=`).MatchString(page) {
		t.Errorf("the page has something inline:\n%s", page)
	}
}

func TestThePagesHideWhatTheAPIHides(t *testing.T) {
	t.Parallel()
	h := standing(Config{Redact: true}, keep(t, broken()))
	for _, path := range []string{"/", "/sources/slack:socket"} {
		page := text(t, get(t, h, path))
		shows(t, page, "socket_error")
		if strings.Contains(page, "boom") {
			t.Errorf("%s shows the message of an error:\n%s", path, page)
		}
	}
}

func TestHTMLFromOutsideIsText(t *testing.T) {
	t.Parallel()
	const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>` + "\u202egnp.exe"
	d := live()
	d.ID, d.DisplayName = `"><b>`, evil
	d.Metadata = source.Metadata{"title": evil, "categoryName": evil}
	d.LastError = &source.LastError{Code: evil, Message: evil, At: ago(0)}
	d.Connectors = map[string]source.Connector{evil: {Status: source.Connected, State: evil, At: ago(0)}}
	s := keep(t)
	put(t, s, d, source.Change{Facet: source.FacetStatus, To: evil, EventID: evil, Reason: evil, By: evil, At: ago(time.Hour)})
	h := standing(Config{}, s)
	for _, path := range []string{"/", "/sources/twitch:%22%3E%3Cb%3E", "/?q=%22%3E%3Cscript%3E&platform=%22%3E%3Cscript%3E"} {
		page := text(t, get(t, h, path))
		for _, tag := range []string{"<script>", "<img src=x", "<b>alert", `twitch:"><b>`} {
			if strings.Contains(page, tag) {
				t.Errorf("%s has %s:\n%s", path, tag, page)
			}
		}
		if outside := regexp.MustCompile(`(?s)<bdi[^>]*>.*?</bdi>|<title>.*?</title>|<h1.*?</h1>|<pre.*?</pre>`).ReplaceAllString(page, ""); strings.Contains(outside, "\u202e") {
			t.Errorf("%s lets a name turn what is around it:\n%s", path, outside)
		}
	}
	shows(t, text(t, get(t, h, "/")), "&lt;script&gt;alert(1)&lt;/script&gt;", `href="/sources/twitch:%22%3E%3Cb%3E"`)
}

func TestAnEmptyPageSaysSo(t *testing.T) {
	t.Parallel()
	shows(t, text(t, get(t, standing(Config{}, keep(t)), "/")), "No sources here yet", "<h1>No sources yet</h1>")
}

func TestALongListGoesOnAnotherPage(t *testing.T) {
	t.Parallel()
	s := keep(t)
	for i := range cardsPerPage + 5 {
		put(t, s, document("twitch", fmt.Sprintf("source-%03d", i)))
	}
	h := standing(Config{}, s)
	first := text(t, get(t, h, "/?sort=name"))
	shows(t, first, "source-099", `<a rel="next" href="/?page=2&amp;sort=name">`)
	second := text(t, get(t, h, "/?page=2&sort=name"))
	shows(t, second, "source-100", "source-104", `<a rel="prev" href="/?sort=name">`)
	if strings.Contains(first, "source-100") || strings.Contains(second, "source-099") || strings.Contains(second, `rel="next"`) {
		t.Error("the pages overlap, or there is one too many")
	}
	shows(t, text(t, get(t, h, "/?page=99&sort=name")), "No source is like that")
}

func TestAPageThatCannotBeIsAPageAllTheSame(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, target string
		err          error // of the store
		status       int
		shows        string
	}{
		{"a list from a broken store", "/", errors.New("secret detail"), 503, "The store does not answer"},
		{"a source from a broken store", "/sources/twitch:1337", errors.New("secret detail"), 503, "The store does not answer"},
		{"a state that is none", "/?state=happy", nil, 400, "no such state"},
		{"an order that is none", "/?sort=up", nil, 400, "no such order"},
		{"a page before the first", "/?page=0", nil, 400, "A page is a whole number"},
		{"a query that cannot be read", "/?q=%zz", nil, 400, "The query cannot be read"},
		{"an unknown source", "/sources/twitch:404", nil, 404, "There is no such source"},
		{"a malformed id", "/sources/1337", nil, 400, "A source is named platform:id"},
		{"a scope that is none", "/sources/twitch:1337?scope=ever", nil, 400, "no such scope"},
		{"a time that is none", "/sources/twitch:1337?until=now", nil, 400, "is a time like"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var documents keeper = keep(t, live())
			if test.err != nil {
				documents = failing{test.err}
			}
			r := get(t, standing(Config{}, documents), test.target)
			page := text(t, r)
			down := test.status == http.StatusServiceUnavailable
			if r.StatusCode != test.status || r.Header.Get("Content-Type") != "text/html; charset=utf-8" || (r.Header.Get("Retry-After") != "") != down {
				t.Errorf("answered %d, %v", r.StatusCode, r.Header)
			}
			shows(t, page, test.shows)
			if strings.Contains(page, "secret detail") || strings.Contains(page, `http-equiv="refresh"`) != down {
				t.Errorf("page:\n%s", page)
			}
		})
	}
}

// keepStream stores a channel with a stream, viewers and a history.
func keepStream(t testing.TB, s store.Store, d *source.Document) {
	t.Helper()
	peak, average := int64(1500), 1000.4
	session := &source.Session{
		ID: "9001", StartedAt: ago(72 * time.Minute), Minutes: 72, Title: "Hello", PeakViewers: &peak, AverageViewers: &average,
		Categories: []source.CategoryChange{{At: ago(72 * time.Minute), Name: "Science"}, {At: ago(time.Minute), Name: "Music"}},
	}
	hour := &source.Hour{Hour: source.HourName(now.Add(-time.Hour)), Minutes: map[string]int64{"00": 900, "10": 1500, "59": 1234}}
	connected, offline := source.Value(source.Connected), source.Value(source.Offline)
	history := make(map[string]*source.Change)
	for _, c := range []source.Change{
		{Facet: source.FacetStatus, To: source.Connected, At: ago(20 * time.Hour), EventID: "e1", By: "heartbeat"},
		{Facet: source.FacetStatus, From: &connected, To: source.Error, At: ago(3*time.Hour + time.Minute), EventID: "e2", Reason: "gateway_closed", By: "heartbeat"},
		{Facet: source.FacetStatus, From: ptr(source.Error), To: source.Connected, At: ago(3 * time.Hour), EventID: "e3", By: "heartbeat"},
		{Facet: source.FacetStreamStatus, From: &offline, To: source.Online, At: ago(72 * time.Minute), EventID: "e4", By: "eventsub"},
	} {
		history[c.Key()] = &c
	}
	err := s.Update(t.Context(), d.Key(), func(*source.Document, source.Parts) (source.Result, error) {
		return source.Result{
			Document: d, Changed: true, History: history,
			Sessions: map[string]*source.Session{"9001": session}, Hours: map[string]*source.Hour{hour.Hour: hour},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func ptr(v source.Value) *source.Value { return &v }

func TestThePageOfASource(t *testing.T) {
	t.Parallel()
	s := keep(t)
	keepStream(t, s, live())
	h := standing(Config{}, s)
	r := get(t, h, "/sources/twitch:1337?scope=24h")
	page := text(t, r)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("answered %d:\n%s", r.StatusCode, page)
	}
	shows(t, page,
		"ExampleChan", "Availability of the last 24 hours: 99.9 %, 1 interruption",
		`<a href="?scope=24h" aria-current="true">24 hours</a>`, "error for 1 min",
		`<tr role="row" data-from="2026-05-01T10:48:07.120Z" data-to="">`, "1 h 12 min", "1,500", "1,000", "<bdi>Science</bdi> · <bdi>Music</bdi>",
		"<b>Connection</b> <span class=\"quiet\"><bdi>connected</bdi> →</span> <span class=\"badge bad\"><bdi>error</bdi></span> <bdi>gateway_closed</bdi>",
		"by <bdi>heartbeat</bdi>, event <code><bdi>e2</bdi></code>",
		`data-api="/api/sources/twitch:1337"`, "&#34;viewerCount&#34;: 1234", "&#34;stale&#34;: false",
		"Viewers of the last hours: 900 to 1,500, last 1,234",
	)
	if strings.Index(page, "<bdi>e4</bdi>") > strings.Index(page, "<bdi>e1</bdi>") {
		t.Error("the newest change does not come first")
	}
	older := text(t, get(t, h, "/sources/twitch:1337?until="+ago(3*time.Hour).UTC().Format(time.RFC3339Nano)))
	shows(t, older, "<bdi>e2</bdi>", "To the newest")
	if strings.Contains(older, "<bdi>e3</bdi>") {
		t.Error("what is older than a change includes it")
	}
}

func TestALongHistoryIsShownByParts(t *testing.T) {
	t.Parallel()
	s := keep(t)
	var changes []source.Change
	for i := range shownChanges + 20 {
		changes = append(changes, source.Change{
			Facet: source.FacetStatus, To: source.Connected, EventID: fmt.Sprintf("e%03d", i), At: ago(time.Duration(i) * 24 * time.Hour),
		})
	}
	put(t, s, live(), changes...)
	h := standing(Config{}, s)
	first := text(t, get(t, h, "/sources/twitch:1337"))
	shows(t, first, "<bdi>e001</bdi>", "<bdi>e099</bdi>")
	older := regexp.MustCompile(`href="([^"]*)">What was before`).FindStringSubmatch(first)
	if strings.Contains(first, "<bdi>e100</bdi>") || older == nil {
		t.Fatalf("first part:\n%s", first)
	}
	second := text(t, get(t, h, strings.TrimSuffix(strings.ReplaceAll(older[1], "&amp;", "&"), "#history")))
	shows(t, second, "<bdi>e100</bdi>", "<bdi>e119</bdi>")
	if strings.Contains(second, "<bdi>e099</bdi>") || strings.Contains(second, "What was before") {
		t.Errorf("second part:\n%s", second)
	}
}

func TestNoPartOfAHistoryEndsWithinAnInstant(t *testing.T) {
	t.Parallel()
	at := func(seconds ...int) (changes []source.Change) {
		for _, s := range seconds {
			changes = append(changes, source.Change{At: source.Time{Time: now.Add(time.Duration(s) * time.Second)}})
		}
		return changes
	}
	for _, test := range []struct {
		seconds []int
		want    int
	}{{[]int{0, 1, 2, 3}, 3}, {[]int{1, 1, 2, 3}, 2}, {[]int{1, 1, 1, 2}, 1}, {[]int{1, 1, 1, 1}, 3}} {
		if got := len(whole(at(test.seconds...), 1)); got != test.want {
			t.Errorf("%v: %d are left, want %d", test.seconds, got, test.want)
		}
	}
}

func TestAnActivityIsAPartOfAPage(t *testing.T) {
	t.Parallel()
	s := keep(t)
	keepStream(t, s, live())
	h := standing(Config{}, s)
	part := text(t, get(t, h, "/sources/twitch:1337/activity?scope=24h"))
	shows(t, part, `data-age="5" data-stale="false"`, `<svg class="curve"`, "99.9 % connected")
	if n := strings.Count(part, "<g "); n != segmentCount {
		t.Errorf("%d segments", n)
	}
	for target, want := range map[string]int{"twitch:404/activity": 404, "1337/activity": 400, "twitch:1337/activity?scope=ever": 400} {
		if r := get(t, h, "/sources/"+target); r.StatusCode != want {
			t.Errorf("%s: %d, want %d", target, r.StatusCode, want)
		}
	}
}

func TestWhatThePagesLoadIsThereAndKept(t *testing.T) {
	t.Parallel()
	h := standing(Config{}, keep(t, live()))
	loaded := regexp.MustCompile(`(?:src|href)="(/assets/[^"]+)"`)
	imported := regexp.MustCompile(`(?m)^import .* from '\./([^']+)';$`)
	paths := make(map[string]bool)
	for _, page := range []string{"/", "/sources/twitch:1337"} {
		for _, match := range loaded.FindAllStringSubmatch(text(t, get(t, h, page)), -1) {
			paths[match[1]] = true
		}
	}
	for name, content := range assets().files {
		if strings.HasSuffix(name, ".js") && !strings.Contains(name, "/") {
			paths[assets().path(name)] = true
			for _, match := range imported.FindAllSubmatch(content, -1) {
				paths[assets().path(string(match[1]))] = true
			}
		}
	}
	for path := range paths {
		r := get(t, h, path)
		if r.StatusCode != http.StatusOK || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d, %v", path, r.StatusCode, r.Header)
		}
	}
	if len(paths) < 12 {
		t.Errorf("only %d files are loaded: %v", len(paths), paths)
	}

	old := get(t, h, "/assets/0123456789abcdef/style.css")
	if old.StatusCode != http.StatusOK || old.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("another version: %d, %v", old.StatusCode, old.Header)
	}
	again := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/assets/0123456789abcdef/style.css", nil)
	again.Header.Set("If-None-Match", old.Header.Get("Etag"))
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, again); w.Code != http.StatusNotModified {
		t.Errorf("the same stylesheet again is answered %d", w.Code)
	}
	for _, path := range []string{"/assets/", "/assets/x", assets().path("nothing.js"), assets().path("../page.go"), assets().path("")} {
		if r := get(t, h, path); r.StatusCode == http.StatusOK {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}
