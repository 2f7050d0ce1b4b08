package status

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// maxEntries is how many incidents the feed tells of.
const maxEntries = 100

// feed tells of incidents, newest first, as Atom (RFC 4287).
func (h *Handler) feed(w http.ResponseWriter, r *http.Request) {
	board, _, err := h.board(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	now := h.now()
	found, err := h.incidents.of(r.Context(), board, now.Add(-incidentsFor))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	slices.SortFunc(found, func(a, b incident) int {
		return cmp.Or(b.began.At.Compare(a.began.At.Time), strings.Compare(a.began.Key(), b.began.Key()))
	})
	body, err := xml.MarshalIndent(newAtom(origin(r), found[:min(len(found), maxEntries)]), "", " ")
	if err != nil { // cannot be: there are strings only
		h.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	h.send(w, r, answer{
		status: http.StatusOK, kind: "application/atom+xml", body: append([]byte(xml.Header), append(body, '\n')...),
	})
}

// origin is where the caller found us, as far as the request tells: readers of
// feeds want whole addresses.
func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: r.Host}).String()
}

type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Author  string      `xml:"author>name"`
	Updated string      `xml:"updated"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID        string   `xml:"id"`
	Title     string   `xml:"title"`
	Published string   `xml:"published"`
	Updated   string   `xml:"updated"`
	Link      atomLink `xml:"link"`
	Category  struct {
		Term string `xml:"term,attr"`
	} `xml:"category"`
	Content string `xml:"content"`
}

func newAtom(origin string, found []incident) atomFeed {
	feed := atomFeed{
		ID:    urn(origin, "feed"),
		Title: "sourcestate: incidents", Author: "sourcestate",
		Links: []atomLink{{Rel: "self", Href: origin + "/feed.xml"}, {Rel: "alternate", Href: origin + "/"}},
	}
	newest := time.Unix(0, 0) // when nothing has happened yet
	for _, i := range found {
		feed.Entries = append(feed.Entries, newEntry(origin, i))
		if i.newest.After(newest) {
			newest = i.newest
		}
	}
	feed.Updated = event.FormatTime(newest)
	return feed
}

// newEntry tells of an incident. Its id stays when it ends, so that readers show
// it once.
func newEntry(origin string, i incident) atomEntry {
	key := i.source.Key()
	name := readableText(cmp.Or(i.source.DisplayName, i.source.ID))
	entry := atomEntry{
		ID:        urn(key.String(), i.began.Key()),
		Published: event.FormatTime(i.began.At.Time), Updated: event.FormatTime(i.newest),
		Link: atomLink{Rel: "alternate", Href: origin + "/sources/" + url.PathEscape(key.String())},
	}
	entry.Category.Term = i.source.Platform
	state := "not connected"
	if i.worst == source.Error {
		state = "in error"
	}
	if i.ended.IsZero() {
		entry.Title = fmt.Sprintf("%s (%s) is %s", name, key.Platform, state)
	} else {
		length := i.ended.Sub(i.began.At.Time).Round(time.Second)
		entry.Title = fmt.Sprintf("%s (%s) was %s for %s", name, key.Platform, state, length)
	}
	lines := make([]string, len(i.steps))
	for n, s := range i.steps {
		lines[n] = event.FormatTime(s.at) + " " + s.status
		if s.reason != "" {
			lines[n] += " (" + s.reason + ")"
		}
	}
	entry.Content = strings.Join(lines, "\n")
	return entry
}

// urn is an id that names the same thing for ever.
func urn(of ...string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.Join(of, "\n"))).URN()
}
