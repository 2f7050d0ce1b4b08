package status

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
)

// putBeside stores a document with sessions and hours.
func putBeside(t testing.TB, s *bolt.Store, d *source.Document, sessions []*source.Session, hours ...*source.Hour) {
	t.Helper()
	result := source.Result{
		Document: d, Changed: true, Sessions: make(map[string]*source.Session), Hours: make(map[string]*source.Hour),
	}
	for _, session := range sessions {
		result.Sessions[session.ID] = session
	}
	for _, hour := range hours {
		result.Hours[hour.Hour] = hour
	}
	err := s.Update(t.Context(), d.Key(), func(*source.Document, source.Parts) (source.Result, error) { return result, nil })
	if err != nil {
		t.Fatal(err)
	}
}

func TestStreamsAreOldestFirstAndPaged(t *testing.T) {
	t.Parallel()
	s := keep(t, document("twitch", "2"))
	peak := int64(70)
	putBeside(t, s, document("twitch", "1"), []*source.Session{
		{ID: "42", StartedAt: ago(time.Hour), Minutes: 60, PeakViewers: &peak, Bookkeeping: &source.Bookkeeping{State: []byte("opaque")}},
		{ID: "41", StartedAt: ago(3 * time.Hour), EndedAt: ago(2 * time.Hour), Minutes: 60, Title: "Hello"},
	})
	h := New(Config{}, s, silent())
	first := map[string]any{
		"id": "41", "startedAt": "2026-05-01T09:00:07.120Z", "endedAt": "2026-05-01T10:00:07.120Z", "minutes": 60.0, "title": "Hello",
	}
	second := map[string]any{"id": "42", "startedAt": "2026-05-01T11:00:07.120Z", "minutes": 60.0, "peakViewers": 70.0}
	got := decoded(t, get(t, h, "/api/sources/twitch:1/streams"), http.StatusOK)
	if diff := cmp.Diff(map[string]any{"streams": []any{first, second}}, got); diff != "" {
		t.Errorf("streams (-want +got):\n%s", diff)
	}
	page := decoded(t, get(t, h, "/api/sources/twitch:1/streams?limit=1"), http.StatusOK)
	rest := decoded(t, get(t, h, fmt.Sprint("/api/sources/twitch:1/streams?limit=1&cursor=", page["nextCursor"])), http.StatusOK)
	if diff := cmp.Diff(map[string]any{"streams": []any{second}}, rest); diff != "" {
		t.Errorf("second page (-want +got):\n%s", diff)
	}
	none := decoded(t, get(t, h, "/api/sources/twitch:2/streams"), http.StatusOK)
	if diff := cmp.Diff(map[string]any{"streams": []any{}}, none); diff != "" {
		t.Errorf("no streams (-want +got):\n%s", diff)
	}
}

func TestViewersAreMinutes(t *testing.T) {
	t.Parallel()
	s := keep(t, document("twitch", "2"))
	every := make(map[string]int64)
	for minute := range 60 {
		every[fmt.Sprintf("%02d", minute)] = int64(minute)
	}
	putBeside(t, s, document("twitch", "1"), nil,
		&source.Hour{Hour: "2026-05-01T10", Minutes: every, Bookkeeping: &source.Bookkeeping{State: []byte("opaque")}},
		&source.Hour{Hour: "2026-05-01T11"},
		&source.Hour{Hour: "2026-05-01T12", Minutes: map[string]int64{"00": 100, "30": 130}},
		&source.Hour{Hour: "2026-05-01T20", Minutes: map[string]int64{"59": 259}})
	h := New(Config{}, s, silent())
	tests := []struct {
		name, query string
		count       int
		first, last string
	}{
		{"all", "", 63, "2026-05-01T10:00:00.000Z", "2026-05-01T20:59:00.000Z"},
		{"from a minute on, the minute included", "from=2026-05-01T10:59:00Z", 4, "2026-05-01T10:59:00.000Z", "2026-05-01T20:59:00.000Z"},
		{"from within a minute on", "from=2026-05-01T10:58:01Z", 4, "2026-05-01T10:59:00.000Z", "2026-05-01T20:59:00.000Z"},
		{"up to a minute, the minute excluded", "to=2026-05-01T12:30:00Z", 61, "2026-05-01T10:00:00.000Z", "2026-05-01T12:00:00.000Z"},
		{"an offset", "from=2026-05-01T14:00:00%2B02:00&to=2026-05-01T14:01:00%2B02:00", 1, "2026-05-01T12:00:00.000Z", "2026-05-01T12:00:00.000Z"},
		{"a range with nothing in it", "from=2026-05-01T13:00:00Z&to=2026-05-01T14:00:00Z", 0, "", ""},
		{"an empty range", "from=2026-05-01T13:00:00Z&to=2026-05-01T13:00:00Z", 0, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, limit := range []int{1, 7, 60, 61, 63, maxViewers, 1 << 30} {
				got, pages := []string{}, 0
				for cursor, more := "", true; more; pages++ {
					answer := decoded(t, get(t, h, fmt.Sprint("/api/sources/twitch:1/viewers?limit=", limit, "&", test.query, "&cursor=", cursor)), http.StatusOK)
					for _, sample := range answer["viewers"].([]any) {
						got = append(got, sample.(map[string]any)["at"].(string))
					}
					cursor, more = answer["nextCursor"].(string)
				}
				if len(got) != test.count || test.count > 0 && (got[0] != test.first || got[len(got)-1] != test.last) {
					t.Fatalf("limit %d: %d minutes: %v", limit, len(got), got)
				}
				if want := max(1, (test.count+limit-1)/limit); pages != want {
					t.Errorf("limit %d: %d pages, want %d", limit, pages, want)
				}
			}
		})
	}
	answer := decoded(t, get(t, h, "/api/sources/twitch:1/viewers?from=2026-05-01T12:00:00Z&to=2026-05-01T13:00:00Z"), http.StatusOK)
	want := map[string]any{"viewers": []any{
		map[string]any{"at": "2026-05-01T12:00:00.000Z", "count": 100.0}, map[string]any{"at": "2026-05-01T12:30:00.000Z", "count": 130.0},
	}}
	if diff := cmp.Diff(want, answer); diff != "" {
		t.Errorf("an hour (-want +got):\n%s", diff)
	}
	none := decoded(t, get(t, h, "/api/sources/twitch:2/viewers"), http.StatusOK)
	if diff := cmp.Diff(map[string]any{"viewers": []any{}}, none); diff != "" {
		t.Errorf("no viewers (-want +got):\n%s", diff)
	}
}

func FuzzViewerQuery(f *testing.F) {
	for _, seed := range []string{"", "limit=5&from=2026-05-01T12:00:00Z", "cursor=" + encodeViewerCursor(now), "cursor=bTo", "to=x", "limit=-1", "%zz"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := &http.Request{URL: &url.URL{RawQuery: query}}
		r.SetPathValue("id", "twitch:1")
		_, got, err := readViewerQuery(r)
		if err == nil && (got.limit < 1 || got.limit > maxViewers) {
			t.Errorf("limit %d", got.limit)
		}
	})
}
