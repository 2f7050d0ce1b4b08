package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/functions/eventsub"
	"github.com/sourcestate/sourcestate/functions/persistence"
	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/emulator"
	"github.com/sourcestate/sourcestate/shared/event"
	documents "github.com/sourcestate/sourcestate/shared/store/firestore"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

const (
	prefix = "e2e."
	secret = "s3cre7-endtoend-0123456789"
	// pushed lets through what Persistence is subscribed to (design section 6).
	pushed = `hasPrefix(attributes.type, "system.") OR attributes.type = "twitch.eventsub.v1"`
	// arrival is how long a test waits for what passes through both emulators, of
	// which each may still be starting on a busy machine.
	arrival = 90 * time.Second
)

// aired is the evening of these tests. It is long past, as the emulators put the
// true time on what they take, and nothing may come from the future.
var aired = time.Date(2025, 5, 1, 20, 0, 0, 0, time.UTC)

// A deployment is EventSub and Persistence, each behind a server of its own, and
// the emulated Pub/Sub and Firestore between and behind them.
type deployment struct {
	webhooks    string // the address of EventSub
	persistence string // the address of Persistence
	project     string
	firestore   *firestore.Client
	pubsub      *pubsub.Client
}

// deploy is a deployment whose Pub/Sub pushes.
func deploy(t testing.TB) *deployment {
	t.Helper()
	d := deployUnsubscribed(t)
	d.subscribe(t, bus.Ingress, &pubsubpb.Subscription{
		Filter: pushed, PushConfig: &pubsubpb.PushConfig{PushEndpoint: d.persistence}, AckDeadlineSeconds: 30,
	})
	return d
}

func deployUnsubscribed(t testing.TB) *deployment {
	t.Helper()
	emulator.Firestore(t)
	emulator.PubSub(t)
	d := &deployment{project: emulator.Project(t)}
	var err error
	if d.firestore, err = firestore.NewClient(t.Context(), d.project); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.firestore.Close() })
	if d.pubsub, err = pubsub.NewClient(t.Context(), d.project); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.pubsub.Close() })
	for _, topic := range []string{bus.Ingress, bus.Transition, bus.DeadLetter} {
		if _, err := d.pubsub.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: d.topic(topic)}); err != nil {
			t.Fatal(err)
		}
	}

	store, err := documents.Open(t.Context(), d.project, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	publisher, err := bus.Open(t.Context(), bus.Config{Project: d.project, Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { publisher.Close() })
	d.persistence = listen(t, persistence.New(store, publisher, silent())) + "/"

	secrets, err := twitch.ParseSecrets(secret)
	if err != nil {
		t.Fatal(err)
	}
	webhooks := eventsub.New(eventsub.Config{Secrets: secrets}, publisher, silent())
	webhooks.Now = func() time.Time { return aired }
	d.webhooks = listen(t, webhooks)
	return d
}

// listen serves h on this machine and returns its address.
func listen(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// silent is a log that nobody reads.
func silent() *slog.Logger { return slog.New(slog.NewJSONHandler(io.Discard, nil)) }

func (d *deployment) topic(name string) string {
	return "projects/" + d.project + "/topics/" + prefix + name
}

// subscribe completes and makes a subscription of a topic and returns its name.
func (d *deployment) subscribe(t testing.TB, topic string, s *pubsubpb.Subscription) string {
	t.Helper()
	s.Name = "projects/" + d.project + "/subscriptions/" + prefix + topic + ".subscription"
	s.Topic = d.topic(topic)
	if _, err := d.pubsub.SubscriptionAdminClient.CreateSubscription(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return s.Name
}

// webhook sends a notification as Twitch does and wants it taken. More is what the
// event tells beside its broadcaster.
func (d *deployment) webhook(t testing.TB, id string, at time.Time, kind, more string) {
	t.Helper()
	body := `{"subscription":{"id":"sub-1","status":"enabled","type":"` + kind + `","version":"1","cost":0,` +
		`"condition":{"broadcaster_user_id":"12826"},"transport":{"method":"webhook","callback":"https://example.com/"},` +
		`"created_at":"2025-04-01T00:00:00Z"},"event":{"broadcaster_user_id":"12826",` +
		`"broadcaster_user_login":"twitchdev","broadcaster_user_name":"TwitchDev"` + more + `}}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.webhooks, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	timestamp := at.Format(time.RFC3339Nano)
	r.Header.Set(twitch.HeaderID, id)
	r.Header.Set(twitch.HeaderTimestamp, timestamp)
	r.Header.Set(twitch.HeaderType, twitch.MessageNotification)
	r.Header.Set(twitch.HeaderSignature, twitch.Sign(secret, id, timestamp, []byte(body)))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("the webhook is answered %s", answer.Status)
	}
}

// watch begins to watch a document that is not there yet. The emulator breaks a
// stream for good, now and then, if it is written while the stream begins.
func (d *deployment) watch(ctx context.Context, t testing.TB, path string) *firestore.DocumentSnapshotIterator {
	t.Helper()
	changes := d.firestore.Doc(path).Snapshots(ctx)
	t.Cleanup(changes.Stop)
	if snapshot, err := changes.Next(); err != nil || snapshot.Exists() {
		t.Fatalf("a watch of %s, which is not there, begins with %v, %v", path, snapshot, err)
	}
	return changes
}

// awaitDocument waits until the document that is watched satisfies, and returns it.
func awaitDocument(t *testing.T, changes *firestore.DocumentSnapshotIterator, satisfies func(map[string]any) bool) map[string]any {
	t.Helper()
	var last map[string]any
	for {
		snapshot, err := changes.Next()
		if err != nil {
			t.Fatalf("waiting for a document, which is now %v: %v", last, err)
		}
		if last = snapshot.Data(); snapshot.Exists() && satisfies(last) {
			return last
		}
	}
}

// receive waits for n messages of a subscription.
func (d *deployment) receive(t *testing.T, subscription string, n int) []event.Object {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), arrival)
	defer cancel()
	received := make(chan []byte)
	ended := make(chan error, 1)
	go func() {
		ended <- d.pubsub.Subscriber(subscription).Receive(ctx, func(ctx context.Context, m *pubsub.Message) {
			select {
			case received <- m.Data:
				m.Ack()
			case <-ctx.Done():
			}
		})
	}()
	var list []event.Object
	for len(list) < n {
		select {
		case data := <-received:
			o, err := event.DecodeObject(data)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, o)
		case err := <-ended:
			t.Fatalf("%d of %d messages came, then %v", len(list), n, err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return list
}

// The whole way, through everything that is real but Google's own servers.
func TestFromTheWebhookToTheDocument(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	transitions := d.subscribe(t, bus.Transition, &pubsubpb.Subscription{})
	letters := d.subscribe(t, bus.DeadLetter, &pubsubpb.Subscription{})
	ctx, cancel := context.WithTimeout(t.Context(), arrival)
	defer cancel()
	document := d.watch(ctx, t, "sources/twitch:12826")

	d.webhook(t, "m-1", aired.Add(2*time.Second), "stream.online", `,"id":"9001","type":"live","started_at":"`+aired.Format(time.RFC3339)+`"`)
	d.webhook(t, "m-2", aired.Add(3*time.Second), "channel.update", `,"title":"Hello","language":"en","category_id":"7","category_name":"Music","content_classification_labels":[]`)
	got := awaitDocument(t, document, func(fields map[string]any) bool {
		metadata, _ := fields["metadata"].(map[string]any)
		return fields["streamStatus"] == "ONLINE" && metadata["title"] == "Hello"
	})
	want := map[string]any{
		"id": "12826", "platform": "twitch", "displayName": "TwitchDev",
		"streamStatus": "ONLINE", "lastStreamUpdate": "2025-05-01T20:00:02.000Z",
		"stream":   map[string]any{"id": "9001", "type": "live", "startedAt": "2025-05-01T20:00:00.000Z"},
		"metadata": map[string]any{"title": "Hello", "language": "en", "categoryId": "7", "categoryName": "Music", "isMature": false},
	}
	if diff := cmp.Diff(want, told(t, got)); diff != "" {
		t.Errorf("the document while live (-want +got):\n%s", diff)
	}

	d.webhook(t, "m-3", aired.Add(time.Hour), "stream.offline", "")
	got = awaitDocument(t, document, func(fields map[string]any) bool { return fields["streamStatus"] == "OFFLINE" })
	want["streamStatus"], want["lastStreamUpdate"] = "OFFLINE", "2025-05-01T21:00:00.000Z"
	want["stream"].(map[string]any)["endedAt"] = "2025-05-01T21:00:00.000Z"
	if diff := cmp.Diff(want, told(t, got)); diff != "" {
		t.Errorf("the document when all is over (-want +got):\n%s", diff)
	}

	changes := make(map[string]int)
	for _, m := range d.receive(t, transitions, 2) {
		payload := m.Object("payload")
		changes[fmt.Sprintln(payload.Text("platform"), payload.Text("id"), payload.Text("facet"), payload.Text("from"), payload.Text("to"), payload.Text("at"))]++
	}
	if diff := cmp.Diff(map[string]int{
		"twitch 12826 streamStatus  ONLINE 2025-05-01T20:00:02.000Z\n":        1,
		"twitch 12826 streamStatus ONLINE OFFLINE 2025-05-01T21:00:00.000Z\n": 1,
	}, changes); diff != "" {
		t.Errorf("transitions (-want +got):\n%s", diff)
	}

	// What another publisher sends and nobody can apply, ends where it can be found.
	publisher, err := bus.Open(t.Context(), bus.Config{Project: d.project, Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	if err := publisher.Publish(t.Context(), bus.Ingress, event.BusMessage{
		Data:       []byte(`{"type":"system.source.status","correlationId":"lost-1","payload":{"status":"ERROR"}}`),
		Attributes: event.Attributes{"type": event.TypeSourceStatus},
	}); err != nil {
		t.Fatal(err)
	}
	letter := d.receive(t, letters, 1)[0]
	if letter.Text("correlationId") != "lost-1" || letter.Object("payload").Text("reason") != "no_identity" {
		t.Errorf("the dead letter is %v", letter)
	}
}

// told is a document as another service reads it, without the bookkeeping and
// the times of processing, which have to be there.
func told(t *testing.T, fields map[string]any) map[string]any {
	t.Helper()
	for _, name := range []string{"createdAt", "updatedAt"} {
		if _, err := event.ParseTime(fmt.Sprint(fields[name])); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		delete(fields, name)
	}
	delete(fields, "_merge")
	// Through JSON, so that kinds of numbers do not matter.
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	var plain map[string]any
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	return plain
}
