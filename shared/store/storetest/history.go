package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

func writesHistory(t *testing.T, f *fixture) {
	first := step(at("2026-05-04T11:00:00Z"), "e1")
	second := step(at("2026-05-04T11:01:00Z"), "e2")
	f.put(t, &source.Document{ID: "1337", Platform: "twitch"}, first, second)

	replaced := second
	replaced.Reason = "poll"
	third := step(at("2026-05-04T11:02:00Z"), "e3")
	absent := step(at("2026-05-04T11:03:00Z"), "e4")
	f.update(t, channel, func(before *source.Document, _ source.Parts) (source.Result, error) {
		after := *before
		after.Status = source.Connected
		return source.Result{Document: &after, Changed: true, History: map[string]*source.Change{
			first.Key(): nil, replaced.Key(): &replaced, third.Key(): &third, absent.Key(): nil,
		}}, nil
	})
	equal(t, "the status", f.get(t, channel).Status, source.Connected)
	equal(t, "the history", f.history(t, channel, store.HistoryQuery{}).Changes, []source.Change{replaced, third})
}

func writesHistoryAlone(t *testing.T, f *fixture) {
	f.put(t, &source.Document{ID: "1337", Platform: "twitch", DisplayName: "Leet"})
	before := f.get(t, channel)
	late := step(at("2026-05-04T10:00:00Z"), "late")
	before.UpdatedAt = source.Time{Time: f.clock.advance(time.Minute)}
	f.update(t, channel, edit(channel, nothing, late))
	equal(t, "the document", f.get(t, channel), before)
	equal(t, "the history", f.history(t, channel, store.HistoryQuery{}).Changes, []source.Change{late})
}

func roundTripsHistory(t *testing.T, f *fixture) {
	moment := at("2026-05-04T11:22:33.456Z")
	changes := []source.Change{
		{
			Facet: source.FacetAuthStatus, From: pointer(source.Value(source.Valid)), To: source.Revoked,
			At: moment, EventID: "id", Reason: "50 % \"é\" <x>", By: "eventsub",
		},
		{Facet: source.FacetPermissions, From: pointer(source.Value("")), To: "MODERATOR,VIP", At: moment, EventID: "id"},
		{Facet: source.FacetStatus, To: source.Connected, At: moment, EventID: "id"},
		{Facet: source.FacetPermissions, From: pointer(source.Value("VIP")), To: "", At: moment, EventID: "ie"},
	}
	f.put(t, &source.Document{ID: "1337", Platform: "twitch"}, changes...)
	equal(t, "the history", f.history(t, channel, store.HistoryQuery{}).Changes, changes)
}

func ordersHistory(t *testing.T, f *fixture) {
	var changes []source.Change
	for _, moment := range []string{
		"2026-05-04T11:00:00.100Z", "2026-05-04T11:00:00Z", "2025-12-31T23:59:59.999Z",
		"2026-05-04T11:00:00.099Z", "1999-01-01T00:00:00Z", "2026-05-04T13:00:00+02:00",
	} {
		for _, id := range []string{"b", "a", "B", "10", "9", "ü", "a/b", "a%b"} {
			changes = append(changes, step(at(moment), id+moment))
		}
	}
	f.put(t, &source.Document{ID: "1337", Platform: "twitch"}, changes...)
	slices.SortFunc(changes, func(a, b source.Change) int { return strings.Compare(a.Key(), b.Key()) })
	got := f.history(t, channel, store.HistoryQuery{}).Changes
	equal(t, "the events", eventIDs(got), eventIDs(changes))
}

func keepsHistoriesApart(t *testing.T, f *fixture) {
	for i := range 3 {
		key := numbered(i)
		f.put(t, &source.Document{ID: key.ID, Platform: key.Platform}, step(at("2026-05-04T11:00:00Z"), key.ID))
	}
	for i := range 3 {
		got := f.history(t, numbered(i), store.HistoryQuery{}).Changes
		equal(t, "the history", eventIDs(got), []string{numbered(i).ID})
	}
}

func boundsHistory(t *testing.T, f *fixture) {
	minute := func(n int) time.Time { return time.Date(2026, 5, 4, 11, n, 0, 0, time.UTC) }
	var changes []source.Change
	for n := range 4 {
		changes = append(changes, step(source.Time{Time: minute(n)}, fmt.Sprint(n)))
	}
	f.put(t, &source.Document{ID: "1337", Platform: "twitch"}, changes...)
	berlin := time.FixedZone("", 2*60*60)
	cases := []struct {
		name string
		from time.Time
		to   time.Time
		want []string
	}{
		{"no bounds", time.Time{}, time.Time{}, []string{"0", "1", "2", "3"}},
		{"from is inclusive", minute(2), time.Time{}, []string{"2", "3"}},
		{"to is exclusive", time.Time{}, minute(2), []string{"0", "1"}},
		{"both", minute(1), minute(3), []string{"1", "2"}},
		{"in another zone", minute(1).In(berlin), minute(3).In(berlin), []string{"1", "2"}},
		{"from a microsecond later", minute(1).Add(time.Microsecond), time.Time{}, []string{"2", "3"}},
		{"to a microsecond later", time.Time{}, minute(1).Add(time.Microsecond), []string{"0", "1"}},
		{"between two entries", minute(1).Add(time.Second), minute(2), []string{}},
		{"an empty range", minute(1), minute(1), []string{}},
		{"a range the wrong way round", minute(3), minute(1), []string{}},
		{"far away", minute(0).AddDate(-3000, 0, 0), minute(0).AddDate(9000, 0, 0), []string{"0", "1", "2", "3"}},
	}
	for _, c := range cases {
		page := f.history(t, channel, store.HistoryQuery{From: c.from, To: c.to})
		equal(t, c.name, eventIDs(page.Changes), c.want)
		if page.NextCursor != "" {
			t.Errorf("%s: there is another page", c.name)
		}
	}
}

func pagesHistory(t *testing.T, f *fixture) {
	start := at("2026-05-04T11:00:00Z")
	var changes []source.Change
	for n := range 7 {
		// Two entries each at the same time.
		moment := source.Time{Time: start.Add(time.Duration(n/2) * time.Second)}
		changes = append(changes, step(moment, fmt.Sprint("e/", n)))
	}
	f.put(t, &source.Document{ID: "1337", Platform: "twitch"}, changes...)
	all := eventIDs(changes)
	cases := []struct {
		name  string
		query store.HistoryQuery
		want  [][]string
	}{
		{"pages of three", store.HistoryQuery{Limit: 3}, [][]string{all[:3], all[3:6], all[6:]}},
		{"a last page that is full", store.HistoryQuery{Limit: 7}, [][]string{all}},
		{
			"pages of a range",
			store.HistoryQuery{Limit: 2, From: start.Add(time.Second), To: start.Add(3 * time.Second)},
			[][]string{all[2:4], all[4:6]},
		},
	}
	for _, c := range cases {
		var pages [][]string
		for query := c.query; len(pages) <= len(c.want); {
			page := f.history(t, channel, query)
			pages = append(pages, eventIDs(page.Changes))
			if page.NextCursor == "" {
				break
			}
			query.Cursor = page.NextCursor
		}
		equal(t, c.name, pages, c.want)
	}
}

func takesEveryEventID(t *testing.T, f *fixture) {
	long := strings.Repeat("é/", 20_000)
	changes := []source.Change{
		step(at("2026-05-04T11:00:00Z"), "a/b%2F~:..__"),
		step(at("2026-05-04T11:01:00Z"), long+"1"),
		step(at("2026-05-04T11:02:00Z"), long+"1"),
		step(at("2026-05-04T11:02:01Z"), long+"2"),
		step(at("2026-05-04T11:03:00Z"), "日本 😀"),
	}
	twin := changes[1]
	twin.EventID = long + "2" // differs from the other only far behind the cut
	f.put(t, &source.Document{ID: "1337", Platform: "twitch"}, append(changes, twin)...)

	var got []source.Change
	for query := (store.HistoryQuery{Limit: 1}); ; {
		page := f.history(t, channel, query)
		got = append(got, page.Changes...)
		if page.NextCursor == "" || len(got) > len(changes)+1 {
			break
		}
		query.Cursor = page.NextCursor
	}
	if len(got) != len(changes)+1 {
		t.Fatalf("the history has %d entries, want %d", len(got), len(changes)+1)
	}
	if !slices.IsSortedFunc(got, func(a, b source.Change) int { return a.At.Compare(b.At.Time) }) {
		t.Error("the entries are not in the order of their times")
	}

	f.update(t, channel, func(before *source.Document, _ source.Parts) (source.Result, error) {
		result := source.Result{Document: before, Changed: true, History: make(map[string]*source.Change)}
		for _, change := range got {
			result.History[change.Key()] = nil
		}
		return result, nil
	})
	if left := f.history(t, channel, store.HistoryQuery{}).Changes; len(left) > 0 {
		t.Errorf("%d entries cannot be removed", len(left))
	}
}
