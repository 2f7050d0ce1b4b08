package pubsub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
)

const topicName = "projects/local/topics/t"

var now = time.Date(2026, 5, 1, 12, 0, 7, 120e6, time.UTC)

// start is a broker with one topic and the real publisher on it.
func start(t testing.TB) (*Broker, *bus.Publisher) {
	t.Helper()
	b := Start(t.Context(), Config{
		Now:        func() time.Time { return now },
		Log:        slog.New(slog.NewJSONHandler(io.Discard, nil)),
		MinBackoff: time.Millisecond, MaxBackoff: 4 * time.Millisecond,
	})
	t.Cleanup(b.Close)
	b.CreateTopic(topicName)
	client, err := b.Client()
	if err != nil {
		t.Fatal(err)
	}
	p, err := bus.Open(t.Context(), bus.Config{Project: "local", Options: []option.ClientOption{client}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return b, p
}

func subscribe(t testing.TB, b *Broker, h http.HandlerFunc) {
	t.Helper()
	if err := b.Subscribe(topicName, "s", h); err != nil {
		t.Fatal(err)
	}
}

func publish(t testing.TB, p *bus.Publisher, messages ...event.BusMessage) {
	t.Helper()
	if err := p.Publish(t.Context(), "t", messages...); err != nil {
		t.Fatal(err)
	}
}

func drain(t testing.TB, b *Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := b.Drain(ctx); err != nil {
		t.Fatal(err)
	}
}

func message(text string) event.BusMessage { return event.BusMessage{Data: []byte(text)} }

// received is the message of a push.
func received(r *http.Request) (event.BusMessage, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return event.BusMessage{}, err
	}
	return event.DecodePush(body)
}

func TestAMessageArrivesAsAPush(t *testing.T) {
	t.Parallel()
	b, p := start(t)
	var (
		got    event.BusMessage
		method string
		path   string
	)
	subscribe(t, b, func(w http.ResponseWriter, r *http.Request) {
		var err error
		if got, err = received(r); err != nil {
			t.Error(err)
		}
		method, path = r.Method, r.URL.Path
		w.WriteHeader(http.StatusNoContent)
	})
	publish(t, p, event.BusMessage{Data: []byte("hello"), Attributes: event.Attributes{"type": "x"}})
	drain(t, b)
	want := event.BusMessage{Data: []byte("hello"), Attributes: event.Attributes{"type": "x"}, ID: "1", PublishTime: now}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	if method != http.MethodPost || path != "/"+topicName {
		t.Errorf("%s %s", method, path)
	}
}

func TestOnlyTheAnswersThatPubSubTakesAcknowledge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		answer int
		acks   bool
	}{
		{0, true}, {102, true}, {200, true}, {201, true}, {202, true}, {204, true},
		{203, false}, {206, false}, {302, false}, {400, false}, {404, false}, {500, false}, {503, false},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.answer), func(t *testing.T) {
			t.Parallel()
			b, p := start(t)
			var attempts atomic.Int32
			subscribe(t, b, func(w http.ResponseWriter, _ *http.Request) {
				if attempts.Add(1) == 1 && test.answer != 0 {
					w.WriteHeader(test.answer)
				}
			})
			publish(t, p, message("m"))
			drain(t, b)
			if got := attempts.Load() == 1; got != test.acks {
				t.Errorf("acknowledged: %v, want %v", got, test.acks)
			}
		})
	}
}

func TestAPushIsMadeUntilItIsAcknowledged(t *testing.T) {
	t.Parallel()
	b, p := start(t)
	var attempts atomic.Int32
	subscribe(t, b, func(w http.ResponseWriter, _ *http.Request) {
		switch attempts.Add(1) {
		case 1:
			panic("no store")
		case 2, 3, 4:
			w.WriteHeader(http.StatusServiceUnavailable)
			w.WriteHeader(http.StatusNoContent) // too late
		default:
			_, _ = io.WriteString(w, "fine")
		}
	})
	publish(t, p, message("m"))
	drain(t, b)
	if got := attempts.Load(); got != 5 {
		t.Errorf("%d attempts, want 5", got)
	}
}

func TestAMessageThatFailsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	b, p := start(t)
	var others sync.WaitGroup
	others.Add(3 * concurrency)
	subscribe(t, b, func(w http.ResponseWriter, r *http.Request) {
		m, err := received(r)
		if err != nil {
			t.Error(err)
		}
		if string(m.Data) == "bad" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		others.Done()
	})
	for range 2 * concurrency {
		publish(t, p, message("bad"))
	}
	for range 3 * concurrency {
		publish(t, p, message("good"))
	}
	others.Wait()
}

func TestPushesRunSeveralAtATimeAndNotMore(t *testing.T) {
	t.Parallel()
	b, p := start(t)
	var running, most atomic.Int32
	full := make(chan struct{})
	var once sync.Once
	subscribe(t, b, func(http.ResponseWriter, *http.Request) {
		n := running.Add(1)
		defer running.Add(-1)
		if n > most.Load() {
			most.Store(n) // an older number may win, but not over one too many
		}
		if n >= concurrency {
			once.Do(func() { close(full) })
		}
		<-full
	})
	for range 4 * concurrency {
		publish(t, p, message("m"))
	}
	<-full // as many as there may be are at it
	drain(t, b)
	if got := most.Load(); got > concurrency {
		t.Errorf("%d pushes at a time, want at most %d", got, concurrency)
	}
}

func TestRecentRemembersTheLastMessagesOldestFirst(t *testing.T) {
	t.Parallel()
	b, p := start(t)
	for i := range Kept + 20 {
		publish(t, p, message(fmt.Sprint(i)))
	}
	got, ok := b.Recent(topicName)
	if !ok || len(got) != Kept || string(got[0].Data) != "20" || string(got[Kept-1].Data) != fmt.Sprint(Kept+19) {
		t.Errorf("%v: %d messages, from %q to %q", ok, len(got), got[0].Data, got[len(got)-1].Data)
	}
	if _, ok := b.Recent("projects/local/topics/other"); ok {
		t.Error("there is a topic that was not created")
	}
}

func TestWhatPubSubRefusesIsRefused(t *testing.T) {
	t.Parallel()
	_, p := start(t)
	if err := p.Publish(t.Context(), "other", message("m")); !strings.Contains(fmt.Sprint(err), "NotFound") {
		t.Errorf("an unknown topic: %v", err)
	}
	if err := p.Publish(t.Context(), "t", event.BusMessage{}); !bus.Permanent(err) {
		t.Errorf("an empty message: %v", err)
	}
}

func TestTheLargestMessageOfPubSubFits(t *testing.T) {
	t.Parallel()
	b, p := start(t)
	var got int
	subscribe(t, b, func(_ http.ResponseWriter, r *http.Request) {
		m, err := received(r)
		if err != nil {
			t.Error(err)
		}
		got = len(m.Data)
	})
	const size = 9_900_000
	publish(t, p, message(strings.Repeat("x", size)))
	drain(t, b)
	if got != size {
		t.Errorf("received %d bytes, want %d", got, size)
	}
}

func TestMoreThanTheBacklogHoldsIsRefusedAndNothingOfItKept(t *testing.T) {
	t.Parallel()
	b, _ := start(t)
	release := make(chan struct{})
	subscribe(t, b, func(http.ResponseWriter, *http.Request) { <-release })
	request := publishRequest(strings.Repeat("x", 8<<20))
	s := service{broker: b}
	var refused error
	accepted := 0
	for refused == nil && accepted < 20 {
		if _, refused = s.Publish(t.Context(), request); refused == nil {
			accepted++
		}
	}
	if status.Code(refused) != codes.ResourceExhausted || accepted != 7 {
		t.Errorf("after %d messages: %v", accepted, refused)
	}
	close(release)
	drain(t, b)
	if _, err := s.Publish(t.Context(), request); err != nil {
		t.Errorf("after the backlog is gone: %v", err)
	}
	drain(t, b)
}

func TestDrainTellsWhatIsLeft(t *testing.T) {
	t.Parallel()
	b, p := start(t)
	subscribe(t, b, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	publish(t, p, message("m"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := b.Drain(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 deliver") {
		t.Errorf("drained with %v", err)
	}
}

func TestMemoryStaysBoundedOverManyMessages(t *testing.T) {
	b, p := start(t)
	var pushes atomic.Int64
	subscribe(t, b, func(http.ResponseWriter, *http.Request) { pushes.Add(1) })
	const (
		total = 20_000
		batch = 500
		size  = 4 << 10
	)
	send := func(n int) {
		for range n / batch {
			messages := make([]event.BusMessage, batch)
			for i := range messages {
				messages[i] = message(strings.Repeat("x", size))
			}
			publish(t, p, messages...)
		}
		drain(t, b)
	}
	send(2 * batch)
	before := heap()
	send(total)
	after := heap()

	if got := pushes.Load(); got != total+2*batch {
		t.Errorf("%d pushes, want %d", got, total+2*batch)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	retained := b.unacked
	for _, topic := range b.topics {
		retained += len(topic.recent)
		for _, s := range topic.subscriptions {
			retained += len(s.waiting)
		}
	}
	if retained != Kept || b.backlog != 0 {
		t.Errorf("%d messages and %d bytes retained, want %d and 0", retained, b.backlog, Kept)
	}
	// All of them would be 80 MiB.
	if grown := int64(after) - int64(before); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes over %d messages", grown, total)
	}
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func publishRequest(text string) *pubsubpb.PublishRequest {
	return &pubsubpb.PublishRequest{
		Topic:    topicName,
		Messages: []*pubsubpb.PubsubMessage{{Data: []byte(text)}},
	}
}
