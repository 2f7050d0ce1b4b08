package source

import (
	"cmp"
	"slices"
	"strings"
)

// state is the bookkeeping of a merge, kept in the document.
type state struct {
	Logs      logs                     `json:"logs"`
	Registers map[string]stamp         `json:"registers,omitempty"` // of single fields, by field name
	Keys      map[string]stamp         `json:"keys,omitempty"`      // of metadata, removed keys included
	Errors    map[string]errorRegister `json:"errors,omitempty"`    // by connector
	Viewers   *viewerCount             `json:"viewers,omitempty"`
	Seen      *span                    `json:"seen,omitempty"` // what the hours cover
	Counters  counters                 `json:"counters,omitzero"`
	Sent      sent                     `json:"sent"`
}

// An errorRegister is the newest word of a connector about its error; without
// Error it is that there is none.
type errorRegister struct {
	stamp
	Error *LastError `json:"e,omitempty"`
}

// maxState keeps the whole document under 64 KiB whatever arrives.
const maxState = 24 << 10

// loadState reads the bookkeeping of a document. A document that has none that
// can be read was written by others: its values stand until events say more.
func loadState(d *Document) *state {
	if d == nil {
		return &state{}
	}
	s := &state{}
	if d.Bookkeeping.load(s) {
		return s
	}
	return adopt(d)
}

// adopt makes bookkeeping that is older than any event from a document of the
// existing platform, so that its values are kept until something newer is known.
func adopt(d *Document) *state {
	s := &state{}
	base := func(facet Facet, o observation) {
		l := s.log(facet)
		l.Base = append(l.Base, o)
	}
	if d.Status != "" {
		base(FacetStatus, observation{At: d.LastStatusUpdate.UnixMilli(), Key: d.Platform, Value: d.Status})
	}
	if d.LastError != nil {
		known := *d.LastError
		s.Errors = map[string]errorRegister{d.Platform: {stamp: stamp{At: known.At.UnixMilli()}, Error: &known}}
	}
	if d.StreamStatus == Online || d.StreamStatus == Offline {
		o := observation{At: d.LastStreamUpdate.UnixMilli(), Value: d.StreamStatus}
		if d.StreamStatus == Online {
			o.Start = o.At
			o.Key = unnamedStream
		}
		base(FacetStreamStatus, o)
	}
	if d.AuthStatus != "" {
		base(FacetAuthStatus, observation{At: d.LastStatusUpdate.UnixMilli(), Value: d.AuthStatus})
	}
	for _, role := range d.Permissions {
		if slices.Contains(roles, role) {
			base(FacetPermissions, observation{Key: role, Value: "true"})
		}
	}
	if d.Metrics != nil {
		s.Counters.Folded = map[string]folded{elsewhere: {Total: d.Metrics.Counts}}
	}
	return s
}

// log is the log of a facet, made if there is none yet.
func (s *state) log(facet Facet) *log {
	l := s.Logs[facet]
	if l == nil {
		l = &log{}
		if s.Logs == nil {
			s.Logs = make(logs)
		}
		s.Logs[facet] = l
	}
	return l
}

// lifetimes are those of the streams that are known.
func (s *state) lifetimes() []lifetime {
	if l := s.Logs[FacetStreamStatus]; l != nil {
		return l.lifetimes()
	}
	return nil
}

// store writes the bookkeeping into the document, folded until it is small
// enough.
func (s *state) store(d *Document) error {
	for shift := 0; ; shift++ {
		kept, err := newBookkeeping(s)
		if err != nil {
			return err
		}
		if len(kept.State) <= maxState || shift == 8 {
			d.Bookkeeping = kept
			return nil
		}
		for facet, l := range s.Logs {
			l.fold(facet, maxRecent>>(shift+1))
		}
		s.Counters.fold(shift + 1)
		s.Sent.limit(maxSent >> (shift + 1))
		s.limitErrors(maxConnectors >> (shift + 1))
	}
}

// limitErrors keeps the newest words about errors.
func (s *state) limitErrors(most int) {
	if len(s.Errors) <= most {
		return
	}
	connectors := make([]string, 0, len(s.Errors))
	for connector := range s.Errors {
		connectors = append(connectors, connector)
	}
	slices.SortFunc(connectors, func(a, b string) int {
		return cmp.Or(s.Errors[b].compare(s.Errors[a].stamp), strings.Compare(a, b))
	})
	for _, connector := range connectors[most:] {
		delete(s.Errors, connector)
	}
}

// lastError is the newest error that its connector has not cleared.
func (s *state) lastError() *LastError {
	var newest errorRegister
	name := ""
	for connector, e := range s.Errors {
		if e.Error == nil {
			continue
		}
		order := 1
		if newest.Error != nil {
			order = cmp.Or(e.compare(newest.stamp), strings.Compare(connector, name))
		}
		if order > 0 {
			newest, name = e, connector
		}
	}
	return newest.Error
}
