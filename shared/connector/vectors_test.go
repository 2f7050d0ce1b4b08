package connector_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/connector"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// A vector is one case of testdata/cases.json: an answer to a poll, and what its
// sources are. What a source does not list is not tested; null is none.
type vector struct {
	File       string           `json:"file"`
	Connector  string           `json:"connector"`
	HTTPStatus int              `json:"httpStatus"`
	Sources    []map[string]any `json:"sources"`
	Findings   []string         `json:"findings"`
}

func TestVectors(t *testing.T) {
	t.Parallel()
	var cases struct{ Cases []vector }
	content, err := os.ReadFile(filepath.Join("testdata", "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &cases); err != nil || len(cases.Cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, v := range cases.Cases {
		t.Run(v.File, func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile(filepath.Join("testdata", v.File))
			if err != nil {
				t.Fatal(err)
			}
			snapshots, err := connector.Parse(v.Connector, v.HTTPStatus, body)
			v.checkFindings(t, err)
			v.checkSources(t, snapshots)
		})
	}
}

func (v vector) checkFindings(t *testing.T, err error) {
	t.Helper()
	if len(v.Findings) == 0 && err != nil {
		t.Errorf("finding %v", err)
	}
	for _, want := range v.Findings {
		var found *connector.Finding
		if !errors.As(err, &found) || !strings.Contains(found.Reason, want) {
			t.Errorf("finding %v, want %s", err, want)
		}
	}
}

// checkSources compares the events of the snapshots, which is what counts.
func (v vector) checkSources(t *testing.T, snapshots []connector.Snapshot) {
	t.Helper()
	got := make(map[string]event.Object)
	for _, s := range snapshots {
		payload := s.WithID("").Event(time.Now(), 0, "heartbeat").Payload
		payload["connectorState"] = payload.Object("metadata")["connectorState"]
		got[s.Connector] = payload
	}
	if len(got) != len(v.Sources) || len(snapshots) != len(v.Sources) {
		t.Errorf("%d sources of %d connectors, want %d", len(snapshots), len(got), len(v.Sources))
	}
	for _, want := range v.Sources {
		name := want["connector"].(string)
		payload, ok := got[name]
		if !ok {
			t.Errorf("no %s", name)
			continue
		}
		for field, value := range want {
			encoded, err := json.Marshal(payload[field])
			if err != nil {
				t.Fatal(err)
			}
			var plain any
			if err := json.Unmarshal(encoded, &plain); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(value, plain); diff != "" {
				t.Errorf("%s.%s (-want +got):\n%s", name, field, diff)
			}
			if _, said := payload[field]; field == "lastError" && value == nil && !said {
				t.Errorf("%s: no error is to be said", name)
			}
		}
	}
}

// What a snapshot says stands in the document in the end.
func TestASnapshotBecomesADocument(t *testing.T) {
	t.Parallel()
	body := []byte(`{"connectors":{"twitch":{"state":"CONNECTED","id":"555","displayName":"bot","started":true,
		"counters":{"received":7,"failed":1},"reconnects":2,"joinedChannels":["#a"],"accessToken":"s3cret"}}}`)
	snapshots, err := connector.Parse("bots", 200, body)
	if err != nil || len(snapshots) != 1 {
		t.Fatalf("%v, %v", snapshots, err)
	}
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	m, err := snapshots[0].Event(at, 42*time.Millisecond, "heartbeat").BusMessage()
	if err != nil {
		t.Fatal(err)
	}
	m.PublishTime = at
	u, err := source.Read(m)
	if err != nil {
		t.Fatal(err)
	}
	result, err := source.Merge(nil, nothing{}, u)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(result.Document.Public())
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"555","platform":"twitch","displayName":"bot","status":"CONNECTED","lastStatusUpdate":"2026-05-01T12:00:00.000Z",` +
		`"connectors":{"twitch":{"status":"CONNECTED","state":"CONNECTED","at":"2026-05-01T12:00:00.000Z"}},` +
		`"metadata":{"connectorState":"CONNECTED","joinedChannels":["#a"],"started":true},"latencyMs":42,` +
		`"metrics":{"errors":1,"lastHeartbeat":"2026-05-01T12:00:00.000Z","messagesIn":7,"reconnects":2}}`
	if diff := cmp.Diff(want, string(encoded)); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

type nothing struct{}

func (nothing) Session(string) (*source.Session, error) { return nil, nil }
func (nothing) Hour(string) (*source.Hour, error)       { return nil, nil }
