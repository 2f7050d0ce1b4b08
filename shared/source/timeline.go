package source

import (
	"slices"
	"strconv"
	"time"
)

// A tracker follows a facet while observations come in order. An observation
// that is older than what it knows of the same register changes nothing.
type tracker interface {
	// The observation may be kept: it does not change while it is followed.
	observe(o *observation)
	// value is what the facet is; false while it is unknown, as it never is again
	// after an observation that made it known.
	value() (standing, bool)
}

// ReasonExpiring is the reason of an authorization that is still valid, but not
// for long.
const ReasonExpiring = "expiring"

// A standing is what a facet is. A change of it is a change of the facet, so
// that a warning is told although the value stays.
type standing struct {
	value   Value
	warning bool // an authorization that is about to expire
}

func newTracker(facet Facet) tracker {
	switch facet {
	case FacetStatus:
		return make(connectorTracker)
	case FacetStreamStatus:
		return newStreamTracker()
	case FacetPermissions:
		return make(roleTracker)
	default:
		return new(authTracker)
	}
}

// timeline is the history that an in-order delivery of the log would leave, from
// an event on: a change for each event after which the value is another one.
func (l *log) timeline(facet Facet, since stamp) []Change {
	t := newTracker(facet)
	for i := range l.Base {
		t.observe(&l.Base[i])
	}
	i := 0
	for ; i < len(l.Recent) && l.Recent[i].stamp().compare(since) < 0; i++ {
		t.observe(&l.Recent[i])
	}
	var changes []Change
	last, known := t.value()
	for i < len(l.Recent) {
		cause := &l.Recent[i]
		// All that one event says happens at once.
		for ; i < len(l.Recent) && l.Recent[i].stamp() == cause.stamp(); i++ {
			t.observe(&l.Recent[i])
		}
		value, ok := t.value()
		if !ok || known && value == last {
			continue
		}
		change := Change{
			Facet: facet, To: value.value, At: cause.stamp().time(),
			EventID: cause.ID, Reason: cause.Reason, By: cause.By,
		}
		if known {
			from := last.value
			change.From = &from
		}
		changes = append(changes, change)
		last, known = value, true
	}
	return changes
}

// difference adds to history what turns the entries before into those after.
func difference(history map[string]*Change, before, after []Change) {
	old := make(map[string]Change, len(before))
	for _, c := range before {
		old[c.Key()] = c
	}
	for i := range after {
		c := &after[i]
		key := c.Key()
		if was, ok := old[key]; !ok || !was.equal(*c) {
			history[key] = c
		}
		delete(old, key)
	}
	for key := range old {
		history[key] = nil
	}
}

func (c Change) equal(d Change) bool {
	if (c.From == nil) != (d.From == nil) || c.From != nil && *c.From != *d.From {
		return false
	}
	c.From, d.From = nil, nil
	return c == d
}

// confirmedFor is how long after its last word a connector still counts for the
// status of its source, measured against the newest word of any of them (design
// section 5, rule 2).
const confirmedFor = 24 * time.Hour

// A connectorTracker holds the newest observation of each connector.
type connectorTracker map[string]*observation

func (t connectorTracker) observe(o *observation) {
	if known, ok := t[o.Key]; !ok || known.compare(o) < 0 {
		t[o.Key] = o
	}
}

func (t connectorTracker) value() (standing, bool) {
	status, _ := t.worst()
	return standing{value: Value(status)}, status != ""
}

// worst is the worst status of the connectors that were confirmed lately, and
// when one of them was last seen in it.
func (t connectorTracker) worst() (status string, at int64) {
	newest := int64(-1 << 63)
	for _, o := range t {
		newest = max(newest, o.At)
	}
	for _, o := range t {
		if newest-o.At > confirmedFor.Milliseconds() {
			continue
		}
		switch rank, worst := severity(o.Value), severity(status); {
		case rank > worst:
			status, at = o.Value, o.At
		case rank == worst:
			at = max(at, o.At)
		}
	}
	return status, at
}

func severity(status string) int {
	return slices.Index([]string{"", Connected, Disconnected, Error}, status)
}

// An authTracker holds the newest observation of the authorization.
type authTracker struct {
	newest *observation // nil: none yet
}

func (t *authTracker) observe(o *observation) {
	if t.newest == nil || t.newest.compare(o) < 0 {
		t.newest = o
	}
}

func (t *authTracker) value() (standing, bool) {
	if t.newest == nil {
		return standing{}, false
	}
	return standing{Value(t.newest.Value), t.newest.Reason == ReasonExpiring}, true
}

// A roleTracker holds the newest observation of each role.
type roleTracker map[string]*observation

func (t roleTracker) observe(o *observation) {
	if known, ok := t[o.Key]; !ok || known.compare(o) < 0 {
		t[o.Key] = o
	}
}

func (t roleTracker) value() (standing, bool) {
	has := make([]string, 0, len(roles))
	for _, role := range roles { // in alphabetical order
		if o, ok := t[role]; ok && o.Value == strconv.FormatBool(true) {
			has = append(has, role)
		}
	}
	return standing{value: permissionsValue(has)}, len(t) > 0
}
