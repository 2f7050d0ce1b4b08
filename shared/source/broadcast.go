package source

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Parts reads what is stored beside the document of one source. A part that does
// not exist is nil. It is called within a merge and need not be safe for
// concurrent use; what it gives is not modified.
type Parts interface {
	// Session is the session with that key.
	Session(key string) (*Session, error)
	// Hour is the hour of that name.
	Hour(name string) (*Hour, error)
}

// A PartError says that a merge could not read what it needs. Nothing is wrong
// with the event.
type PartError struct{ Err error }

func (e *PartError) Error() string { return "reading beside the document: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *PartError) Unwrap() error { return e.Err }

// maxHours bounds how many hours one event may change: a stream is followed for
// four weeks back.
const maxHours = 4 * 7 * 24

// A span is a range of time in Unix milliseconds, both ends included. Times seen
// widen it.
type span struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

func (s *span) widen(at int64) *span {
	if s == nil {
		return &span{From: at, To: at}
	}
	return &span{From: min(s.From, at), To: max(s.To, at)}
}

// broadcast keeps the sessions and the hours of a channel true to what became of
// its streams, and to what the update saw of them.
type broadcast struct {
	parts         Parts
	before, after []lifetime
	seen          *span // when anything was seen of the channel's streams
	result        *Result
}

// mergeBroadcast merges what an update means beside the document. It reports
// whether anything changed.
func (m *merging) mergeBroadcast(u *Update, parts Parts, before []lifetime, result *Result) (bool, error) {
	_, aboutStreams := u.observations[FacetStreamStatus]
	if !aboutStreams && u.sighting == nil {
		return false, nil
	}
	b := &broadcast{parts: parts, before: before, after: m.state.lifetimes(), result: result}
	seen := u.sighting != nil && !b.forgotten(u.At.UnixMilli())
	if seen {
		m.state.Seen = m.state.Seen.widen(u.At.UnixMilli())
	}
	b.seen = m.state.Seen
	hours := b.unsettled()
	if seen {
		hours[HourName(u.At)] = true
	}
	return b.settle(u, hours)
}

// forgotten reports whether a time may belong to a stream that the log has no
// room for any more. What its session and hours say then stays as it is.
func (b *broadcast) forgotten(at int64) bool {
	return len(b.after) >= maxStreams && at < b.after[0].start
}

// unsettled are the hours that may look different because lifetimes changed.
func (b *broadcast) unsettled() map[string]bool {
	hours := make(map[string]bool)
	if b.seen == nil {
		return hours
	}
	for _, l := range b.after {
		was, known := find(b.before, l.key)
		switch {
		case !known:
			b.cover(hours, l.start, l.end)
		default:
			b.cover(hours, min(was.start, l.start), max(was.start, l.start))
			b.cover(hours, min(was.end, l.end), max(was.end, l.end))
		}
	}
	return hours
}

// cover adds the hours of a range, as far as anything was seen in it.
func (b *broadcast) cover(hours map[string]bool, from, to int64) {
	if from == to {
		return
	}
	from, to = max(from, b.seen.From), min(to, b.seen.To)
	hour := time.Hour.Milliseconds()
	for at, n := to, 0; at/hour >= from/hour && from <= to && n < maxHours; at, n = at-hour, n+1 {
		hours[HourName(instant(at).Time)] = true
	}
}

func find(lives []lifetime, key string) (lifetime, bool) {
	for _, l := range lives {
		if l.key == key {
			return l, true
		}
	}
	return lifetime{}, false
}

// settle brings the hours and the sessions in line.
func (b *broadcast) settle(u *Update, names map[string]bool) (changed bool, err error) {
	shares := make(map[string]map[string]share) // by session and hour
	for _, name := range slices.Sorted(maps.Keys(names)) {
		before, err := b.parts.Hour(name)
		if err != nil {
			return false, &PartError{fmt.Errorf("hour %s: %w", name, err)}
		}
		state := loadHour(before)
		added := u.sighting != nil && name == HourName(u.At) && u.sighting.add(state, u.At.UnixMilli())
		if before == nil && !added {
			continue // nothing was seen in it, or it has expired
		}
		hour, err := state.store(name, b.after)
		if err != nil {
			return false, err
		}
		if added || !maps.Equal(hour.Minutes, minutesOf(before)) {
			b.result.Hours[name] = hour
			changed = true
		}
		for _, l := range b.after {
			if shares[l.key] == nil {
				shares[l.key] = make(map[string]share)
			}
			shares[l.key][name] = state.share(b.after, l.key)
		}
	}
	for _, l := range b.after {
		was, known := find(b.before, l.key)
		updated, err := b.session(l, shares[l.key], !known || was != l)
		if err != nil {
			return false, err
		}
		changed = changed || updated
	}
	return changed, nil
}

func minutesOf(h *Hour) map[string]int64 {
	if h == nil {
		return nil
	}
	return h.Minutes
}

// session brings one session in line, if its life or one of its shares changed.
func (b *broadcast) session(l lifetime, shares map[string]share, moved bool) (changed bool, err error) {
	mayHold := false
	for name, s := range shares {
		start, _ := time.Parse(hourFormat, name)
		mayHold = mayHold || !s.empty() || l.end >= start.UnixMilli() && l.start < start.Add(time.Hour).UnixMilli()
	}
	if !moved && !mayHold {
		return false, nil
	}
	before, err := b.parts.Session(l.key)
	if err != nil {
		return false, &PartError{fmt.Errorf("session %s: %w", l.key, err)}
	}
	state := loadSession(before)
	for name, s := range shares {
		if s.empty() {
			delete(state.Hours, name)
		} else {
			state.Hours[name] = s
		}
	}
	after, err := state.store(l)
	if err != nil {
		return false, err
	}
	if before != nil && !moved && before.Bookkeeping != nil && bytes.Equal(before.Bookkeeping.State, after.Bookkeeping.State) {
		return false, nil
	}
	b.result.Sessions[l.key] = after
	return true, nil
}

// A sighting is what an update saw of a stream while it looked: viewers, and
// what it was about.
type sighting struct {
	stream string // "" where the event does not say of which
	count  *int64
	fact   fact // without time and stream
}

// add takes the sighting into its hour; false if it was known.
func (s *sighting) add(hour *hourState, at int64) bool {
	added := false
	if s.count != nil {
		added = hour.addCount(count{At: at, Stream: s.stream, Count: *s.count})
	}
	if s.fact != (fact{}) {
		f := s.fact
		f.At, f.Stream = at, s.stream
		added = hour.addFact(f) || added
	}
	return added
}
