package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
)

// segmentCount is how many segments an availability bar has.
const segmentCount = 90

// A scope is the time that availability bars cover.
type scope struct {
	Name   string // in a query
	Label  string
	Length time.Duration
}

// scopes are from the shortest to the longest.
var scopes = []scope{
	{"90m", "90 minutes", 90 * time.Minute},
	{"24h", "24 hours", 24 * time.Hour},
	{"90d", "90 days", 90 * 24 * time.Hour},
}

func (s scope) step() time.Duration { return s.Length / segmentCount }

// bounds are the beginning and the end of the bar. The last segment is the one
// in which now lies, so that the others stay what they are while time passes.
func (s scope) bounds(now time.Time) (from, to time.Time) {
	to = now.Truncate(s.step()).Add(s.step())
	return to.Add(-s.Length), to
}

// scopeNamed is the scope of that name, else the shortest one that holds
// everything since the beginning: a new installation is no grey wall.
func scopeNamed(name string, since, now time.Time) scope {
	for _, s := range scopes {
		if s.Name == name {
			return s
		}
	}
	for _, s := range scopes {
		if !since.IsZero() && now.Sub(since) < s.Length {
			return s
		}
	}
	return scopes[len(scopes)-1]
}

// A segment is a part of an availability bar: for how long the source was what.
// Time that is not known, or not there yet, is not counted.
type segment struct {
	From, To                        time.Time
	Connected, Disconnected, Failed time.Duration
}

func (s segment) known() time.Duration { return s.Connected + s.Disconnected + s.Failed }

func (s *segment) add(state string, d time.Duration) {
	switch state {
	case source.Connected:
		s.Connected += d
	case source.Disconnected:
		s.Disconnected += d
	case source.Error:
		s.Failed += d
	}
}

// Text says what the segment shows.
func (s segment) Text() string {
	known := s.known()
	switch known {
	case 0:
		return "nothing known"
	case s.Connected:
		return "connected"
	}
	parts := []string{percent(s.Connected, known) + " connected"}
	for _, trouble := range []struct {
		d    time.Duration
		text string
	}{{s.Failed, "error"}, {s.Disconnected, "disconnected"}} {
		if trouble.d > 0 {
			parts = append(parts, trouble.text+" for "+period(trouble.d))
		}
	}
	return strings.Join(parts, ", ")
}

// A steady is a time in which a source was in one state.
type steady struct {
	state    string // empty: unknown
	from, to time.Time
}

// steadies are the states of a facet between two times, in order and without a
// gap, from the changes in that time, oldest first, and the state at the end of
// it, which is all there is to know when nothing changed.
func steadies(changes []source.Change, facet source.Facet, last string, from, to time.Time) []steady {
	var found []steady
	current := steady{from: from, state: last}
	begun := false
	for _, c := range changes {
		if c.Facet != facet || c.At.Before(from) || c.At.After(to) {
			continue
		}
		if !begun {
			begun = true
			current.state = ""
			if c.From != nil {
				current.state = string(*c.From)
			}
		}
		current.to = c.At.Time
		found = append(found, current)
		current = steady{state: string(c.To), from: c.At.Time}
	}
	current.to = to
	return append(found, current)
}

// An availability is a bar: what a source was in each segment of a scope.
type availability struct {
	Scope    scope
	Segments []segment
	Breaks   int // how often it stopped being connected
}

// newAvailability is that of a source which is in a state now. The changes are
// those since the beginning of the scope, oldest first, and known until a time.
func newAvailability(s scope, changes []source.Change, state string, now, until time.Time) availability {
	a := availability{Scope: s, Segments: make([]segment, segmentCount)}
	from, _ := s.bounds(now)
	for i := range a.Segments {
		start := from.Add(time.Duration(i) * s.step())
		a.Segments[i].From, a.Segments[i].To = start, start.Add(s.step())
	}
	before := ""
	for _, t := range steadies(changes, source.FacetStatus, state, from, until) {
		if before == source.Connected && t.state != source.Connected {
			a.Breaks++
		}
		before = t.state
		for i := range a.Segments {
			part := &a.Segments[i]
			if d := earlier(t.to, part.To).Sub(later(t.from, part.From)); d > 0 {
				part.add(t.state, d)
			}
		}
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Share is for how much of the known time the source was connected.
func (a availability) Share() string {
	var connected, known time.Duration
	for _, s := range a.Segments {
		connected, known = connected+s.Connected, known+s.known()
	}
	return percent(connected, known)
}

// Label is the bar in words.
func (a availability) Label() string {
	share := a.Share()
	if share == "" {
		return fmt.Sprintf("Availability of the last %s: nothing known", a.Scope.Label)
	}
	text := fmt.Sprintf("Availability of the last %s: %s", a.Scope.Label, share)
	if a.Breaks > 0 {
		text += ", " + counted(a.Breaks, "interruption")
	}
	return text
}

// barHeight is that of a segment, in units of the drawing.
const barHeight = 28

// A bar is a segment as it is drawn: full, and on top of that its trouble, the
// larger the more of the time it took, and never too small to be seen.
type bar struct {
	X              int
	Class          string // of the whole
	Trouble        string // the class of the trouble; empty for none
	TroubleHeight  int
	From, To, When string
	Text           string
}

// Bars are the segments as they are drawn.
func (a availability) Bars() []bar {
	bars := make([]bar, 0, len(a.Segments))
	for i, s := range a.Segments {
		b := bar{
			X: 4 * i, Class: "none", Text: s.Text(),
			From: newMoment(s.From).Exact, To: newMoment(s.To).Exact,
			When: s.From.UTC().Format("2006-01-02 15:04") + " UTC",
		}
		if known := s.known(); known > 0 {
			b.Class = "good"
			if trouble := s.Failed + s.Disconnected; trouble > 0 {
				b.Trouble = "poor"
				if s.Failed > 0 {
					b.Trouble = "bad"
				}
				b.TroubleHeight = max(barHeight/3, int(int64(barHeight)*int64(trouble/time.Millisecond)/int64(known/time.Millisecond+1)))
			}
		}
		bars = append(bars, b)
	}
	return bars
}
