package status

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// How much the page of a source shows of what may be long.
const (
	shownSessions = 50
	shownChanges  = 100
)

// A sourceView is what the page of a source shows.
type sourceView struct {
	frame
	Card       card
	Activity   activity
	Scopes     []choice
	Sessions   []sessionRow
	MoreBefore bool // there are older sessions
	Changes    []changeRow
	Older      string // path of the page with what was before
	Until      moment // of the newest change shown, when it is not now
	Connectors []connectorRow
	Counters   []counter
	Document   string
	API        string // path of the source in the API
}

// sourcePage shows one source.
func (h *Handler) sourcePage(w http.ResponseWriter, r *http.Request) {
	v, err := h.readSourceView(r)
	if err != nil {
		h.showProblem(w, r, err)
		return
	}
	h.show(w, r, http.StatusOK, "source.html", v)
}

func (h *Handler) readSourceView(r *http.Request) (v sourceView, err error) {
	ctx, now := r.Context(), h.now()
	s, covered, err := h.readScoped(r)
	if err != nil {
		return v, err
	}
	until, err := readTime(r.URL.Query(), "until")
	if err != nil {
		return v, err
	}
	v = sourceView{
		frame: newFrame(isolated(displayName(s)), "source.js"), Card: newCard(s, now), Scopes: scopeChoices(covered),
		Connectors: connectorRows(s.Connectors), Counters: counters(s.Metrics), Until: newMoment(until),
		API: "/api" + sourcePath(s.Key()),
	}
	if v.Activity, err = h.activities.get(ctx, newActivityKey(s, covered)); err != nil {
		return v, err
	}
	if v.Sessions, v.MoreBefore, err = h.lastSessions(ctx, s.Key(), now); err != nil {
		return v, err
	}
	changes, more, err := h.lastChanges(ctx, s.Key(), until, now)
	if err != nil {
		return v, err
	}
	for _, c := range slices.Backward(changes) {
		v.Changes = append(v.Changes, newChangeRow(c))
	}
	if more {
		v.Older = v.Card.Path + "?until=" + newMoment(changes[0].At.Time).Exact + "#history"
	}
	document, err := json.MarshalIndent(s, "", "  ")
	v.Document = string(document)
	return v, err
}

func scopeChoices(covered scope) []choice {
	choices := make([]choice, len(scopes))
	for i, s := range scopes {
		choices[i] = choice{Value: s.Name, Label: s.Label, Chosen: s.Name == covered.Name}
	}
	return choices
}

// lastSessions are the last streams of a source, newest first, and whether there
// were others before.
func (h *Handler) lastSessions(ctx context.Context, key source.Key, now time.Time) (rows []sessionRow, more bool, err error) {
	var last []*source.Session
	query := store.SessionQuery{Limit: store.MaxLimit}
	for {
		page, err := h.documents.Sessions(ctx, key, query)
		if err != nil {
			return nil, false, err
		}
		last = append(last, page.Sessions...)
		if len(last) > shownSessions {
			last, more = last[len(last)-shownSessions:], true
		}
		if query.Cursor = page.NextCursor; query.Cursor == "" {
			break
		}
	}
	for _, s := range slices.Backward(last) {
		rows = append(rows, newSessionRow(s, now))
	}
	return rows, more, nil
}

// lastChanges are the last changes before a time, oldest first, and whether there
// were others before. Histories are read forwards, so ever longer times are looked
// at until there is enough.
func (h *Handler) lastChanges(ctx context.Context, key source.Key, until, now time.Time) (changes []source.Change, more bool, err error) {
	end := until
	if end.IsZero() {
		end = now
	}
	for lookback := 24 * time.Hour; ; lookback *= 8 {
		query := store.HistoryQuery{From: end.Add(-lookback), To: until, Limit: store.MaxLimit}
		if lookback > source.HistoryLifetime {
			query.From = time.Time{}
		}
		if changes, err = h.tail(ctx, key, query); err != nil {
			return nil, false, err
		}
		if len(changes) > shownChanges {
			return whole(changes, len(changes)-shownChanges), true, nil
		}
		if query.From.IsZero() {
			return changes, false, nil
		}
	}
}

// whole is the changes from a place on, without the rest of an instant that begins
// before it, because the part before goes up to an instant.
func whole(changes []source.Change, start int) []source.Change {
	for i := start; i < len(changes); i++ {
		if !changes[i].At.Equal(changes[i-1].At.Time) {
			return changes[i:]
		}
	}
	return changes[start:]
}

// tail is the end of what a query finds: what is shown, and one more where there is.
func (h *Handler) tail(ctx context.Context, key source.Key, query store.HistoryQuery) (changes []source.Change, err error) {
	for {
		page, err := h.documents.History(ctx, key, query)
		if err != nil {
			return nil, err
		}
		changes = append(changes, page.Changes...)
		changes = changes[max(0, len(changes)-shownChanges-1):]
		if query.Cursor = page.NextCursor; query.Cursor == "" {
			return changes, nil
		}
	}
}

// A sessionRow is a stream in the table of streams.
type sessionRow struct {
	Started, Ended moment
	Live           bool
	Length         string
	Peak, Average  string
	Title          string
	Categories     []string
}

func newSessionRow(s *source.Session, now time.Time) sessionRow {
	r := sessionRow{
		Started: newMoment(s.StartedAt.Time), Ended: newMoment(s.EndedAt.Time),
		Live: s.EndedAt.IsZero(), Title: s.Title,
	}
	end := s.EndedAt.Time
	if r.Live {
		end = now
	}
	r.Length = period(end.Sub(s.StartedAt.Time))
	if s.PeakViewers != nil {
		r.Peak = grouped(*s.PeakViewers)
	}
	if s.AverageViewers != nil {
		r.Average = grouped(int64(*s.AverageViewers + 0.5))
	}
	for _, c := range s.Categories {
		name := c.Name
		if name == "" {
			name = c.ID
		}
		if !slices.Contains(r.Categories, name) {
			r.Categories = append(r.Categories, name)
		}
	}
	return r
}

// A changeRow is an entry of the timeline.
type changeRow struct {
	At      moment
	Class   string
	What    string // which field, in words
	From    string
	To      string
	Reason  string
	By      string
	EventID string
}

func newChangeRow(c source.Change) changeRow {
	r := changeRow{
		At: newMoment(c.At.Time), Class: "quiet", To: stateWord(c.To),
		Reason: c.Reason, By: c.By, EventID: c.EventID,
	}
	if c.From != nil {
		r.From = stateWord(*c.From)
	}
	switch c.Facet {
	case source.FacetStatus:
		r.What = "Connection"
	case source.FacetStreamStatus:
		r.What = "Stream"
	case source.FacetAuthStatus:
		r.What = "Token"
	case source.FacetPermissions:
		r.What = "Roles"
	default:
		r.What = string(c.Facet)
	}
	switch c.To {
	case source.Connected, source.Valid:
		r.Class = "good"
	case source.Online:
		r.Class = "live"
	case source.Disconnected:
		r.Class = "poor"
	case source.Error, source.Revoked, source.Expired:
		r.Class = "bad"
	}
	return r
}

// stateWord is a value as people read it.
func stateWord(v source.Value) string {
	switch v {
	case "":
		return "none"
	case source.Online:
		return "live"
	}
	return strings.ToLower(strings.ReplaceAll(string(v), ",", ", "))
}

// A connectorRow is one way by which the source is served.
type connectorRow struct {
	Name  string
	State badge
	Word  string // the connector's own
	At    moment
}

func connectorRows(connectors map[string]source.Connector) []connectorRow {
	rows := make([]connectorRow, 0, len(connectors))
	for _, name := range slices.Sorted(maps.Keys(connectors)) {
		c := connectors[name]
		state := stateBadge(publicSource{Document: &source.Document{Status: c.Status}})
		row := connectorRow{Name: name, State: state, At: newMoment(c.At.Time)}
		if !strings.EqualFold(c.State, c.Status) {
			row.Word = strings.ToLower(c.State)
		}
		rows = append(rows, row)
	}
	return rows
}

// A counter is a total over restarts.
type counter struct{ Name, Count string }

func counters(m *source.Metrics) []counter {
	if m == nil {
		return nil
	}
	found := make([]counter, 0, len(m.Counts))
	for _, name := range slices.Sorted(maps.Keys(m.Counts)) {
		found = append(found, counter{name, grouped(m.Counts[name])})
	}
	return found
}
