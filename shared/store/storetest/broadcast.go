package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// beside is a merge that stores sessions and hours beside a new document.
func beside(key source.Key, sessions map[string]*source.Session, hours ...*source.Hour) store.Merge {
	return func(*source.Document, source.Parts) (source.Result, error) {
		result := source.Result{
			Changed: true, Document: &source.Document{ID: key.ID, Platform: key.Platform},
			Sessions: sessions, Hours: make(map[string]*source.Hour),
		}
		for _, hour := range hours {
			result.Hours[hour.Hour] = hour
		}
		return result, nil
	}
}

func started(id, at string) *source.Session {
	start, err := time.Parse(time.RFC3339, at)
	if err != nil {
		panic(err) // only this package's own literals come here
	}
	return &source.Session{ID: id, StartedAt: source.Time{Time: start}}
}

func hour(name string) *source.Hour {
	return &source.Hour{Hour: name, Minutes: map[string]int64{"00": 1, "59": 60}, Bookkeeping: &source.Bookkeeping{State: []byte("{}")}}
}

func readsBeside(t *testing.T, f *fixture) {
	average, peak := 12.5, int64(20)
	whole := started("a/b", "2026-05-01T12:00:00Z")
	whole.EndedAt, whole.EndReason, whole.Minutes = at("2026-05-01T13:00:00Z"), "poll", 60
	whole.Title, whole.Titles = "Hi", []source.TitleChange{{At: at("2026-05-01T12:00:00Z"), Title: "Hi"}}
	whole.Categories = []source.CategoryChange{{At: at("2026-05-01T12:00:00Z"), ID: "1", Name: "Chess"}}
	whole.AverageViewers, whole.PeakViewers = &average, &peak
	whole.Bookkeeping = &source.Bookkeeping{State: []byte(`{"hours":{}}`)}
	f.update(t, channel, beside(channel, map[string]*source.Session{"a/b": whole}, hour("2026-05-01T12")))

	err := f.Update(t.Context(), channel, func(_ *source.Document, parts source.Parts) (source.Result, error) {
		session, err := parts.Session("a/b")
		equal(t, "session", session, whole)
		equal(t, "error", err, error(nil))
		stored, err := parts.Hour("2026-05-01T12")
		equal(t, "hour", stored, hour("2026-05-01T12"))
		equal(t, "error", err, error(nil))
		missing, err := parts.Session("z")
		equal(t, "a session that is not there", missing, (*source.Session)(nil))
		equal(t, "error", err, error(nil))
		none, err := parts.Hour("2026-05-01T13")
		equal(t, "an hour that is not there", none, (*source.Hour)(nil))
		equal(t, "error", err, error(nil))
		return source.Result{}, nil
	})
	if err != nil {
		t.Error(err)
	}
	page, err := f.Sessions(t.Context(), channel, store.SessionQuery{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "sessions", page.Sessions, []*source.Session{whole.Public()})
}

func pagesSessions(t *testing.T, f *fixture) {
	sessions := make(map[string]*source.Session)
	for i, start := range []string{"12:00:00", "10:00:00", "11:00:00", "10:00:00", "09:00:00"} {
		key := fmt.Sprint("s", i)
		sessions[key] = started(key, "2026-05-01T"+start+"Z")
		sessions[key].Bookkeeping = &source.Bookkeeping{State: []byte("{}")}
	}
	f.update(t, channel, beside(channel, sessions))
	for _, limit := range []int{0, 1, 2, 5} {
		var got []string
		for query := (store.SessionQuery{Limit: limit}); ; {
			page, err := f.Sessions(t.Context(), channel, query)
			if err != nil {
				t.Fatal(err)
			}
			for _, session := range page.Sessions {
				got = append(got, session.ID)
				if session.Bookkeeping != nil {
					t.Error("it shows its bookkeeping")
				}
			}
			if query.Cursor = page.NextCursor; query.Cursor == "" {
				break
			}
		}
		equal(t, fmt.Sprint("sessions by ", limit), got, []string{"s4", "s1", "s3", "s2", "s0"})
	}
	for _, cursor := range []string{"?", store.HourCursor.Encode("x"), "aGVsbG8"} {
		if _, err := f.Sessions(t.Context(), channel, store.SessionQuery{Cursor: cursor}); !errors.Is(err, store.ErrCursor) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

func pagesHours(t *testing.T, f *fixture) {
	names := []string{"2026-05-01T10", "2026-05-01T11", "2026-05-01T12", "2026-05-02T00"}
	f.update(t, channel, beside(channel, nil, hour(names[2]), hour(names[0]), hour(names[3]), hour(names[1])))
	read := func(query store.HourQuery) (got []string) {
		for {
			page, err := f.Hours(t.Context(), channel, query)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range page.Hours {
				got = append(got, h.Hour)
				equal(t, "hour", h, hour(h.Hour).Public())
			}
			if query.Cursor = page.NextCursor; query.Cursor == "" {
				return got
			}
		}
	}
	for _, limit := range []int{0, 1, 3} {
		equal(t, fmt.Sprint("hours by ", limit), read(store.HourQuery{Limit: limit}), names)
	}
	from, to := at("2026-05-01T11:30:00Z").Time, at("2026-05-01T12:00:00Z").Time
	equal(t, "from within an hour", read(store.HourQuery{From: from}), names[1:])
	equal(t, "to the beginning of an hour", read(store.HourQuery{To: to}), names[:2])
	equal(t, "to after the beginning of an hour", read(store.HourQuery{To: to.Add(1), Limit: 1}), names[:3])
	equal(t, "a range", read(store.HourQuery{From: from, To: to, Limit: 1}), names[1:2])
	equal(t, "an empty range", read(store.HourQuery{From: to, To: to}), []string(nil))
	if _, err := f.Hours(t.Context(), channel, store.HourQuery{Cursor: store.SessionCursor.Encode("x")}); !errors.Is(err, store.ErrCursor) {
		t.Errorf("the cursor of another list: %v", err)
	}
}

func knowsNothingBeside(t *testing.T, f *fixture) {
	sessions, err := f.Sessions(t.Context(), channel, store.SessionQuery{})
	if err != nil || len(sessions.Sessions) != 0 {
		t.Errorf("sessions %v, %v", sessions, err)
	}
	hours, err := f.Hours(t.Context(), channel, store.HourQuery{})
	if err != nil || len(hours.Hours) != 0 {
		t.Errorf("hours %v, %v", hours, err)
	}
}
