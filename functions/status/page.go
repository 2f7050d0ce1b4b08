package status

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for the assets
	"encoding/hex"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

const stylePath = "/style.css"

// reload is how often the page loads itself again.
const reload = 5 * time.Second

var (
	//go:embed assets/style.css
	styleSheet []byte
	//go:embed assets/page.html
	pageText string

	pageTemplate = template.Must(template.New("page").Parse(pageText))
	styleTag     = func() string {
		sum := sha256.Sum256(styleSheet)
		return `"` + hex.EncodeToString(sum[:8]) + `"`
	}()
)

// style serves the stylesheet, which a page that reloads itself finds in the
// cache.
func style(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=60")
	w.Header().Set("Etag", styleTag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(styleSheet))
}

// view is what the page shows.
type view struct {
	Reload  int // seconds
	Style   string
	Problem string // in place of the rows
	Rows    []row
	Counts  []count
	First   string // the path of the first page, when this is another
	Next    string // the path of the next page
}

// A count is one number above the table.
type count struct {
	Number int
	Label  string
}

// A row is one source.
type row struct {
	Platform, ID, Name string
	Path               string // of the document in the API
	Status, Stream     badge
	Title, Category    string
	Viewers            string
	Error              string
	Changed            moment
}

// A badge is a state and the class that colours it.
type badge struct{ Text, Class string }

// A moment is a time to read and the exact instant.
type moment struct{ Text, Exact string }

// page shows a page of all sources. It keeps reloading itself while there is a
// problem, so that it is there again when the problem is gone.
func (h *Handler) page(w http.ResponseWriter, r *http.Request) {
	v := view{Reload: int(reload.Seconds()), Style: stylePath}
	filter, err := readFilter(r)
	var sources store.Page
	if err == nil {
		sources, err = h.documents.List(r.Context(), filter)
	}
	if err != nil {
		p := h.explain(r.Context(), err)
		p.announce(w.Header())
		v.Problem = p.detail
		writePage(w, p.status, v)
		return
	}
	for _, document := range sources.Sources {
		v.Rows = append(v.Rows, newRow(h.public(document)))
	}
	v.Counts = counts(sources.Sources)
	if filter.Cursor != "" {
		v.First = withCursor(r.URL, "")
	}
	if sources.NextCursor != "" {
		v.Next = withCursor(r.URL, sources.NextCursor)
	}
	writePage(w, http.StatusOK, v)
}

func writePage(w http.ResponseWriter, status int, v view) {
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, v); err != nil { // cannot be: the tests have shown the page
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	// A browser that has gone away needs no answer.
	_, _ = w.Write(body.Bytes())
}

// withCursor is a reference to the same list at another place.
func withCursor(u *url.URL, cursor string) string {
	query := u.Query()
	query.Del("cursor")
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	return "?" + query.Encode()
}

func counts(documents []*source.Document) []count {
	live, broken := 0, 0
	for _, document := range documents {
		if document.StreamStatus == source.Online {
			live++
		}
		if document.Status == source.Error || document.Status == source.Disconnected {
			broken++
		}
	}
	noun := "sources"
	if len(documents) == 1 {
		noun = "source"
	}
	return []count{{len(documents), noun}, {live, "live"}, {broken, "not connected"}}
}

func newRow(d *source.Document) row {
	r := row{
		Platform: d.Platform,
		ID:       d.ID,
		Name:     d.DisplayName,
		Path:     "/api/sources/" + url.PathEscape(d.Key().String()),
		Status:   newBadge(d.Status),
		Stream:   newBadge(d.StreamStatus),
		Title:    event.Text(d.Metadata["title"]),
		Category: event.Text(d.Metadata["categoryName"]),
		Changed:  newMoment(d.UpdatedAt.Time),
	}
	if r.Name == "" {
		r.Name = d.ID
	}
	if d.ViewerCount != nil {
		r.Viewers = strconv.FormatInt(*d.ViewerCount, 10)
	}
	if d.LastError != nil {
		r.Error = strings.Trim(d.LastError.Code+": "+d.LastError.Message, ": ")
	}
	return r
}

// newBadge colours a state. What is not known is said so, and is not bad.
func newBadge(state string) badge {
	switch state {
	case "":
		return badge{"unknown", "unknown"}
	case source.Connected, source.Online:
		return badge{strings.ToLower(state), "good"}
	case source.Error:
		return badge{strings.ToLower(state), "bad"}
	case source.Disconnected:
		return badge{strings.ToLower(state), "poor"}
	}
	return badge{strings.ToLower(state), "quiet"}
}

func newMoment(t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	return moment{Text: t.UTC().Format("2006-01-02 15:04:05"), Exact: event.FormatTime(t)}
}
