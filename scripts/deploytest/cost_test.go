package deploytest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/functions/eventsub"
	"github.com/sourcestate/sourcestate/functions/heartbeat"
	"github.com/sourcestate/sourcestate/functions/persistence"
	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/emulator"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/store/firestore"
	"github.com/sourcestate/sourcestate/shared/twitch"
	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

// A bill is what Google counts.
type bill struct {
	Reads, Writes, Deletes int // documents of Firestore; an empty query is a read
	Messages               int // published
}

// A meter counts what goes to Firestore, by looking at the calls, and what is
// published. It keeps the messages.
type meter struct {
	mu       sync.Mutex // guards what follows
	bill     bill
	messages []event.BusMessage
}

// take is what was counted since the last time.
func (m *meter) take() (bill, []event.BusMessage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	counted, messages := m.bill, m.messages
	m.bill, m.messages = bill{}, nil
	return counted, messages
}

// Publish takes messages and counts them.
func (m *meter) Publish(_ context.Context, topic string, messages ...event.BusMessage) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bill.Messages += len(messages)
	for _, message := range messages {
		if topic == bus.Ingress {
			m.messages = append(m.messages, message)
		}
	}
	return nil
}

func (m *meter) unary(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if commit, ok := request.(*firestorepb.CommitRequest); ok {
		m.mu.Lock()
		for _, write := range commit.Writes {
			if write.GetDelete() != "" {
				m.bill.Deletes++
			} else {
				m.bill.Writes++
			}
		}
		m.mu.Unlock()
	}
	return invoke(owner(ctx), method, request, reply, connection, opts...)
}

func (m *meter) stream(ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := open(owner(ctx), description, connection, method, opts...)
	return &meteredStream{ClientStream: stream, meter: m, query: strings.HasSuffix(method, "/RunQuery")}, err
}

// owner is how the emulator knows who need not ask the rules.
func owner(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer owner")
}

type meteredStream struct {
	grpc.ClientStream
	meter *meter
	query bool
	found int
}

func (s *meteredStream) RecvMsg(message any) error {
	err := s.ClientStream.RecvMsg(message)
	s.meter.mu.Lock()
	defer s.meter.mu.Unlock()
	switch answer := message.(type) {
	case *firestorepb.BatchGetDocumentsResponse:
		// What is missing is billed as well.
		if err == nil && answer.Result != nil {
			s.meter.bill.Reads++
		}
	case *firestorepb.RunQueryResponse:
		if err == nil && answer.Document != nil {
			s.meter.bill.Reads++
			s.found++
		}
	}
	if err != nil && s.query && s.found == 0 {
		s.meter.bill.Reads++ // the least that a query costs
	}
	return err
}

// metered is a store whose calls are counted.
func metered(t *testing.T, m *meter, project string) *firestore.Store {
	t.Helper()
	address := emulator.Firestore(t)
	// Else the library would take no options of its connection.
	t.Setenv("FIRESTORE_EMULATOR_HOST", "")
	s, err := firestore.Open(t.Context(), project, time.Now,
		option.WithEndpoint(address), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		option.WithGRPCDialOption(grpc.WithUnaryInterceptor(m.unary)),
		option.WithGRPCDialOption(grpc.WithStreamInterceptor(m.stream)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// store lets Persistence handle messages and gives what that cost.
func persist(t *testing.T, h http.Handler, m *meter, messages ...event.BusMessage) bill {
	t.Helper()
	m.take()
	for i, message := range messages {
		push, err := json.Marshal(map[string]any{"message": map[string]any{
			"data": message.Data, "attributes": message.Attributes, "messageId": fmt.Sprint(i), "publishTime": message.PublishTime,
		}})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(push))))
		if w.Code != http.StatusNoContent {
			t.Fatalf("Persistence answers %d: %s", w.Code, w.Body)
		}
	}
	counted, _ := m.take()
	return counted
}

// An evening is a clock that is moved by hand, so that nothing falls into another
// hour by chance.
type evening struct{ now time.Time }

func newEvening() *evening { return &evening{time.Date(2026, 5, 1, 20, 10, 0, 0, time.UTC)} }

// notify lets EventSub take a notification, and gives what that cost and said.
func (e *evening) notify(t *testing.T, h http.Handler, m *meter, kind, version, payload string) (bill, []event.BusMessage) {
	t.Helper()
	id := fmt.Sprintf("%s-%d", kind, e.now.Unix())
	body := `{"subscription":{"type":"` + kind + `","version":"` + version + `","condition":{"broadcaster_user_id":"1337"}},"event":` + payload + `}`
	request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	for name, value := range signed(canaryNewest, id, e.now.Format(time.RFC3339), body) {
		request.Header.Set(name, value)
	}
	request.Header.Set("Twitch-Eventsub-Subscription-Type", kind)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request)
	if w.Code != http.StatusNoContent {
		t.Fatalf("EventSub answers %d: %s", w.Code, w.Body)
	}
	taken, messages := m.take()
	for i := range messages {
		messages[i].PublishTime = e.now
	}
	return taken, messages
}

// TestCost counts what single events and ticks cost. docs/cost.md multiplies these
// numbers; its table must say the same.
func TestCost(t *testing.T) {
	m := new(meter)
	project := emulator.Project(t)
	log := slog.New(slog.DiscardHandler)
	secrets, err := twitch.ParseSecrets(canaryNewest)
	if err != nil {
		t.Fatal(err)
	}
	evening := newEvening()
	webhooks := eventsub.New(eventsub.Config{Secrets: secrets}, m, log)
	webhooks.Now = func() time.Time { return evening.now }
	// An instance that remembers nothing, as in a large suite many are.
	events := func() http.Handler { return persistence.New(metered(t, m, project), m, log) }
	got := make(map[string]bill)
	add := func(a, b bill) bill {
		return bill{a.Reads + b.Reads, a.Writes + b.Writes, a.Deletes + b.Deletes, a.Messages + b.Messages}
	}
	const who = `"broadcaster_user_id":"1337","broadcaster_user_login":"examplechan","broadcaster_user_name":"ExampleChan"`
	webhook := func(name, kind, version, payload string) event.BusMessage {
		t.Helper()
		evening.now = evening.now.Add(10 * time.Minute)
		taken, published := evening.notify(t, webhooks, m, kind, version, payload)
		got[name] = add(taken, persist(t, events(), m, published...))
		return published[0]
	}
	online := func(id, began string) string {
		return `{"id":"` + id + `",` + who + `,"type":"live","started_at":"2026-05-01T` + began + `Z"}`
	}
	webhook("stream.online of a new source", "stream.online", "1", online("9001", "20:20:00"))
	webhook("stream.offline", "stream.offline", "1", `{`+who+`}`)
	again := webhook("stream.online", "stream.online", "1", online("9002", "20:40:00"))
	got["an event that is delivered twice"] = persist(t, events(), m, again)
	webhook("channel.update", "channel.update", "2", `{`+who+`,"title":"Another title","language":"en","category_id":"1","category_name":"Chess"}`)

	for _, at := range []time.Duration{0, time.Hour} {
		persisted := persist(t, events(), m, event.BusMessage{
			Data: fmt.Appendf(nil, `{"v":"2","type":"system.source.status","correlationId":"refresh%v","ingress":{"ingressAt":"%s","source":"heartbeat"},`+
				`"payload":{"platform":"twitch","id":"1338","connector":"eventsub","status":"CONNECTED","lastError":null}}`,
				at, evening.now.Add(at).Format(time.RFC3339)),
			Attributes: event.Attributes{"type": "system.source.status"}, PublishTime: evening.now.Add(at),
		})
		got["a refresh: a status as before, later"] = persisted // of the second one
	}

	for _, size := range []int{10, 1000} {
		for name, counted := range ticks(t, m, size) {
			got[name] = counted
		}
	}
	for name, counted := range got {
		t.Logf("| %s | %d | %d | %d | %d |", name, counted.Reads, counted.Writes, counted.Deletes, counted.Messages)
	}
	if diff := cmp.Diff(documented(t), got); diff != "" {
		t.Errorf("docs/cost.md (-says +counted):\n%s", diff)
	}
}

// ticks counts the heartbeat's first tick, a quiet one, and one in which each live
// channel has another number of viewers. All channels are live.
func ticks(t *testing.T, m *meter, size int) map[string]bill {
	t.Helper()
	project := emulator.Project(t)
	documents := metered(t, m, project)
	now := newEvening().now
	clock := func() time.Time { return now }
	world := twitchtest.New(twitchtest.Config{Now: clock, RateLimit: 1_000_000, MaxTotalCost: 1_000_000})
	server := httptest.NewServer(world)
	t.Cleanup(server.Close)
	config := heartbeat.Config{
		Project: "p", ClientID: twitchtest.ClientID, ClientSecret: twitchtest.ClientSecret,
		APIURL: server.URL + "/helix", AuthURL: server.URL, Refresh: 1000 * time.Hour, Lag: 5 * time.Minute,
	}
	streams := make([]func(viewers int), size)
	for i := range size {
		id := fmt.Sprint(1_000_000 + i)
		config.Broadcasters = append(config.Broadcasters, id)
		user := world.AddUser(id, "login"+id, "Name"+id)
		user.GoLive("A title of usual length", twitchtest.Category{ID: "743", Name: "Chess"}, 100)
		streams[i] = user.SetViewers
	}
	h := heartbeat.New(config, documents, m, slog.New(slog.DiscardHandler))
	h.Now = clock
	// tick gives what a tick costs, and what Persistence makes of it where the suite
	// is small enough to look.
	tick := func() (alone, stored bill) {
		t.Helper()
		m.take()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/heartbeat", nil))
		if w.Code != http.StatusOK {
			t.Fatalf("the heartbeat answers %d: %s", w.Code, w.Body)
		}
		alone, messages := m.take()
		for i := range messages {
			messages[i].PublishTime = now
		}
		if size <= 10 {
			stored = persist(t, persistence.New(metered(t, m, project), m, slog.New(slog.DiscardHandler)), m, messages...)
		}
		now = now.Add(time.Minute)
		return alone, stored
	}
	for range 20 { // until all is published and believed
		tick()
	}
	quiet, _ := tick()
	counted := map[string]bill{fmt.Sprintf("a quiet tick, %d channels", size): quiet}
	for _, set := range streams {
		set(200)
	}
	for range 20 { // Helix lags
		alone, stored := tick()
		if alone.Messages < size {
			continue
		}
		counted[fmt.Sprintf("a tick with new viewers of all %d channels", size)] = alone
		if size <= 10 {
			counted[fmt.Sprintf("what Persistence does with new viewers of %d channels", size)] = stored
		}
		return counted
	}
	t.Fatal("new viewers were not published")
	return nil
}

// documented is the table of docs/cost.md.
func documented(t *testing.T) map[string]bill {
	t.Helper()
	row := regexp.MustCompile(`(?m)^\| ([^|]+) \| +(\d+) \| +(\d+) \| +(\d+) \| +(\d+) \|$`)
	content, err := os.ReadFile(filepath.Join(root(t), "docs", "cost.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]bill)
	for _, found := range row.FindAllStringSubmatch(string(content), -1) {
		var b bill
		if _, err := fmt.Sscan(strings.Join(found[2:], " "), &b.Reads, &b.Writes, &b.Deletes, &b.Messages); err != nil {
			t.Fatal(err)
		}
		rows[strings.TrimSpace(found[1])] = b
	}
	return rows
}
