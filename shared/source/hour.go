package source

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// HourLifetime is how long an Hour is kept after it began.
const HourLifetime = 90 * 24 * time.Hour

// An Hour holds how many viewers a channel had in the minutes of one hour in
// which it was live: the document viewers/{hour} under its source. Of several
// counts within a minute the newest one counts.
type Hour struct {
	Hour        string           `json:"hour"`              // "2026-05-01T12", UTC
	Minutes     map[string]int64 `json:"minutes,omitempty"` // "00" to "59"
	Bookkeeping *Bookkeeping     `json:"_merge,omitempty"`
}

const hourFormat = "2006-01-02T15"

// HourName is the name of the hour in which an instant lies.
func HourName(t time.Time) string { return t.UTC().Format(hourFormat) }

// Start is when the hour begins; the zero time if its name is no hour.
func (h *Hour) Start() time.Time {
	t, err := time.Parse(hourFormat, h.Hour)
	if err != nil {
		return time.Time{}
	}
	return t
}

// ExpireAt is when a store may drop the hour.
func (h *Hour) ExpireAt() time.Time { return h.Start().Add(HourLifetime) }

// Public is the hour as readers see it: without the bookkeeping.
func (h *Hour) Public() *Hour {
	public := *h
	public.Bookkeeping = nil
	return &public
}

// A ViewerSample is the count of viewers in one minute.
type ViewerSample struct {
	At    Time  `json:"at"` // the beginning of the minute
	Count int64 `json:"count"`
}

// Samples are the minutes of the hour, oldest first.
func (h *Hour) Samples() []ViewerSample {
	samples := make([]ViewerSample, 0, len(h.Minutes))
	for minute := range 60 {
		if count, ok := h.Minutes[minuteName(minute)]; ok {
			at := h.Start().Add(time.Duration(minute) * time.Minute)
			samples = append(samples, ViewerSample{At: Time{at}, Count: count})
		}
	}
	return samples
}

func minuteName(minute int) string { return fmt.Sprintf("%02d", minute) }

// Limits of what one hour remembers. Of too much the earlier stays, whatever
// came first.
const (
	maxHourCounts = 240
	maxHourFacts  = 240
)

// hourState is the bookkeeping of an hour: all that was seen in it, be the
// channel known to have been live then or not.
type hourState struct {
	Counts []count `json:"v,omitempty"` // in order; the newest of each minute and stream
	Facts  []fact  `json:"f,omitempty"` // in order; each once a minute
}

// A count is how many viewers were seen at a time.
type count struct {
	At     int64  `json:"t"` // Unix milliseconds
	Stream string `json:"s,omitempty"`
	Count  int64  `json:"c"`
}

func (c count) minute() int64 { return c.At / time.Minute.Milliseconds() }

func (c count) compare(d count) int {
	return cmp.Or(cmp.Compare(c.At, d.At), cmp.Compare(c.Stream, d.Stream), cmp.Compare(c.Count, d.Count))
}

// A fact is what a stream was said to be about at a time. Empty fields say
// nothing.
type fact struct {
	At           int64  `json:"t"` // Unix milliseconds
	Stream       string `json:"s,omitempty"`
	Title        string `json:"n,omitempty"`
	CategoryID   string `json:"i,omitempty"`
	CategoryName string `json:"k,omitempty"`
}

func (f fact) compare(g fact) int {
	return cmp.Or(
		cmp.Compare(f.At, g.At), cmp.Compare(f.Stream, g.Stream), cmp.Compare(f.Title, g.Title),
		cmp.Compare(f.CategoryID, g.CategoryID), cmp.Compare(f.CategoryName, g.CategoryName),
	)
}

// repeats reports whether two facts say the same in one minute, of which the first
// counts: polls say the same again and again.
func (f fact) repeats(g fact) bool {
	minute := func(f fact) int64 { return f.At / time.Minute.Milliseconds() }
	sameMinute := minute(f) == minute(g)
	g.At = f.At
	return sameMinute && f == g
}

// loadHour reads the bookkeeping of an hour. One that cannot be read is empty.
func loadHour(h *Hour) *hourState {
	s := &hourState{}
	if h != nil && !h.Bookkeeping.load(s) {
		return &hourState{}
	}
	return s
}

// addCount remembers a count; false if it changes nothing.
func (s *hourState) addCount(c count) bool {
	same := func(d count) bool { return d.Stream == c.Stream && d.minute() == c.minute() }
	if i := slices.IndexFunc(s.Counts, same); i >= 0 {
		if s.Counts[i].compare(c) >= 0 {
			return false
		}
		s.Counts = slices.Delete(s.Counts, i, i+1)
	}
	i, _ := slices.BinarySearchFunc(s.Counts, c, count.compare)
	if i >= maxHourCounts {
		return false
	}
	s.Counts = slices.Insert(s.Counts, i, c)
	s.Counts = s.Counts[:min(len(s.Counts), maxHourCounts)]
	return true
}

// addFact remembers a fact; false if it changes nothing.
func (s *hourState) addFact(f fact) bool {
	if i := slices.IndexFunc(s.Facts, f.repeats); i >= 0 {
		if s.Facts[i].At <= f.At {
			return false
		}
		s.Facts = slices.Delete(s.Facts, i, i+1)
	}
	i, _ := slices.BinarySearchFunc(s.Facts, f, fact.compare)
	if i >= maxHourFacts {
		return false
	}
	s.Facts = slices.Insert(s.Facts, i, f)
	s.Facts = s.Facts[:min(len(s.Facts), maxHourFacts)]
	return true
}

// minutes are the viewers in the minutes in which the channel was live.
func (s *hourState) minutes(lives []lifetime) map[string]int64 {
	minutes := make(map[string]int64)
	for _, c := range s.Counts { // in order: the newest of a minute stays
		if liveAt(lives, c.Stream, c.At) != nil {
			minutes[minuteName(int(c.minute()%60))] = c.Count
		}
	}
	return minutes
}

// liveAt is the lifetime of which something was seen, nil for none. Where one
// ends when the next begins, the later one counts.
func liveAt(lives []lifetime, stream string, at int64) *lifetime {
	for i := range slices.Backward(lives) {
		if lives[i].contains(stream, at) {
			return &lives[i]
		}
	}
	return nil
}

// store writes the bookkeeping and what follows from it.
func (s *hourState) store(name string, lives []lifetime) (*Hour, error) {
	kept, err := newBookkeeping(s)
	if err != nil {
		return nil, err
	}
	return &Hour{Hour: name, Minutes: s.minutes(lives), Bookkeeping: kept}, nil
}
