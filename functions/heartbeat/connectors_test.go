package heartbeat

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/connectortest"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// polling is a suite that polls a service with one Twitch connector.
func polling(t testing.TB) *suite {
	s := start(t, nil)
	s.bots.Set("twitch", connectortest.Snapshot{
		"state": "CONNECTED", "id": botID, "displayName": "examplebot", "started": true,
		"counters": map[string]int{"received": 10, "failed": 1}, "joinedChannels": []string{"#examplechan"},
	})
	return s
}

func (s *suite) bot() *source.Document {
	s.t.Helper()
	return s.document("twitch:" + botID)
}

func TestAConnectorBecomesADocument(t *testing.T) {
	t.Parallel()
	s := polling(t)
	report := s.mustBeat()
	d := s.bot()
	if d.Status != source.Connected || d.DisplayName != "examplebot" || d.Connectors["twitch"].InstanceID != "bots-1" {
		t.Errorf("document %+v", d)
	}
	if d.Metrics.Counts["messagesIn"] != 10 || d.Metrics.Counts["errors"] != 1 || d.LatencyMs != nil && *d.LatencyMs < 0 {
		t.Errorf("metrics %+v", d.Metrics)
	}
	if step := report.Steps["connectors"]; step.Looked != 1 || step.Changed != 1 || report.Published != 1 {
		t.Errorf("report %+v", step)
	}
	latest, err := readLatest(t.Context(), s.store)
	if err != nil || latest.Connectors["twitch"] != "2026-05-01T12:00:00.000Z" {
		t.Errorf("latest %+v, %v", latest, err)
	}
}

func TestWhatDoesNotChangeIsPublishedOnceARefresh(t *testing.T) {
	t.Parallel()
	s := polling(t)
	s.mustBeat()
	published := 0
	for range 120 {
		published += s.mustBeat().Published
	}
	if published != 2 {
		t.Errorf("published %d times in two hours", published)
	}
}

func TestADeadConnectorIsBelievedAfterThreeMisses(t *testing.T) {
	t.Parallel()
	s := polling(t)
	s.mustBeat()
	s.bots.Fail(connectortest.Dead)
	for miss := 1; miss <= 2; miss++ {
		if s.mustBeat(); s.bot().Status != source.Connected {
			t.Fatalf("status %q after %d misses", s.bot().Status, miss)
		}
	}
	s.mustBeat()
	d := s.bot()
	if d.Status != source.Disconnected || d.LastError == nil || d.LastError.Code != "UNREACHABLE" {
		t.Errorf("status %q, error %+v", d.Status, d.LastError)
	}
	if got := s.mustBeat().Published; got != 0 {
		t.Errorf("published %d times that it is still unreachable", got)
	}
	s.bots.Heal()
	s.mustBeat()
	if d := s.bot(); d.Status != source.Connected || d.LastError != nil {
		t.Errorf("status %q, error %+v after a good poll", d.Status, d.LastError)
	}
	s.bots.Fail(connectortest.Answers(http.StatusInternalServerError, `{"error":"internal_error"}`))
	s.mustBeat()
	s.mustBeat()
	if got := s.bot().Status; got != source.Connected {
		t.Errorf("status %q: misses are counted anew after a good poll", got)
	}
}

func TestAHeartbeatThatIsCutOffBlamesNobody(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *Config) {
		c.Broadcasters = []string{channelID}
		other := c.Connectors[0]
		other.Name = "others"
		c.Connectors = append(c.Connectors, other)
	})
	s.bots.Set("twitch", connectortest.Snapshot{"state": "CONNECTED", "id": botID})
	s.world.AddUser(channelID, "examplechan", "ExampleChan")
	s.mustBeat()
	s.bots.Fail(connectortest.Dead)
	s.Twitch = nil
	c := s.Config
	c.APIURL, c.AuthURL = "http://127.0.0.1:1", "http://127.0.0.1:1"
	cut := New(c, s.records, s, s.Log)
	s.Twitch = cut.Twitch
	for range 5 {
		s.beat()
	}
	if got := s.bot().Status; got != source.Connected {
		t.Errorf("status %q", got)
	}
}

func TestCountersKeepTheirTotalsOverARestart(t *testing.T) {
	t.Parallel()
	s := polling(t)
	s.mustBeat()
	s.bots.Restart("bots-2")
	s.bots.Count("twitch", "received", 4)
	s.bots.Change("twitch", connectortest.Snapshot{"displayName": "renamed"}) // so that it is published at once
	s.mustBeat()
	if got := s.bot().Metrics.Counts["messagesIn"]; got != 14 {
		t.Errorf("messagesIn %d after a restart", got)
	}
}

func TestTwoInstancesAddUp(t *testing.T) {
	t.Parallel()
	s := polling(t)
	for i, push := range []string{
		`{"state":"CONNECTED","id":"555","instanceId":"a","counters":{"received":5}}`,
		`{"state":"CONNECTED","id":"555","instanceId":"b","counters":{"received":7},"displayName":"b"}`,
	} {
		if w := s.request(http.MethodPost, "/heartbeat/snapshots?connector=twitch", push); w.Code != http.StatusOK {
			t.Fatalf("push %d: %d %s", i, w.Code, w.Body)
		}
		s.clock.advance(time.Second)
	}
	if got := s.bot().Metrics.Counts["messagesIn"]; got != 12 {
		t.Errorf("messagesIn %d", got)
	}
}

func TestAConnectorThatHearsNothingWhileAStreamIsLiveIsSuspect(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *Config) { c.Broadcasters = []string{"examplechan"} })
	s.bots.Set("twitch", connectortest.Snapshot{
		"state": "CONNECTED", "id": botID, "counters": map[string]int{"received": 10}, "joinedChannels": []string{"#examplechan"},
	})
	s.world.AddUser(channelID, "examplechan", "ExampleChan").GoLive("Hi", chess, 5)
	for range 10 {
		s.mustBeat()
	}
	if suspect := s.bot().Metadata["suspect"]; suspect != nil {
		t.Fatalf("suspect after less than ten minutes: %v", suspect)
	}
	for range 5 {
		s.mustBeat()
	}
	d := s.bot()
	if suspect, _ := d.Metadata["suspect"].(string); suspect == "" || d.Status != source.Connected {
		t.Errorf("status %q, suspect %v", d.Status, d.Metadata["suspect"])
	}
	s.bots.Count("twitch", "received", 1)
	s.mustBeat()
	if suspect := s.bot().Metadata["suspect"]; suspect != nil {
		t.Errorf("still suspect: %v", suspect)
	}
}

func TestASnapshotWithoutAnIDStandsForTheLastKnownOne(t *testing.T) {
	t.Parallel()
	s := polling(t)
	s.mustBeat()
	s.bots.Set("twitch", connectortest.Snapshot{"state": "ERROR", "lastError": "boom"})
	s.mustBeat()
	if d := s.bot(); d.Status != source.Error || d.LastError.Message != "boom" {
		t.Errorf("status %q, error %+v", d.Status, d.LastError)
	}
	if d := s.document("twitch:twitch"); d.ID != "" {
		t.Errorf("a document under the name of the connector: %+v", d)
	}
}

func TestAPushedSnapshotIsPublishedAtOnce(t *testing.T) {
	t.Parallel()
	s := polling(t)
	s.mustBeat()
	s.takePublished()
	push := func(path, body string) string {
		t.Helper()
		w := s.request(http.MethodPost, path, body)
		if w.Code != http.StatusOK {
			t.Fatalf("answered %d %s", w.Code, w.Body)
		}
		s.clock.advance(time.Second)
		return strings.TrimSpace(w.Body.String())
	}
	const failed = `{"connectors":{"twitch":{"state":"ERROR","lastError":{"code":"c","message":"m"}}}}`
	if got := push("/snapshots", failed); got != `{"sources":1,"published":1}` {
		t.Errorf("answer %s", got)
	}
	if d := s.bot(); d.Status != source.Error || d.LastError.Code != "c" {
		t.Errorf("status %q, error %+v", d.Status, d.LastError)
	}
	if got := push("/snapshots/", failed); got != `{"sources":1,"published":0}` {
		t.Errorf("answer %s to the same", got)
	}
	if got := push("/heartbeat/snapshots?connector=twitch", `{"state":"DISCONNECTED"}`); got != `{"sources":1,"published":1}` {
		t.Errorf("answer %s", got)
	}
	if got := s.bot().Status; got != source.Disconnected {
		t.Errorf("status %q", got)
	}
	if got := len(s.takePublished()); got != 2 {
		t.Errorf("published %d", got)
	}
	pushed := s.clock.Now()
	if got := push("/heartbeat/snapshots?connector=kick", `{"state":"CONNECTED","id":"7"}`); got != `{"sources":1,"published":1}` {
		t.Errorf("answer %s", got)
	}
	s.mustBeat() // the poll finds all as before
	latest, err := readLatest(t.Context(), s.store)
	if err != nil || latest.Connectors["kick"] != event.FormatTime(pushed) {
		t.Errorf("latest %+v, %v", latest, err)
	}
	if d := s.bot(); d.Status != source.Connected || d.LastError != nil {
		t.Errorf("status %q, error %+v after a good poll", d.Status, d.LastError)
	}
	if got := s.mustBeat().Published; got != 0 {
		t.Errorf("published %d with the next tick", got)
	}
}

func TestPushesThatAreNoSnapshotsAreRefused(t *testing.T) {
	t.Parallel()
	s := polling(t)
	for body, want := range map[string]int{
		"":                                http.StatusBadRequest,
		"[]":                              http.StatusBadRequest,
		`{"connectors":`:                  http.StatusBadRequest,
		`{"hello":"world"}`:               http.StatusBadRequest,
		`{"error":"x"}`:                   http.StatusBadRequest,
		strings.Repeat(" ", 1<<20) + "{}": http.StatusRequestEntityTooLarge,
	} {
		if got := s.request(http.MethodPost, "/snapshots", body).Code; got != want {
			t.Errorf("%.30q: %d, want %d", body, got, want)
		}
	}
	s.broken = errBroken
	if got := s.request(http.MethodPost, "/snapshots?connector=twitch", `{"state":"ERROR"}`).Code; got != http.StatusServiceUnavailable {
		t.Errorf("with a broken bus: %d", got)
	}
	if published := s.takePublished(); len(published) != 0 {
		t.Errorf("published %v", published)
	}
}
