package status

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mmcdole/gofeed/atom"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// turned is a change of status at a number of minutes before now.
func turned(minutes int, from, to, reason string) source.Change {
	c := source.Change{
		Facet: source.FacetStatus, To: source.Value(to), At: ago(time.Duration(minutes) * time.Minute),
		EventID: fmt.Sprint("e", minutes), Reason: reason, By: "test",
	}
	if from != "" {
		value := source.Value(from)
		c.From = &value
	}
	return c
}

func readFeed(t testing.TB, h http.Handler) *atom.Feed {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://status.example/feed.xml", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/atom+xml" {
		t.Fatalf("answered %d, %v", w.Code, w.Header())
	}
	feed, err := new(atom.Parser).Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return feed
}

// An entry is what a test looks at of an entry.
type entry struct{ Title, Published, Updated, Link, Content string }

func entries(feed *atom.Feed) []entry {
	found := []entry{}
	for _, e := range feed.Entries {
		found = append(found, entry{e.Title, e.Published, e.Updated, e.Links[0].Href, e.Content.Value})
	}
	return found
}

func TestTheFeedTellsOfIncidents(t *testing.T) {
	t.Parallel()
	const (
		connected, disconnected, failed = source.Connected, source.Disconnected, source.Error
	)
	tests := []struct {
		name    string
		changes []source.Change
		want    []entry
	}{
		{name: "nothing", want: []entry{}},
		{name: "a source that is first seen", changes: []source.Change{turned(9, "", connected, "")}, want: []entry{}},
		{name: "a source that was never connected", changes: []source.Change{turned(9, "", failed, ""), turned(8, failed, connected, "")}, want: []entry{}},
		{
			name:    "a source that left and came back is one",
			changes: []source.Change{turned(9, connected, disconnected, "UNREACHABLE"), turned(5, disconnected, connected, "")},
			want: []entry{{
				"ExampleChan (twitch) was not connected for 4m0s", "2026-05-01T11:51:07.120Z", "2026-05-01T11:55:07.120Z",
				"http://status.example/sources/twitch:a%2Fb",
				"2026-05-01T11:51:07.120Z DISCONNECTED (UNREACHABLE)\n2026-05-01T11:55:07.120Z CONNECTED",
			}},
		},
		{
			name:    "a source that is away and gets worse is one",
			changes: []source.Change{turned(9, connected, disconnected, ""), turned(5, disconnected, failed, "boom"), turned(4, failed, disconnected, "")},
			want: []entry{{
				"ExampleChan (twitch) is in error", "2026-05-01T11:51:07.120Z", "2026-05-01T11:56:07.120Z",
				"http://status.example/sources/twitch:a%2Fb",
				"2026-05-01T11:51:07.120Z DISCONNECTED\n2026-05-01T11:55:07.120Z ERROR (boom)\n2026-05-01T11:56:07.120Z DISCONNECTED",
			}},
		},
		{
			name: "the newest is first, and what is old is left out",
			changes: []source.Change{
				turned(40*24*60, connected, failed, ""), turned(40*24*60-1, failed, connected, ""),
				turned(9, connected, failed, ""), turned(8, failed, connected, ""), turned(1, connected, disconnected, ""),
			},
			want: []entry{
				{
					"ExampleChan (twitch) is not connected", "2026-05-01T11:59:07.120Z", "2026-05-01T11:59:07.120Z",
					"http://status.example/sources/twitch:a%2Fb", "2026-05-01T11:59:07.120Z DISCONNECTED",
				},
				{
					"ExampleChan (twitch) was in error for 1m0s", "2026-05-01T11:51:07.120Z", "2026-05-01T11:52:07.120Z",
					"http://status.example/sources/twitch:a%2Fb", "2026-05-01T11:51:07.120Z ERROR\n2026-05-01T11:52:07.120Z CONNECTED",
				},
			},
		},
		{
			name: "other facets are no incidents",
			changes: []source.Change{
				{Facet: source.FacetStreamStatus, To: source.Offline, At: ago(time.Minute), EventID: "e"},
			},
			want: []entry{},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := document("twitch", "a/b")
			d.DisplayName = "ExampleChan"
			s := keep(t)
			put(t, s, d, test.changes...)
			h := New(Config{}, s, silent())
			h.now = func() time.Time { return now }
			feed := readFeed(t, h)
			if diff := cmp.Diff(test.want, entries(feed)); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
			if feed.ID == "" || feed.Updated == "" || feed.Title == "" || len(feed.Authors) != 1 || len(feed.Links) != 2 {
				t.Errorf("feed %v", feed)
			}
			ids := make(map[string]bool)
			for _, e := range feed.Entries {
				if ids[e.ID] || !strings.HasPrefix(e.ID, "urn:uuid:") {
					t.Errorf("id %q", e.ID)
				}
				ids[e.ID] = true
			}
		})
	}
}

func TestAnIncidentThatEndsKeepsItsEntry(t *testing.T) {
	t.Parallel()
	d := document("twitch", "1")
	d.DisplayName = `<b>&"` + "\x00"
	clock := now
	s := keepAt(t, func() time.Time { return clock })
	left := turned(9, source.Connected, source.Error, "<script>")
	put(t, s, d, left)
	h := New(Config{}, s, silent())
	h.now = func() time.Time { return clock }
	before := readFeed(t, h)
	clock = clock.Add(2 * time.Second)
	put(t, s, d, left, turned(1, source.Error, source.Connected, ""))
	after := readFeed(t, h)
	if len(before.Entries) != 1 || len(after.Entries) != 1 || before.Entries[0].ID != after.Entries[0].ID || before.ID != after.ID {
		t.Fatalf("before %v, after %v", before, after)
	}
	if got, want := after.Entries[0].Title, `<b>&" (twitch) was in error for 8m0s`; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
}

// readsOf counts the histories that are read.
type readsOf struct {
	historian
	counting *counting
}

func (r readsOf) History(ctx context.Context, key source.Key, query store.HistoryQuery) (store.HistoryPage, error) {
	r.counting.readings.Add(1)
	return r.historian.History(ctx, key, query)
}

func TestHistoriesThatDidNotChangeAreNotReadAgain(t *testing.T) {
	t.Parallel()
	s := keep(t, document("twitch", "1"), document("twitch", "2"))
	c := &counting{clock: now}
	h := New(Config{}, s, silent())
	h.now = func() time.Time { return now }
	h.incidents.histories = readsOf{s, c}
	for range 3 {
		readFeed(t, h)
	}
	if got := c.readings.Load(); got != 2 {
		t.Errorf("%d histories were read", got)
	}
}
