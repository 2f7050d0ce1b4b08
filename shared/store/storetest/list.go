package storetest

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

func ordersList(t *testing.T, f *fixture) {
	keys := []source.Key{
		{Platform: "twitch", ID: "9"}, {Platform: "twitch", ID: "10"}, {Platform: "twitch", ID: "1/0"},
		{Platform: "twitch", ID: "a"}, {Platform: "twitch", ID: "B"}, {Platform: "twitch", ID: "ü"},
		{Platform: "kick", ID: "10"}, {Platform: "discord", ID: "a:b"}, {Platform: "discord", ID: "a"},
		{Platform: "twitch", ID: "😀"}, {Platform: "twitch", ID: "\uffee"},
	}
	var want []*source.Document
	for _, key := range keys {
		document := &source.Document{
			ID: key.ID, Platform: key.Platform, Status: source.Connected, Permissions: []string{},
			ViewerCount: pointer(int64(3)), Metadata: source.Metadata{"title": "é"},
			Bookkeeping: &source.Bookkeeping{State: []byte("secret")},
		}
		f.put(t, document)
		if stored := f.get(t, key); stored.Bookkeeping == nil {
			t.Errorf("%s is stored without bookkeeping", key)
		}
		listed := document.Public()
		listed.CreatedAt = source.Time{Time: f.clock.now()}
		listed.UpdatedAt = listed.CreatedAt
		want = append(want, listed)
	}
	slices.SortFunc(want, func(a, b *source.Document) int {
		return strings.Compare(a.Key().DocumentID(), b.Key().DocumentID())
	})
	equal(t, "the list", f.list(t, store.Filter{}).Sources, want)
}

// populate stores documents of every combination of two platforms, two states
// and two states of the stream, and one of which nothing is known.
func populate(t *testing.T, f *fixture) {
	for _, platform := range []string{"kick", "twitch"} {
		for _, status := range []string{source.Connected, source.Error} {
			for _, stream := range []string{source.Online, source.Offline} {
				f.put(t, &source.Document{
					ID: status + "-" + stream, Platform: platform, Status: status, StreamStatus: stream,
				})
			}
		}
	}
	f.put(t, &source.Document{ID: "unknown", Platform: "twitch"})
}

func filtersList(t *testing.T, f *fixture) {
	populate(t, f)
	cases := []struct {
		name   string
		filter store.Filter
		want   []string
	}{
		{"platform", store.Filter{Platform: "kick"}, []string{
			"kick:CONNECTED-OFFLINE", "kick:CONNECTED-ONLINE", "kick:ERROR-OFFLINE", "kick:ERROR-ONLINE",
		}},
		{"status", store.Filter{Status: source.Error}, []string{
			"kick:ERROR-OFFLINE", "kick:ERROR-ONLINE", "twitch:ERROR-OFFLINE", "twitch:ERROR-ONLINE",
		}},
		{"stream status", store.Filter{StreamStatus: source.Online}, []string{
			"kick:CONNECTED-ONLINE", "kick:ERROR-ONLINE", "twitch:CONNECTED-ONLINE", "twitch:ERROR-ONLINE",
		}},
		{"two of them", store.Filter{Status: source.Connected, StreamStatus: source.Offline}, []string{
			"kick:CONNECTED-OFFLINE", "twitch:CONNECTED-OFFLINE",
		}},
		{
			"all of them",
			store.Filter{Platform: "twitch", Status: source.Error, StreamStatus: source.Online},
			[]string{"twitch:ERROR-ONLINE"},
		},
		{"nothing equals", store.Filter{Platform: "twitch", Status: source.Disconnected}, []string{}},
		{"letters in another case", store.Filter{Platform: "Twitch"}, []string{}},
	}
	for _, c := range cases {
		page := f.list(t, c.filter)
		equal(t, c.name, ids(page.Sources), c.want)
		if page.NextCursor != "" {
			t.Errorf("%s: there is another page", c.name)
		}
	}
}

func pagesList(t *testing.T, f *fixture) {
	populate(t, f)
	filters := map[string]store.Filter{
		"all":      {},
		"filtered": {Platform: "twitch", StreamStatus: source.Online},
		"none":     {Platform: "slack"},
	}
	for name, filter := range filters {
		want := ids(f.list(t, filter).Sources)
		for limit := 1; limit <= len(want)+1; limit++ {
			got := []string{}
			filter.Limit, filter.Cursor = limit, ""
			for pages := 1; ; pages++ {
				page := f.list(t, filter)
				got = append(got, ids(page.Sources)...)
				if page.NextCursor == "" {
					break
				}
				if len(page.Sources) != limit || pages > len(want) {
					t.Fatalf("%s: page %d has %d documents and is not the last", name, pages, len(page.Sources))
				}
				filter.Cursor = page.NextCursor
			}
			equal(t, name, got, want)
		}
	}
}

func limitsPages(t *testing.T, f *fixture) {
	const documents = store.DefaultLimit + 1
	atOnce(t, documents, func(i int) error {
		return f.Update(t.Context(), numbered(i), edit(numbered(i), nothing))
	})
	for _, limit := range []int{0, -1} {
		page := f.list(t, store.Filter{Limit: limit})
		if len(page.Sources) != store.DefaultLimit || page.NextCursor == "" {
			t.Errorf("with limit %d a page has %d documents and next cursor %q", limit, len(page.Sources), page.NextCursor)
		}
	}
	if page := f.list(t, store.Filter{Limit: 1 << 40}); len(page.Sources) != documents {
		t.Errorf("with a huge limit a page has %d documents, want %d", len(page.Sources), documents)
	}
}

func refusesCursors(t *testing.T, f *fixture) {
	for i := range 2 {
		key := numbered(i)
		f.put(t, &source.Document{ID: key.ID, Platform: key.Platform},
			step(at("2026-05-04T11:00:00Z"), "e1"), step(at("2026-05-04T11:00:00Z"), "e2"))
	}
	ofList := f.list(t, store.Filter{Limit: 1}).NextCursor
	ofHistory := f.history(t, numbered(0), store.HistoryQuery{Limit: 1}).NextCursor
	malformed := []string{"not base64!", "AAAA", base64.RawURLEncoding.EncodeToString([]byte(store.SourceCursor)),
		store.SourceCursor.Encode("a/b"), store.HistoryCursor.Encode("../x"), ofList + "="}
	for _, cursor := range append(malformed, ofHistory) {
		if _, err := f.List(t.Context(), store.Filter{Cursor: cursor}); !errors.Is(err, store.ErrCursor) {
			t.Errorf("List with cursor %q = %v, want ErrCursor", cursor, err)
		}
	}
	for _, cursor := range append(malformed, ofList) {
		_, err := f.History(t.Context(), numbered(0), store.HistoryQuery{Cursor: cursor})
		if !errors.Is(err, store.ErrCursor) {
			t.Errorf("History with cursor %q = %v, want ErrCursor", cursor, err)
		}
	}
}
