package persistence

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/emulator"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/store/firestore"
)

// TestFunction goes from the environment to Firestore and the bus. What goes wrong
// with the wiring is answered 500 and tried again.
func TestFunction(t *testing.T) {
	emulator.Firestore(t)
	server := pstest.NewServer()
	t.Cleanup(func() { server.Close() })
	t.Setenv("PUBSUB_EMULATOR_HOST", server.Addr)
	project := emulator.Project(t)
	for _, topic := range []string{bus.Transition, bus.DeadLetter} {
		topic := &pubsubpb.Topic{Name: "projects/" + project + "/topics/dev." + topic}
		if _, err := server.GServer.CreateTopic(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"BUS_PREFIX": "dev."}
	log := &logged{}
	f := newFunction(func(name string) string { return env[name] }, log)

	if got := serve(f, push(t, connected(t))).StatusCode; got != http.StatusInternalServerError {
		t.Errorf("without a project: status = %d, want 500", got)
	}
	if lines := log.take(t); len(lines) != 1 || !strings.Contains(lines[0].Text("error"), "GOOGLE_CLOUD_PROJECT") {
		t.Errorf("logged %v", lines)
	}

	env["GOOGLE_CLOUD_PROJECT"] = project
	m := connected(t)
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	m.Attributes["traceparent"] = parent
	lost := event.BusMessage{ID: "m-2", Data: []byte(`[]`), PublishTime: sent}
	for _, m := range []event.BusMessage{m, lost} {
		// A cold emulator on a busy machine may be slower than an update may take; who
		// asks again is served.
		got := 0
		for range 5 {
			if got = serve(f, push(t, m)).StatusCode; got != http.StatusServiceUnavailable {
				break
			}
		}
		if got != http.StatusNoContent {
			t.Fatalf("status = %d, want 204; logged %v", got, log.take(t))
		}
	}
	topics := make(map[string]string)
	for _, m := range server.Messages() {
		topics[m.Topic] = m.Attributes["traceparent"]
	}
	if got, ok := topics["projects/"+project+"/topics/dev."+bus.Transition]; !ok || got != parent {
		t.Errorf("the transition has the trace %q, want that of the event; published to %v", got, topics)
	}
	if _, ok := topics["projects/"+project+"/topics/dev."+bus.DeadLetter]; !ok {
		t.Errorf("published to %v, want a dead letter too", topics)
	}

	documents, err := firestore.Open(t.Context(), project, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer documents.Close()
	if d := document(t, documents, "slack:a"); d == nil || d.Status != "CONNECTED" {
		t.Errorf("stored %+v", d)
	}
}
