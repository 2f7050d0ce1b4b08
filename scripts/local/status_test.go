package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// A browser reads events for ever. The suite does not wait for it.
func TestReadersOfEventsDoNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	i := begin(t, t.TempDir(), nil, "-demo=false")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.url+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() && lines.Text() != "event: snapshot" { // it comes soon
	}
	if err := i.end(); err != nil {
		t.Errorf("ending: %v", err)
	}
	for lines.Scan() { // to the end
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the events did not end well: %v", err)
	}
}

func TestTheDebugPageShowsTheSimulatedSubscriptions(t *testing.T) {
	t.Parallel()
	const token = "t0ken-0123456789"
	i := begin(t, t.TempDir(), map[string]string{"DEBUG_TOKEN": token})
	if got := i.do(t, http.MethodGet, "/_debug/twitch", "", nil); got.status != http.StatusUnauthorized {
		t.Errorf("without the token: %d", got.status)
	}
	var found struct {
		Subscriptions struct {
			Total         int
			MaxTotalCost  int
			Subscriptions []struct{ Type, Status string }
		}
		Webhooks   []struct{ Type, At string }
		Connectors map[string]any
	}
	missing := func() bool {
		return found.Subscriptions.Total == 0 || len(found.Webhooks) == 0 || len(found.Connectors) == 0
	}
	for giveUp := time.Now().Add(patience); missing() && time.Now().Before(giveUp); {
		// Another tick may be running, and has not subscribed yet.
		i.do(t, http.MethodPost, heartbeatPath, "", nil)
		got := i.do(t, http.MethodGet, "/_debug/twitch", "", http.Header{"Authorization": {"Bearer " + token}})
		if err := json.Unmarshal(got.body, &found); err != nil || got.status != http.StatusOK {
			t.Fatalf("answered %d, %v: %s", got.status, err, got.body)
		}
	}
	if s := found.Subscriptions; s.Total == 0 || s.MaxTotalCost == 0 || s.Subscriptions[0].Type == "" || s.Subscriptions[0].Status == "" {
		t.Errorf("subscriptions %+v", s)
	}
	if len(found.Webhooks) == 0 || found.Webhooks[0].Type == "" || found.Webhooks[0].At == "" {
		t.Errorf("webhooks %+v", found.Webhooks)
	}
	if len(found.Connectors) == 0 {
		t.Error("nothing that connectors answered")
	}
}
