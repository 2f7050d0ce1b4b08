package status

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// scrape reads metrics as Prometheus does: values by name and labels.
func scrape(t testing.TB, h http.Handler) map[string]float64 {
	t.Helper()
	r := get(t, h, "/metrics")
	if r.StatusCode != http.StatusOK || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
		t.Fatalf("answered %d, %v", r.StatusCode, r.Header)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]float64)
	for name, family := range families {
		if family.GetType() != dto.MetricType_GAUGE || family.GetHelp() == "" {
			t.Errorf("%s: type %v, help %q", name, family.GetType(), family.GetHelp())
		}
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetName()+"="+label.GetValue())
			}
			found[strings.TrimSpace(strings.TrimPrefix(name, namespace)+" "+strings.Join(labels, " "))] = metric.GetGauge().GetValue()
		}
	}
	return found
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	viewers, latency := int64(70), int64(250)
	d := document("twitch", "1")
	d.Status, d.StreamStatus, d.AuthStatus = source.Connected, source.Online, source.Expired
	d.ViewerCount, d.LatencyMs, d.Permissions = &viewers, &latency, []string{source.Moderator}
	d.Auth = &source.Auth{ExpiresAt: source.Time{Time: time.Unix(1_800_000_000, 0)}, At: ago(time.Hour)}
	s := keep(t, d, document("slack", "a\"\\\n😀"))
	beat := latest{At: "2026-05-01T12:00:00.120Z", Helix: "2026-05-01T11:59:07.120Z", Connectors: map[string]string{"irc": "2026-05-01T11:59:57.120Z"}}
	if err := s.Write(t.Context(), store.Heartbeat, map[string]any{latestName: beat}); err != nil {
		t.Fatal(err)
	}
	h := New(Config{}, s, silent())
	h.now = func() time.Time { return now }
	one, other := "id=1 platform=twitch", "id=a\"\\\n😀 platform=slack"
	want := map[string]float64{
		"heartbeat_age_seconds": 7, "helix_poll_age_seconds": 60, "connector_poll_age_seconds connector=irc": 10, "event_readers": 0,
		"source_viewers " + one: 70, "source_latency_seconds " + one: 0.25, "source_auth_expires_timestamp_seconds " + one: 1_800_000_000,
		"source_stale " + one: 1, "source_age_seconds " + one: 3600, "source_stale " + other: 0, "source_age_seconds " + other: 0,
		"source_updated_timestamp_seconds " + one:   float64(now.UnixMilli()) / 1000,
		"source_updated_timestamp_seconds " + other: float64(now.UnixMilli()) / 1000,
	}
	for name, states := range map[string][]string{
		"source_status":        {"state=CONNECTED", "state=DISCONNECTED", "state=ERROR"},
		"source_stream_status": {"state=ONLINE", "state=OFFLINE"},
		"source_auth_status":   {"state=VALID", "state=EXPIRED", "state=REVOKED"},
		"source_permissions":   {"role=BROADCASTER", "role=MODERATOR", "role=VIP"},
	} {
		for _, state := range states {
			want[name+" "+one+" "+state], want[name+" "+other+" "+state] = 0, 0
		}
	}
	want["source_status "+one+" state=CONNECTED"] = 1
	want["source_stream_status "+one+" state=ONLINE"] = 1
	want["source_auth_status "+one+" state=EXPIRED"] = 1
	want["source_permissions "+one+" role=MODERATOR"] = 1
	if diff := cmp.Diff(want, scrape(t, h)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestMetricsOfNothing(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(map[string]float64{"event_readers": 0}, scrape(t, New(Config{}, keep(t), silent()))); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}
