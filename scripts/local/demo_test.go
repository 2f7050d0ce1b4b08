package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/scripts/local/demo"
	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

// sources are all documents by "platform:id".
func (i *instance) sources(t testing.TB) map[string]map[string]any {
	t.Helper()
	found := make(map[string]map[string]any)
	for _, s := range i.get(t, "/api/sources")["sources"].([]any) {
		d := s.(map[string]any)
		found[fmt.Sprint(d["platform"], ":", d["id"])] = d
	}
	return found
}

// at is a field of nested objects, nil where there is none.
func at(value any, path ...string) any {
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

func TestTheDemoIsADozenSourcesOnFivePlatforms(t *testing.T) {
	t.Parallel()
	i := begin(t, t.TempDir(), nil)
	eventually(t, "every channel has its subscriptions, roles and stream", func() bool {
		sources, platforms := i.sources(t), make(map[any]bool)
		channels := 0
		for _, d := range sources {
			platforms[d["platform"]] = true
			if at(d, "connectors", "eventsub", "status") == "CONNECTED" && d["permissions"] != nil && d["streamStatus"] != nil {
				channels++
			}
		}
		return len(sources) == 11 && len(platforms) == 5 && channels == 5
	})
	for _, m := range i.messages(t, bus.DeadLetter) {
		t.Errorf("dead letter %v", m)
	}
	a := i.do(t, http.MethodPost, "/heartbeat", "", nil)
	if a.status != http.StatusOK || !strings.Contains(string(a.body), `"subscriptions":{"looked":`) && !strings.Contains(string(a.body), "busy") {
		t.Errorf("a tick is answered %d %s", a.status, a.body)
	}
}

// freeAddress is an address that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// From no subscriptions one tick leaves every wanted one enabled: the challenges
// are answered by the real EventSub.
func TestOneTickEnablesEverySubscription(t *testing.T) {
	t.Parallel()
	world := twitchtest.New(twitchtest.Config{Now: time.Now, Sleep: demo.Sleep})
	server := httptest.NewServer(world)
	t.Cleanup(server.Close)
	channel := world.AddUser("1337", "examplechan", "ExampleChan")
	address := freeAddress(t)
	i := begin(t, t.TempDir(), map[string]string{
		"TWITCH_EVENTSUB_SECRETS": secret, "TWITCH_CLIENT_ID": twitchtest.ClientID, "TWITCH_CLIENT_SECRET": twitchtest.ClientSecret,
		"TWITCH_API_URL": server.URL + "/helix", "TWITCH_AUTH_URL": server.URL, "TWITCH_BROADCASTERS": "examplechan",
		"TWITCH_CALLBACK_URL": "http://" + address + webhookPath, "HEARTBEAT_INTERVAL": "1h",
	}, "-demo=false", "-addr", address)
	eventually(t, "the first tick has subscribed", func() bool { return world.Pending() == 5 })
	if failed := deliver(t, world); len(failed) > 0 {
		t.Fatalf("challenges: %v", failed)
	}
	for _, s := range world.Subscriptions() {
		if s.Status != twitchtest.StatusEnabled {
			t.Errorf("%s is %s", s.Type, s.Status)
		}
	}
	created := world.Count("POST /helix/eventsub/subscriptions")
	tick := func() {
		t.Helper()
		eventually(t, "no other tick is running", func() bool {
			a := i.do(t, http.MethodPost, heartbeatPath, "", nil)
			if a.status != http.StatusOK {
				t.Fatalf("a tick is answered %d %s", a.status, a.body)
			}
			return !strings.Contains(string(a.body), `"busy"`)
		})
	}
	tick()
	if again := world.Count("POST /helix/eventsub/subscriptions"); again != created {
		t.Errorf("the second tick created %d", again-created)
	}
	eventually(t, "the channel is connected", func() bool { return i.source(t, "twitch:1337")["status"] == "CONNECTED" })

	stream := channel.GoLive("First light", twitchtest.Category{ID: "743", Name: "Chess"}, 12)
	if failed := deliver(t, world); len(failed) > 0 {
		t.Fatalf("notifications: %v", failed)
	}
	tick()
	eventually(t, "the stream is shown with its viewers", func() bool {
		d := i.source(t, "twitch:1337")
		return at(d, "stream", "id") == stream && d["viewerCount"] == 12.0
	})
	for _, s := range world.Subscriptions() {
		if s.Type == "stream.online" {
			if err := world.Revoke(s.ID, "notification_failures_exceeded"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if failed := deliver(t, world); len(failed) > 0 {
		t.Fatalf("revocation: %v", failed)
	}
	eventually(t, "the revocation is shown", func() bool {
		return at(i.source(t, "twitch:1337"), "lastError", "code") == "notification_failures_exceeded"
	})
	tick()
	deliver(t, world)
	tick()
	eventually(t, "the channel is connected again", func() bool {
		d := i.source(t, "twitch:1337")
		return d["status"] == "CONNECTED" && d["lastError"] == nil
	})
}

// deliver lets the world send its webhooks; what failed is told.
func deliver(t testing.TB, world *twitchtest.World) (failed []twitchtest.Delivery) {
	t.Helper()
	for _, d := range world.Deliver(t.Context()) {
		if d.Err != nil || d.Status < 200 || d.Status > 299 {
			failed = append(failed, d)
		}
	}
	return failed
}

func TestAPushedSnapshotShowsWithoutATick(t *testing.T) {
	t.Parallel()
	i := begin(t, t.TempDir(), withSecret, "-demo=false")
	a := i.do(t, http.MethodPost, "/heartbeat/snapshots?connector=slack",
		`{"state":"ERROR","id":"slack-socket-mode","lastError":{"code":"socket_error","message":"boom"}}`, nil)
	if a.status != http.StatusOK {
		t.Fatalf("answered %d %s", a.status, a.body)
	}
	eventually(t, "the error is shown", func() bool { return i.source(t, "slack:slack-socket-mode")["status"] == "ERROR" })
	if diff := cmp.Diff("socket_error", at(i.source(t, "slack:slack-socket-mode"), "lastError", "code")); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}
