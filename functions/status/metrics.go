package status

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/sourcestate/sourcestate/shared/source"
)

// metrics tells Prometheus how all sources are at this moment. Nothing is counted
// here: any instance may be asked.
func (h *Handler) metrics(w http.ResponseWriter, r *http.Request) {
	board, f, err := h.board(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultAcceptedFormats()...)
	w.Header().Set("Content-Type", string(format))
	encoder := expfmt.NewEncoder(w, format)
	for _, family := range newReport(board, f, h.now(), h.hub.count()).families() {
		if err := encoder.Encode(family); err != nil {
			return // whoever asked is gone
		}
	}
}

// A gauge is a metric family with what was measured so far.
type gauge struct {
	name, help string
	metrics    []*dto.Metric
}

func (g *gauge) set(value float64, labels ...*dto.LabelPair) {
	g.metrics = append(g.metrics, &dto.Metric{Label: labels, Gauge: &dto.Gauge{Value: &value}})
}

// label is a pair that may be part of several metrics.
func label(name, value string) *dto.LabelPair {
	value = strings.ToValidUTF8(value, "\uFFFD")
	return &dto.LabelPair{Name: &name, Value: &value}
}

// A facet is a gauge of which one state is 1 and the others are 0, or all where
// nothing is known.
type facet struct {
	gauge
	states []*dto.LabelPair
	of     func(*source.Document) []string
}

func newFacet(name, help, labelName string, states []string, of func(*source.Document) []string) *facet {
	f := &facet{gauge: gauge{name: name, help: help}, of: of}
	for _, state := range states {
		f.states = append(f.states, label(labelName, state))
	}
	return f
}

// A report has all that there is to tell.
type report struct {
	facets                                        []*facet
	viewers, stale, age, latency, expires, change gauge // of each source
	beat, helix, connector, readers               gauge
}

// newReport tells of sources as they were read, and of who keeps them.
func newReport(board []*known, fresh freshness, now time.Time, readers int) *report {
	one := func(state string) []string { return []string{state} }
	r := &report{
		facets: []*facet{
			newFacet("source_status", "Whether the source is in this connection state.", "state",
				[]string{source.Connected, source.Disconnected, source.Error},
				func(d *source.Document) []string { return one(d.Status) }),
			newFacet("source_stream_status", "Whether the stream of the source is in this state.", "state",
				[]string{source.Online, source.Offline},
				func(d *source.Document) []string { return one(d.StreamStatus) }),
			newFacet("source_auth_status", "Whether the authorization of the source is in this state.", "state",
				[]string{source.Valid, source.Expired, source.Revoked},
				func(d *source.Document) []string { return one(d.AuthStatus) }),
			newFacet("source_permissions", "Whether the bot has this role in the channel.", "role",
				[]string{source.Broadcaster, source.Moderator, source.VIP},
				func(d *source.Document) []string { return d.Permissions }),
		},
		viewers:   gauge{name: "source_viewers", help: "Viewers of the stream, while it is live and they are known."},
		stale:     gauge{name: "source_stale", help: "Whether there was no sign of life for four intervals of the heartbeat."},
		age:       gauge{name: "source_age_seconds", help: "Age of the newest sign of life."},
		latency:   gauge{name: "source_latency_seconds", help: "Round trip of the last poll of the connector."},
		expires:   gauge{name: "source_auth_expires_timestamp_seconds", help: "When the authorization ends."},
		change:    gauge{name: "source_updated_timestamp_seconds", help: "When the document was last written."},
		beat:      gauge{name: "heartbeat_age_seconds", help: "Age of the last tick of the heartbeat that came to its end."},
		helix:     gauge{name: "helix_poll_age_seconds", help: "Age of the last good poll of Helix."},
		connector: gauge{name: "connector_poll_age_seconds", help: "Age of the last good poll of the connector."},
		readers:   gauge{name: "event_readers", help: "Readers of events at this instance."},
	}
	for _, k := range board {
		r.tell(k, k.at(now, fresh))
	}
	since := func(g *gauge, t time.Time, labels ...*dto.LabelPair) {
		if !t.IsZero() {
			g.set(max(0, now.Sub(t).Seconds()), labels...)
		}
	}
	since(&r.beat, fresh.beat)
	since(&r.helix, fresh.helix)
	for _, name := range slices.Sorted(maps.Keys(fresh.connectors)) {
		since(&r.connector, fresh.connectors[name], label("connector", name))
	}
	r.readers.set(float64(readers))
	return r
}

// tell tells of one source.
func (r *report) tell(k *known, p publicSource) {
	d := k.document
	id, platform := label("id", d.ID), label("platform", d.Platform)
	for _, facet := range r.facets {
		now := facet.of(d)
		for _, state := range facet.states {
			facet.set(truth(slices.Contains(now, state.GetValue())), id, platform, state)
		}
	}
	if d.ViewerCount != nil {
		r.viewers.set(float64(*d.ViewerCount), id, platform)
	}
	r.stale.set(truth(p.Stale), id, platform)
	r.age.set(float64(p.AgeSeconds), id, platform)
	if d.LatencyMs != nil {
		r.latency.set(float64(*d.LatencyMs)/1000, id, platform)
	}
	if d.Auth != nil && !d.Auth.ExpiresAt.IsZero() {
		r.expires.set(float64(d.Auth.ExpiresAt.Unix()), id, platform)
	}
	if !d.UpdatedAt.IsZero() {
		r.change.set(float64(d.UpdatedAt.UnixMilli())/1000, id, platform)
	}
}

const namespace = "sourcestate_"

// families are the gauges that have something to tell.
func (r *report) families() []*dto.MetricFamily {
	var gauges []*gauge
	for _, facet := range r.facets {
		gauges = append(gauges, &facet.gauge)
	}
	gauges = append(gauges, &r.viewers, &r.stale, &r.age, &r.latency, &r.expires, &r.change,
		&r.beat, &r.helix, &r.connector, &r.readers)
	var families []*dto.MetricFamily
	for _, g := range gauges {
		if len(g.metrics) > 0 {
			name := namespace + g.name
			families = append(families, &dto.MetricFamily{
				Name: &name, Help: &g.help, Type: dto.MetricType_GAUGE.Enum(), Metric: g.metrics,
			})
		}
	}
	return families
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
