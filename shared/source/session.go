package source

import (
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
	AverageViewers *float64         `json:"averageViewers,omitempty"` // over the minutes since the first count, to one decimal
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

// maxHold is for how many minutes a count stands for those after it: a count
// that stays the same is said again once an hour only (design section 9, step 7).
const maxHold = 60

// A share is what one hour adds to one session.
type share struct {
	First int64  `json:"a,omitempty"` // the first minute that was counted
	Last  count  `json:"z,omitzero"`
	Tally tally  `json:"w,omitzero"` // of the minutes from the first to the last
	Peak  int64  `json:"max,omitempty"`
	Facts []fact `json:"f,omitempty"` // those that change something, in order
}

func (s share) counted() bool { return s.Tally.Minutes > 0 }

func (s share) empty() bool { return !s.counted() && len(s.Facts) == 0 }

// A tally adds up the viewers of minutes.
type tally struct {
	Minutes int64 `json:"n"`
	Sum     int64 `json:"s"`
}

func (t *tally) add(minutes, viewers int64) {
	t.Minutes += minutes
	t.Sum += minutes * viewers
}

// hold adds the minutes after the last one that was counted, up to the next.
func (t *tally) hold(last count, next int64) {
	t.add(min(max(0, next-last.minute()-1), maxHold), last.Count)
}

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
		if own.counted() {
			own.Tally.hold(own.Last, minute)
		} else {
			own.First = minute
		}
		own.Last = newest[minute]
		own.Tally.add(1, own.Last.Count)
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
	if s != nil && !s.Bookkeeping.load(state) {
		state = &sessionState{}
	}
	if state.Hours == nil {
		state.Hours = make(map[string]share)
	}
	return state
}

// store writes the bookkeeping and what follows from it.
func (s *sessionState) store(l lifetime) (*Session, error) {
	kept, err := newBookkeeping(s)
	if err != nil {
		return nil, err
	}
	session := &Session{
		Type: l.kind, StartedAt: instant(l.start), EndReason: l.endReason, Resumes: l.resumes,
		Bookkeeping: kept,
	}
	if !strings.HasPrefix(l.key, unnamedStream) {
		session.ID = l.key
	}
	last := s.deriveViewers(session)
	end := l.end
	if l.end == open {
		end = max(l.heard, last)
	} else {
		session.EndedAt = instant(l.end)
	}
	s.deriveAverage(session, end)
	s.deriveFacts(session)
	session.Minutes = max(0, end-l.start) / time.Minute.Milliseconds()
	return session, nil
}

// shares are those of the hours in order.
func (s *sessionState) shares(yield func(share) bool) {
	for _, name := range slices.Sorted(maps.Keys(s.Hours)) {
		if !yield(s.Hours[name]) {
			return
		}
	}
}

// deriveViewers sets the peak and the last count of viewers, and tells when that
// was.
func (s *sessionState) deriveViewers(session *Session) (last int64) {
	var peak int64
	last = never
	for hour := range s.shares {
		if hour.counted() {
			peak, last = max(peak, hour.Peak), hour.Last.At
			session.PeakViewers, session.LastViewers = &peak, &hour.Last.Count
		}
	}
	return last
}

// deriveAverage sets the average of the minutes up to the end, in which a count
// stands until the next one.
func (s *sessionState) deriveAverage(session *Session, end int64) {
	var whole tally
	var last count
	for hour := range s.shares {
		if !hour.counted() {
			continue
		}
		if whole.Minutes > 0 {
			whole.hold(last, hour.First)
		}
		whole.Minutes, whole.Sum = whole.Minutes+hour.Tally.Minutes, whole.Sum+hour.Tally.Sum
		last = hour.Last
	}
	if whole.Minutes == 0 {
		return
	}
	whole.hold(last, end/time.Minute.Milliseconds()+1)
	average := math.Round(float64(whole.Sum)/float64(whole.Minutes)*10) / 10
	session.AverageViewers = &average
}

// deriveFacts sets what the stream was about.
func (s *sessionState) deriveFacts(session *Session) {
	var now fact
	for hour := range s.shares {
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
}
