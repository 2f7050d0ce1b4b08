package eventsub

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sourcestate/sourcestate/shared/event"
)

// rowCase is one entry of testdata/rows.json: an event as Twitch documents it and
// what facts/bus.md section 8 makes of it; {c} is the correlationId.
type rowCase struct {
	Name, Type, Version string
	Event               json.RawMessage
	Want                struct {
		Type, Channel, ExternalEventID, CreatedAt string
		Identity, Metadata, Message               json.RawMessage
	}
}

// TestRows compares the whole envelope of each of the 22 types.
func TestRows(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range rowCases(t) {
		seen[c.Type] = true
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			h, rec := newHandler(t)
			m := notification(`{"subscription":{"id":"s","type":"` + c.Type + `","version":"` + c.Version +
				`","condition":{"broadcaster_user_id":"1337"}},"event":` + string(c.Event) + `}`)
			wantStatus(t, serve(h, m.request()), http.StatusNoContent)
			wantMessage(t, rec, c.envelope(t))
		})
	}
	if len(seen) != 22 || len(rows) != 22 {
		t.Errorf("%d types tested, %d in the table, want 22", len(seen), len(rows))
	}
}

func (c rowCase) envelope(t *testing.T) event.Object {
	t.Helper()
	correlationID := event.NewID(messageID)
	part := func(data json.RawMessage) map[string]any {
		return object(t, []byte(strings.ReplaceAll(string(data), "{c}", correlationID)))
	}
	want := event.Object{
		"v": "2", "type": c.Want.Type, "correlationId": correlationID,
		"ingress": map[string]any{
			"ingressAt": "2026-05-01T12:00:08.000Z", "source": "ingress.twitch.eventsub",
			"connector": "twitch", "channel": c.Want.Channel,
		},
		"identity": map[string]any{"external": part(c.Want.Identity)},
		"egress":   map[string]any{"destination": "", "connector": "twitch", "channel": c.Want.Channel},
		"externalEvent": map[string]any{
			"id":     strings.ReplaceAll(c.Want.ExternalEventID, "{c}", correlationID),
			"source": "twitch.eventsub", "kind": c.Type, "version": c.Version,
			"createdAt": c.Want.CreatedAt, "metadata": part(c.Want.Metadata),
			"rawPayload": map[string]any(object(t, c.Event)),
		},
		"routing": map[string]any{"stage": "initial", "slip": []any{}, "history": []any{}},
	}
	if c.Want.Message != nil {
		want["message"] = part(c.Want.Message)
	}
	return want
}

func rowCases(t *testing.T) []rowCase {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "rows.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []rowCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func TestRowsWithoutTheirActorAreDeadLettered(t *testing.T) {
	t.Parallel()
	for kind, row := range rows {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			h, rec := newHandler(t)
			m := notification(`{"subscription":{"type":"` + kind + `","condition":{"broadcaster_user_id":"1337"}},"event":{"id":"9"}}`)
			wantStatus(t, serve(h, m.request()), http.StatusNoContent)
			if row.anonymous {
				onlyEvent(t, rec)
				return
			}
			if got := onlyLetter(t, rec).Text("reason"); got != reasonNoIdentity {
				t.Errorf("reason = %q", got)
			}
		})
	}
}
