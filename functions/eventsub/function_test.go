package eventsub

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

// TestFunction goes from the environment to the bus: what goes wrong with the
// wiring is answered 500 and tried again.
func TestFunction(t *testing.T) {
	server := pstest.NewServer()
	t.Cleanup(func() { server.Close() })
	for _, topic := range []string{bus.Ingress, bus.DeadLetter} {
		if _, err := server.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/p/topics/dev." + topic}); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PUBSUB_EMULATOR_HOST", server.Addr)
	values := map[string]string{"TWITCH_EVENTSUB_SECRETS": "tiny", "BUS_PREFIX": "dev.", "GOOGLE_CLOUD_PROJECT": "p"}
	var logs bytes.Buffer
	f := newFunction(env(values), &logs)
	message := func(id string) *http.Request {
		m := notification(`{"subscription":{"type":"stream.online"},"event":{"broadcaster_user_id":"1337"}}`)
		m.id = id
		m.timestamp = "2199-01-01T00:00:00Z" // the clock is the real one here
		return m.request()
	}

	wantStatus(t, serve(f, message("1")), http.StatusInternalServerError)
	if got := logs.String(); !strings.Contains(got, "number 1: unusable EventSub secret") || strings.Contains(got, "tiny") {
		t.Errorf("logs = %s", got)
	}

	values["TWITCH_EVENTSUB_SECRETS"] = secret
	var all sync.WaitGroup
	for _, id := range []string{"1", "2", "3"} {
		all.Go(func() {
			r := message(id)
			r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
			wantStatus(t, serve(f, r), http.StatusNoContent)
		})
	}
	all.Wait()

	ids := map[string]bool{}
	for _, m := range server.Messages() {
		ids[m.Attributes["correlationId"]] = true
		if m.Topic != "projects/p/topics/dev."+bus.Ingress || m.Attributes["traceparent"] == "" || m.Attributes["type"] != event.TypeStreamOnline {
			t.Errorf("topic %q, attributes %v", m.Topic, m.Attributes)
		}
	}
	if len(ids) != 3 {
		t.Errorf("published %v, want three messages", ids)
	}

	r := message("4")
	r.Header.Set(twitch.HeaderType, "new") // published ones are not logged
	r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	wantStatus(t, serve(f, r), http.StatusNoContent)
	if !strings.Contains(logs.String(), "projects/p/traces/4bf92f3577b34da6a3ce929d0e0e4736") {
		t.Errorf("logs name no trace: %s", logs.String())
	}
}

// TestWhatTheBusRefusesForGoodIsDeadLettered: a body within the limit that grows
// over Pub/Sub's when it is escaped.
func TestWhatTheBusRefusesForGoodIsDeadLettered(t *testing.T) {
	server := pstest.NewServer()
	t.Cleanup(func() { server.Close() })
	if _, err := server.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/p/topics/" + bus.DeadLetter}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PUBSUB_EMULATOR_HOST", server.Addr)
	const timeout = time.Minute // the race detector is slow with a megabyte
	publisher, err := bus.Open(t.Context(), bus.Config{Project: "p", Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { publisher.Close() })
	h := newHandlerWith(t, publisher)
	h.Timeout = timeout
	m := notification(`{"subscription":{"type":"x"},"event":{"a":"` + strings.Repeat("<", 1_000_000) + `"}}`)
	for range 2 { // the second time it is a duplicate
		wantStatus(t, serve(h, m.request()), http.StatusNoContent)
	}
	messages := server.Messages()
	if len(messages) != 1 {
		t.Fatalf("published %d messages, want 1", len(messages))
	}
	if got := object(t, messages[0].Data).Object("payload").Text("reason"); got != reasonUnpublishable {
		t.Errorf("reason = %q", got)
	}
}
