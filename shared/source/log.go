package source

import (
	"cmp"
	"iter"
	"slices"
)

// An observation is what one event said about one part of a facet: a
// connector's status, the authorization, a role, or a stream.
type observation struct {
	At     int64 // Unix milliseconds
	ID     string
	Key    string // connector, role or stream id; "": an offline without an id, or authStatus
	Value  string
	Reason string
	By     string

	// Of a connector.
	State    string // its own word, where it is not Value
	Instance string

	// Of an online stream.
	Start  int64 // Unix milliseconds
	Stated bool  // Start was stated, not inferred
	Type   string
}

func (o *observation) stamp() stamp { return stamp{At: o.At, ID: o.ID} }

// compare orders observations by event time, then by event id. What comes after
// these only serves to make the order total, so that two different events that
// share both still merge the same way round.
func (o *observation) compare(p *observation) int {
	if order := o.stamp().compare(p.stamp()); order != 0 {
		return order
	}
	stated := func(o *observation) int {
		if o.Stated {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(o.Key, p.Key), cmp.Compare(o.Value, p.Value),
		cmp.Compare(o.State, p.State), cmp.Compare(o.Instance, p.Instance), cmp.Compare(o.Reason, p.Reason),
		cmp.Compare(o.Start, p.Start), cmp.Compare(stated(o), stated(p)), cmp.Compare(o.Type, p.Type),
		cmp.Compare(o.By, p.By),
	)
}

// A log is what was observed of a facet, so that a late event can take its place
// among the others. Recent is in order; what it has no room for is folded into
// Base, which holds the newest observation of each register.
type log struct {
	Base   []observation
	Recent []observation
}

// Limits of the logs. Within them history is exact whatever the order of
// deliveries; the current values are exact beyond them too.
const (
	maxRecent     = 128 // observations of a facet
	maxConnectors = 16  // newest connectors of a source
	maxStreams    = 32  // newest streams of a channel (design section 5, rule 3)
)

// add puts an observation in its place; false if it was there before.
func (l *log) add(o observation) bool {
	if slices.Contains(l.Base, o) {
		return false
	}
	i, found := slices.BinarySearchFunc(l.Recent, o, inOrder)
	if found {
		return false
	}
	l.Recent = slices.Insert(l.Recent, i, o)
	return true
}

func inOrder(o, p observation) int { return o.compare(&p) }

// all are the observations, those of the base first.
func (l *log) all() iter.Seq[*observation] {
	return func(yield func(*observation) bool) {
		for _, list := range [][]observation{l.Base, l.Recent} {
			for i := range list {
				if !yield(&list[i]) {
					return
				}
			}
		}
	}
}

// fold makes room: first by leaving out what repeats the observations around it,
// the oldest first, then by moving the oldest into the base.
func (l *log) fold(facet Facet, limit int) {
	for len(l.Recent) > limit {
		// What came last is spared: between two of its repetitions a late event may
		// still find its place.
		if i := l.repetition(facet, limit/2); i >= 0 {
			l.Recent = slices.Delete(l.Recent, i, i+1)
			continue
		}
		l.rebase(facet, l.Recent[0])
		l.Recent = slices.Delete(l.Recent, 0, 1)
	}
}

// repetition is the index of the oldest observation that stands between two of
// the same key and value, but for the newest ones that are spared, or -1. An offline without an id concerns all streams,
// so for streams nothing different may stand between them either. What confirms
// a connector's status is left out only while others confirm it often enough.
func (l *log) repetition(facet Facet, spare int) int {
	type run struct {
		value  string
		before int64 // when the observation before the middle one was made
		middle int   // index of the last one, which may turn out a repetition
		length int
	}
	runs := make(map[string]run)
	for i, o := range l.Recent[:max(0, len(l.Recent)-spare)] {
		r := runs[o.Key]
		if r.length == 0 || r.value != o.Value {
			if facet == FacetStreamStatus {
				clear(runs)
			}
			runs[o.Key] = run{value: o.Value, middle: i, length: 1}
			continue
		}
		if r.length > 1 && o.At-r.before <= confirmedFor.Milliseconds()/2 {
			return r.middle
		}
		runs[o.Key] = run{value: o.Value, before: l.Recent[r.middle].At, middle: i, length: 2}
	}
	return -1
}

// register is the key under which only the newest observation counts. Of a
// stream both kinds of evidence count.
func (o *observation) register(facet Facet) string {
	if facet == FacetStreamStatus {
		return o.Key + "\x00" + o.Value
	}
	return o.Key
}

func (l *log) rebase(facet Facet, o observation) {
	for i, base := range l.Base {
		if base.register(facet) != o.register(facet) {
			continue
		}
		if base.compare(&o) < 0 {
			l.Base[i] = o
			slices.SortFunc(l.Base, inOrder)
		}
		return
	}
	l.Base = append(l.Base, o)
	slices.SortFunc(l.Base, inOrder)
}

// drop forgets all observations under keys for which keep is false.
func (l *log) drop(keep func(key string) bool) {
	gone := func(o observation) bool { return !keep(o.Key) }
	l.Base = slices.DeleteFunc(l.Base, gone)
	l.Recent = slices.DeleteFunc(l.Recent, gone)
}

// tidy keeps the log small after an addition.
func (l *log) tidy(facet Facet, limit int) {
	switch facet {
	case FacetStatus:
		l.keepNewestConnectors()
	case FacetStreamStatus:
		l.keepNewestStreams()
	}
	l.fold(facet, limit)
}

func (l *log) keepNewestConnectors() {
	newest := make(map[string]int64)
	for o := range l.all() {
		if at, ok := newest[o.Key]; !ok || o.At > at {
			newest[o.Key] = o.At
		}
	}
	l.keepGreatest(newest, maxConnectors)
}

// keepGreatest drops all keys but the n with the greatest age.
func (l *log) keepGreatest(ages map[string]int64, n int) {
	if len(ages) <= n {
		return
	}
	keys := make([]string, 0, len(ages))
	for key := range ages {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(ages[b], ages[a]), cmp.Compare(b, a))
	})
	l.drop(func(key string) bool { return slices.Contains(keys[:n], key) })
}

// keepNewestStreams drops the evidence of all but the newest streams. Offlines
// without an id belong to no stream and stay.
func (l *log) keepNewestStreams() {
	started := make(map[string]int64)
	for key, s := range trackStreams(l.all()).byID {
		started[key] = s.sortsAt()
	}
	if len(started) <= maxStreams {
		return
	}
	unnamed := "" // always kept
	started[unnamed] = 1<<63 - 1
	l.keepGreatest(started, maxStreams+1)
}
