package status

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

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
	registry := prometheus.NewRegistry()
	err = registry.Register(&collector{board: board, fresh: f, now: h.now(), readers: h.hub.count()})
	if err != nil { // cannot be: the tests have scraped it
		h.fail(w, r, err)
		return
	}
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true}).ServeHTTP(w, r)
}

// A collector tells of sources as they were read.
type collector struct {
	board   []*known
	fresh   freshness
	now     time.Time
	readers int
}

const namespace = "sourcestate_"

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+name, help, labels, nil)
}

// A facet is a gauge of which one state is 1 and the others are 0, or all where
// nothing is known.
type facet struct {
	desc   *prometheus.Desc
	states []string
	of     func(*source.Document) []string
}

// families are what there is to tell.
type families struct {
	facets                                        []facet
	viewers, stale, age, latency, expires, change *prometheus.Desc
	beat, helix, connector, readers               *prometheus.Desc
}

func newFamilies() families {
	one := func(state string) []string { return []string{state} }
	of := func(labels ...string) []string { return append([]string{"platform", "id"}, labels...) }
	return families{
		facets: []facet{
			{
				describe("source_status", "Whether the source is in this connection state.", of("state")...),
				[]string{source.Connected, source.Disconnected, source.Error},
				func(d *source.Document) []string { return one(d.Status) },
			},
			{
				describe("source_stream_status", "Whether the stream of the source is in this state.", of("state")...),
				[]string{source.Online, source.Offline},
				func(d *source.Document) []string { return one(d.StreamStatus) },
			},
			{
				describe("source_auth_status", "Whether the authorization of the source is in this state.", of("state")...),
				[]string{source.Valid, source.Expired, source.Revoked},
				func(d *source.Document) []string { return one(d.AuthStatus) },
			},
			{
				describe("source_permissions", "Whether the bot has this role in the channel.", of("role")...),
				[]string{source.Broadcaster, source.Moderator, source.VIP},
				func(d *source.Document) []string { return d.Permissions },
			},
		},
		viewers:   describe("source_viewers", "Viewers of the stream, while it is live and they are known.", of()...),
		stale:     describe("source_stale", "Whether there was no sign of life for four intervals of the heartbeat.", of()...),
		age:       describe("source_age_seconds", "Age of the newest sign of life.", of()...),
		latency:   describe("source_latency_seconds", "Round trip of the last poll of the connector.", of()...),
		expires:   describe("source_auth_expires_timestamp_seconds", "When the authorization ends.", of()...),
		change:    describe("source_updated_timestamp_seconds", "When the document was last written.", of()...),
		beat:      describe("heartbeat_age_seconds", "Age of the last tick of the heartbeat that came to its end."),
		helix:     describe("helix_poll_age_seconds", "Age of the last good poll of Helix."),
		connector: describe("connector_poll_age_seconds", "Age of the last good poll of the connector.", "connector"),
		readers:   describe("event_readers", "Readers of events at this instance."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(descriptions chan<- *prometheus.Desc) {
	f := newFamilies()
	for _, facet := range f.facets {
		descriptions <- facet.desc
	}
	for _, d := range []*prometheus.Desc{
		f.viewers, f.stale, f.age, f.latency, f.expires, f.change, f.beat, f.helix, f.connector, f.readers,
	} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(metrics chan<- prometheus.Metric) {
	f := newFamilies()
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		for i := range labels {
			labels[i] = strings.ToValidUTF8(labels[i], "�")
		}
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	since := func(desc *prometheus.Desc, t time.Time, labels ...string) {
		if !t.IsZero() {
			gauge(desc, max(0, c.now.Sub(t).Seconds()), labels...)
		}
	}
	for _, k := range c.board {
		c.collect(f, gauge, k)
	}
	since(f.beat, c.fresh.beat)
	since(f.helix, c.fresh.helix)
	for name, polled := range c.fresh.connectors {
		since(f.connector, polled, name)
	}
	gauge(f.readers, float64(c.readers))
}

// collect tells of one source.
func (c *collector) collect(f families, gauge func(*prometheus.Desc, float64, ...string), k *known) {
	d, p := k.document, k.at(c.now, c.fresh)
	for _, facet := range f.facets {
		now := facet.of(d)
		for _, state := range facet.states {
			gauge(facet.desc, truth(slices.Contains(now, state)), d.Platform, d.ID, state)
		}
	}
	if d.ViewerCount != nil {
		gauge(f.viewers, float64(*d.ViewerCount), d.Platform, d.ID)
	}
	gauge(f.stale, truth(p.Stale), d.Platform, d.ID)
	gauge(f.age, float64(p.AgeSeconds), d.Platform, d.ID)
	if d.LatencyMs != nil {
		gauge(f.latency, float64(*d.LatencyMs)/1000, d.Platform, d.ID)
	}
	if d.Auth != nil && !d.Auth.ExpiresAt.IsZero() {
		gauge(f.expires, float64(d.Auth.ExpiresAt.Unix()), d.Platform, d.ID)
	}
	if !d.UpdatedAt.IsZero() {
		gauge(f.change, float64(d.UpdatedAt.UnixMilli())/1000, d.Platform, d.ID)
	}
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

var _ prometheus.Collector = (*collector)(nil)
