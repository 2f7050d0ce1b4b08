package status

import (
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sourcestate/sourcestate/shared/source"
)

func TestBadges(t *testing.T) {
	t.Parallel()
	viewers := int64(12345)
	said := func(change func(*source.Document)) *source.Document {
		d := document("twitch", "1")
		d.DisplayName, d.LastStatusUpdate = "ExampleChan", source.Time{Time: now}
		change(d)
		return d
	}
	live := said(func(d *source.Document) {
		d.Status, d.StreamStatus, d.ViewerCount = source.Connected, source.Online, &viewers
	})
	tests := []struct {
		name, query string
		document    *source.Document
		stale       bool
		want        string
	}{
		{name: "live with viewers", document: live, want: "ExampleChan: live · 12,345"},
		{name: "live, with nobody counted", document: said(func(d *source.Document) { d.StreamStatus = source.Online }), want: "ExampleChan: live"},
		{name: "offline", document: said(func(d *source.Document) { d.StreamStatus = source.Offline }), want: "ExampleChan: offline"},
		{name: "the connection, where there is no stream", document: said(func(d *source.Document) { d.Status = source.Error }), want: "ExampleChan: error"},
		{name: "the connection, when asked for", query: "?show=connection", document: live, want: "ExampleChan: connected"},
		{name: "a connection that is lost", document: said(func(d *source.Document) { d.Status = source.Disconnected }), want: "ExampleChan: disconnected"},
		{name: "the stream, when asked for", query: "?show=stream", document: said(func(d *source.Document) { d.Status = source.Error }), want: "ExampleChan: unknown"},
		{name: "nothing known", document: said(func(*source.Document) {}), want: "ExampleChan: unknown"},
		{name: "nothing known for sure", document: live, stale: true, want: "ExampleChan: live · 12,345?"},
		{name: "no name", document: said(func(d *source.Document) { d.DisplayName = "" }), want: "1: unknown"},
		{name: "another style", query: "?style=flat-square", document: live, want: "ExampleChan: live · 12,345"},
		{name: "no label", query: "?style=plain", document: live, want: "ExampleChan: live · 12,345"},
		{
			name: "a name that is markup", document: said(func(d *source.Document) { d.DisplayName = `<script>"&'` }),
			want: `<script>"&': unknown`,
		},
		{
			name: "a name that would turn the line around", document: said(func(d *source.Document) { d.DisplayName = "a\u202eb\u0007" }),
			want: "ab: unknown",
		},
		{
			name: "a name that is long", document: said(func(d *source.Document) { d.DisplayName = strings.Repeat("日", 200) }),
			want: strings.Repeat("日", 39) + "…: unknown",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := New(Config{}, keep(t, test.document), silent())
			h.now = func() time.Time { return now }
			if test.stale {
				h.now = func() time.Time { return now.Add(time.Hour) }
			}
			r := get(t, h, "/badge/twitch:1.svg"+test.query)
			body := text(t, r)
			if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "image/svg+xml" {
				t.Fatalf("answered %d, %v: %s", r.StatusCode, r.Header, body)
			}
			if !strings.Contains(r.Header.Get("Cache-Control"), "max-age=30") || r.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
				t.Errorf("headers %v", r.Header)
			}
			title, texts := readSVG(t, body)
			if title != test.want {
				t.Errorf("title %q, want %q", title, test.want)
			}
			label, said, _ := strings.Cut(title, ": ")
			if test.query != "?style=plain" {
				said = label + said
			}
			if texts != said {
				t.Errorf("it shows %q, want %q", texts, said)
			}
			if strings.Contains(body, "style=") || strings.Contains(body, "<style") {
				t.Errorf("the policy forbids styles: %s", body)
			}
		})
	}
}

// readSVG reads a badge as XML: its title, and its other texts together.
func readSVG(t *testing.T, body string) (title, texts string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(body))
	element := ""
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return title, texts
		} else if err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		switch token := token.(type) {
		case xml.StartElement:
			element = token.Name.Local
		case xml.CharData:
			switch element {
			case "title":
				title += string(token)
			case "text":
				texts += strings.TrimSuffix(string(token), "\n")
			}
		case xml.EndElement:
			element = ""
		}
	}
}

func FuzzShield(f *testing.F) {
	f.Add("ExampleChan", "live")
	f.Add("<b>&\x00\u202e", "日本")
	f.Fuzz(func(t *testing.T, label, said string) {
		if !utf8.ValidString(label) || !utf8.ValidString(said) {
			t.Skip("documents are valid UTF-8")
		}
		for _, style := range []string{styleFlat, stylePlain} {
			readSVG(t, string(shield{readableText(label), said, grey}.draw(style)))
		}
	})
}
