package source

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// A Session is one stream of a channel from its start to its end: the document
// streams/{streamId} under its source. Titles, categories and viewers are those
// seen while it was live, viewers minute by minute.
type Session struct {
	ID             string           `json:"id,omitempty"`   // absent where the platform gives none
	Type           string           `json:"type,omitempty"` // live, playlist, watch_party, premiere, rerun
	StartedAt      Time             `json:"startedAt"`
	EndedAt        Time             `json:"endedAt,omitzero"`    // absent while it is live
	EndReason      string           `json:"endReason,omitempty"` // "poll" where its end was not heard but found out, ReasonSuperseded
	Resumes        string           `json:"resumes,omitempty"`   // key of the session that ended just before
	Minutes        int64            `json:"minutes"`             // whole minutes, up to the newest sign of life while it is live
	Title          string           `json:"title,omitempty"`     // the last one
	Titles         []TitleChange    `json:"titles,omitempty"`
	Categories     []CategoryChange `json:"categories,omitempty"`
	PeakViewers    *int64           `json:"peakViewers,omitempty"`
	AverageViewers *float64         `json:"averageViewers,omitempty"` // over the minutes that were counted, to one decimal
	LastViewers    *int64           `json:"lastViewers,omitempty"`
	Bookkeeping    *Bookkeeping     `json:"_merge,omitempty"`
}

// A TitleChange is when a stream was first seen with a title.
type TitleChange struct {
	At    Time   `json:"at"`
	Title string `json:"title"`
}

// A CategoryChange is when a stream was first seen in a category.
type CategoryChange struct {
	At   Time   `json:"at"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// Public is the session as readers see it: without the bookkeeping.
func (s *Session) Public() *Session {
	public := *s
	public.Bookkeeping = nil
	return &public
}

// sessionState is the bookkeeping of a session: what each hour adds to it, so
// that a change within one hour needs no other.
type sessionState struct {
	Hours map[string]share `json:"hours,omitempty"` // by the name of the hour
}

// A share is what one hour adds to one session.
type share struct {
	Minutes int64  `json:"n,omitempty"` // counted ones
	Sum     int64  `json:"sum,omitempty"`
	Peak    int64  `json:"max,omitempty"`
	Last    count  `json:"last,omitzero"`
	Facts   []fact `json:"f,omitempty"` // those that change something, in order
}

func (s share) empty() bool { return s.Minutes == 0 && len(s.Facts) == 0 }

// share is what the hour adds to one of the lives.
func (s *hourState) share(lives []lifetime, key string) share {
	mine := func(stream string, at int64) bool {
		l := liveAt(lives, stream, at)
		return l != nil && l.key == key
	}
	// Of a minute that two streams share each has its own newest count.
	newest := make(map[int64]count)
	for _, c := range s.Counts {
		if mine(c.Stream, c.At) {
			newest[c.minute()] = c
		}
	}
	var own share
	for _, minute := range slices.Sorted(maps.Keys(newest)) {
		own.Last = newest[minute]
		own.Minutes++
		own.Sum += own.Last.Count
		own.Peak = max(own.Peak, own.Last.Count)
	}
	var now fact
	for _, f := range s.Facts {
		if mine(f.Stream, f.At) && now.change(f) {
			own.Facts = append(own.Facts, f)
		}
	}
	return own
}

// change takes over what a later fact says and reports whether that is anything
// new.
func (f *fact) change(later fact) bool {
	before := *f
	if later.Title != "" {
		f.Title = later.Title
	}
	if later.CategoryID != "" || later.CategoryName != "" {
		f.CategoryID, f.CategoryName = later.CategoryID, later.CategoryName
	}
	f.At, f.Stream = before.At, before.Stream
	return *f != before
}

// loadSession reads the bookkeeping of a session.
func loadSession(s *Session) *sessionState {
	state := &sessionState{}
	if s != nil && s.Bookkeeping != nil && json.Unmarshal([]byte(s.Bookkeeping.State), state) != nil {
		state = &sessionState{}
	}
	if state.Hours == nil {
		state.Hours = make(map[string]share)
	}
	return state
}

// store writes the bookkeeping and what follows from it.
func (s *sessionState) store(l lifetime) (*Session, error) {
	state, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	session := &Session{
		Type: l.kind, StartedAt: instant(l.start), EndReason: l.endReason, Resumes: l.resumes,
		Bookkeeping: &Bookkeeping{State: string(state)},
	}
	if !strings.HasPrefix(l.key, unnamedStream) {
		session.ID = l.key
	}
	last := l.end
	if l.end == open {
		last = l.heard
	} else {
		session.EndedAt = instant(l.end)
	}
	s.derive(session, &last)
	session.Minutes = max(0, last-l.start) / time.Minute.Milliseconds()
	return session, nil
}

// derive adds up the shares. Last, where the session is still live, moves to its
// newest count.
func (s *sessionState) derive(session *Session, last *int64) {
	var minutes, sum, peak int64
	var now fact
	for _, name := range slices.Sorted(maps.Keys(s.Hours)) {
		hour := s.Hours[name]
		minutes, sum, peak = minutes+hour.Minutes, sum+hour.Sum, max(peak, hour.Peak)
		if hour.Minutes > 0 {
			session.LastViewers = &hour.Last.Count
			if session.EndedAt.IsZero() {
				*last = max(*last, hour.Last.At)
			}
		}
		for _, f := range hour.Facts {
			before := now
			if !now.change(f) {
				continue
			}
			if now.Title != before.Title {
				session.Titles = append(session.Titles, TitleChange{At: instant(f.At), Title: now.Title})
			}
			if now.CategoryID != before.CategoryID || now.CategoryName != before.CategoryName {
				session.Categories = append(session.Categories, CategoryChange{
					At: instant(f.At), ID: now.CategoryID, Name: now.CategoryName,
				})
			}
		}
	}
	session.Title = now.Title
	if minutes > 0 {
		average := math.Round(float64(sum)/float64(minutes)*10) / 10
		session.PeakViewers, session.AverageViewers = &peak, &average
	}
}
