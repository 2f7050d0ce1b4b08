package source

import (
	"maps"
	"slices"
)

// Merge applies one update to the document of its source, nil if there is none
// yet. The document is not modified. Merging is a join: the same updates in any
// order and any number of times give the same document and the same history
// (design section 5), within the limits that keep the document small. The same
// holds for the sessions and hours beside it, which parts reads. The error is a
// *PartError, or means that the document cannot be encoded, which is permanent.
func Merge(doc *Document, parts Parts, u *Update) (Result, error) {
	if doc == nil && u.existingOnly {
		return Result{}, nil
	}
	m := &merging{state: loadState(doc), history: make(map[string]*Change)}
	if doc == nil {
		m.doc = &Document{ID: u.Key.ID, Platform: u.Key.Platform}
	} else {
		m.doc = doc.copy()
	}

	before, lives := m.doc.values(), m.state.lifetimes()
	changed := doc == nil
	for _, merge := range []func(*Update) bool{
		m.mergeFacets, m.mergeAuth, m.mergeError, m.mergeMetadata, m.mergeCounts, m.mergeFields,
	} {
		changed = merge(u) || changed
	}
	result := Result{
		Document: doc, Transitions: m.transitions(before, u),
		History: m.history, Sessions: make(map[string]*Session), Hours: make(map[string]*Hour),
	}
	beside, err := m.mergeBroadcast(u, parts, lives, &result)
	if err != nil {
		return Result{}, err
	}
	if !changed && !beside {
		return result, nil
	}
	m.doc.deriveViewers(m.state.Viewers)
	if err := m.state.store(m.doc); err != nil {
		return Result{}, err
	}
	result.Document, result.Changed = m.doc, true
	return result, nil
}

// merging is one merge under way.
type merging struct {
	doc     *Document
	state   *state
	history map[string]*Change
}

// copy is deep where a merge writes.
func (d *Document) copy() *Document {
	c := *d
	c.Metadata = maps.Clone(d.Metadata)
	return &c
}

// mergeFacets puts the observations into their logs and derives the facets from
// these.
func (m *merging) mergeFacets(u *Update) bool {
	changed := false
	for facet, observations := range u.observations {
		l := m.state.log(facet)
		before := l.timeline(facet, u.stamp()) // an event changes nothing that was before it
		added := false
		for _, o := range observations {
			added = l.add(o) || added
		}
		if !added {
			continue
		}
		changed = true
		difference(m.history, before, l.timeline(facet, u.stamp()))
		l.tidy(facet, maxRecent)
		m.derive(facet, l)
	}
	return changed
}

// derive sets the fields of the document that a facet decides.
func (m *merging) derive(facet Facet, l *log) {
	switch facet {
	case FacetStatus:
		m.doc.deriveStatus(l)
	case FacetStreamStatus:
		m.doc.deriveStream(l)
	case FacetPermissions:
		t := make(roleTracker)
		for o := range l.all() {
			t.observe(o)
		}
		if value, known := t.value(); known {
			m.doc.Permissions = value.value.roles()
		}
	}
}

func (d *Document) deriveStatus(l *log) {
	t := make(connectorTracker)
	for o := range l.all() {
		t.observe(o)
	}
	status, at := t.worst()
	d.Status, d.LastStatusUpdate = status, instant(at)
	d.Connectors = make(map[string]Connector, len(t))
	for name, o := range t {
		c := Connector{Status: o.Value, State: o.State, At: instant(o.At), InstanceID: o.Instance}
		if c.State == "" {
			c.State = o.Value
		}
		d.Connectors[name] = c
	}
}

// mergeAuth replaces authStatus and auth together.
func (m *merging) mergeAuth(u *Update) bool {
	if u.auth == nil {
		return false
	}
	type register struct {
		Status string
		Auth   *Auth
	}
	status := u.observations[FacetAuthStatus][0].Value
	if !m.claim("authStatus", u, register{status, u.auth}, register{m.doc.AuthStatus, m.doc.Auth}) {
		return false
	}
	m.doc.AuthStatus, m.doc.Auth = status, u.auth
	return true
}

// mergeError keeps the newest word of each connector about its error.
func (m *merging) mergeError(u *Update) bool {
	if u.lastError == nil {
		return false
	}
	word := errorRegister{stamp: u.stamp()}
	if !u.lastError.none {
		word.Error = &LastError{Code: u.lastError.code, Message: u.lastError.message, At: Time{u.lastError.at}}
	}
	if known, ok := m.state.Errors[u.connector]; ok && !replaces(word.stamp, known.stamp, word.Error, known.Error) {
		return false
	}
	if m.state.Errors == nil {
		m.state.Errors = make(map[string]errorRegister, 1)
	}
	m.state.Errors[u.connector] = word
	m.state.limitErrors(maxConnectors)
	m.doc.LastError = m.state.lastError()
	return true
}

// mergeCounts adds a sample to the counters.
func (m *merging) mergeCounts(u *Update) bool {
	if len(u.counts) == 0 || !m.state.Counters.add(u.connector, u.instance, u.At.UnixMilli(), m.knownCounters(u.counts)) {
		return false
	}
	m.state.Counters.fold(0)
	m.metrics().Counts = m.state.Counters.totals()
	return true
}

// knownCounters leaves out counters beyond the number that a document holds.
func (m *merging) knownCounters(counts map[string]int64) map[string]int64 {
	const most = 24
	known := m.metrics().Counts
	room := most - len(known)
	kept := make(map[string]int64, len(counts))
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if _, ok := known[name]; !ok {
			if room == 0 {
				continue
			}
			room--
		}
		kept[name] = counts[name]
	}
	return kept
}

// metrics are those of the document, safe to modify.
func (m *merging) metrics() *Metrics {
	own := Metrics{}
	if m.doc.Metrics != nil {
		own = *m.doc.Metrics
	}
	m.doc.Metrics = &own
	return &own
}

// mergeFields merges the registers of single fields.
func (m *merging) mergeFields(u *Update) bool {
	changed := false
	if u.displayName != "" && m.claim("displayName", u, u.displayName, m.doc.DisplayName) {
		m.doc.DisplayName = u.displayName
		changed = true
	}
	if u.latency != nil && m.claim("latencyMs", u, *u.latency, m.doc.LatencyMs) {
		m.doc.LatencyMs = u.latency
		changed = true
	}
	if u.heartbeat && (m.doc.Metrics == nil || u.At.After(m.doc.Metrics.LastHeartbeat.Time)) {
		m.metrics().LastHeartbeat = Time{u.At}
		changed = true
	}
	if u.viewers != nil {
		seen := *u.viewers
		seen.stamp = u.stamp()
		if known := m.state.Viewers; known == nil || replaces(seen.stamp, known.stamp, seen.Count, known.Count) {
			m.state.Viewers = &seen
			changed = true
		}
	}
	return changed
}

// claim takes a register for an update, unless what it holds is newer.
func (m *merging) claim(register string, u *Update, value, current any) bool {
	now := u.stamp()
	if at, ok := m.state.Registers[register]; ok && !replaces(now, at, value, current) {
		return false
	}
	if m.state.Registers == nil {
		m.state.Registers = make(map[string]stamp, 1)
	}
	m.state.Registers[register] = now
	return true
}

// values are the current values of the facets that are known.
func (d *Document) values() map[Facet]standing {
	values := make(map[Facet]standing, 4)
	for facet, value := range map[Facet]string{
		FacetStatus: d.Status, FacetStreamStatus: d.StreamStatus, FacetAuthStatus: d.AuthStatus,
	} {
		if value != "" {
			warning := facet == FacetAuthStatus && d.Auth != nil && d.Auth.Reason == ReasonExpiring
			values[facet] = standing{Value(value), warning}
		}
	}
	if d.Permissions != nil {
		values[FacetPermissions] = standing{value: permissionsValue(d.Permissions)}
	}
	return values
}

var facets = []Facet{FacetStatus, FacetStreamStatus, FacetAuthStatus, FacetPermissions}

// transitions are the changes of current values that the update makes, and those
// that it made when it was merged before.
func (m *merging) transitions(before map[Facet]standing, u *Update) []Change {
	var transitions []Change
	for _, sent := range m.state.Sent {
		if sent.At.Equal(u.At) && sent.EventID == u.EventID {
			transitions = append(transitions, sent)
		}
	}
	after := m.doc.values()
	for _, facet := range facets {
		to, known := after[facet]
		from, wasKnown := before[facet]
		if !known || wasKnown && from == to {
			continue
		}
		change := Change{Facet: facet, To: to.value, At: Time{u.At}, EventID: u.EventID, Reason: u.reasonFor(facet), By: u.by}
		if wasKnown {
			change.From = &from.value
		}
		transitions = append(transitions, change)
		m.state.Sent = append(m.state.Sent, change)
	}
	m.state.Sent.limit(maxSent)
	return transitions
}

// reasonFor is why the event says what it says about a facet.
func (u *Update) reasonFor(facet Facet) string {
	for _, o := range u.observations[facet] {
		if o.Reason != "" {
			return o.Reason
		}
	}
	return u.reason
}
