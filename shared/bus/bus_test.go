package bus_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/trace"
)

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// reactor sees every Publish request before pstest does, one at a time; an error
// is the answer.
type reactor func(*pubsubpb.PublishRequest) error

func (r reactor) React(request any) (handled bool, response any, err error) {
	if err := r(request.(*pubsubpb.PublishRequest)); err != nil {
		return true, &pubsubpb.PublishResponse{}, err
	}
	return false, nil, nil
}

// serve starts a Pub/Sub with one topic, "pre." + Ingress of project p.
func serve(tb testing.TB, react reactor) *pstest.Server {
	tb.Helper()
	var options []pstest.ServerReactorOption
	if react != nil {
		options = append(options, pstest.ServerReactorOption{FuncName: "Publish", Reactor: react})
	}
	server := pstest.NewServer(options...)
	tb.Cleanup(func() { server.Close() })
	topic := &pubsubpb.Topic{Name: "projects/p/topics/pre." + bus.Ingress}
	if _, err := server.GServer.CreateTopic(tb.Context(), topic); err != nil {
		tb.Fatal(err)
	}
	return server
}

func open(tb testing.TB, address string) *bus.Publisher {
	tb.Helper()
	publisher, err := bus.Open(tb.Context(), bus.Config{Project: "p", Prefix: "pre.", Options: at(address)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { publisher.Close() })
	return publisher
}

func at(address string) []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(address), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

func message(data string) event.BusMessage {
	return event.BusMessage{Data: []byte(data), Attributes: event.Attributes{"type": "t"}}
}

func TestPublish(t *testing.T) {
	tests := []struct {
		name       string
		traced     bool
		attributes event.Attributes
		want       map[string]string
	}{
		{"a message arrives with its attributes", false,
			event.Attributes{"type": "t", "source": "s"}, map[string]string{"type": "t", "source": "s"}},
		{"a trace is added", true,
			event.Attributes{"type": "t"}, map[string]string{"type": "t", "traceparent": traceparent}},
		{"a trace is added where there are no attributes", true,
			nil, map[string]string{"traceparent": traceparent}},
		{"a message keeps its own trace, however spelled", true,
			event.Attributes{"traceParent": "own"}, map[string]string{"traceParent": "own"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := serve(t, nil)
			publisher := open(t, server.Addr)
			ctx := t.Context()
			if test.traced {
				ctx = trace.With(ctx, traceparent)
			}
			m := event.BusMessage{Data: []byte("x"), Attributes: test.attributes}
			before := fmt.Sprint(m.Attributes)
			if err := publisher.Publish(ctx, bus.Ingress, m); err != nil {
				t.Fatal(err)
			}
			messages := server.Messages()
			if len(messages) != 1 {
				t.Fatalf("%d messages arrived, want 1", len(messages))
			}
			got := messages[0]
			if want := "projects/p/topics/pre." + bus.Ingress; got.Topic != want || string(got.Data) != "x" || got.OrderingKey != "" {
				t.Errorf("topic %s, data %q, ordering key %q; want %s, x and none", got.Topic, got.Data, got.OrderingKey, want)
			}
			if diff := cmp.Diff(test.want, got.Attributes); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
			if after := fmt.Sprint(m.Attributes); after != before {
				t.Errorf("the caller's attributes became %s", after)
			}
		})
	}
}

func TestPublishErrors(t *testing.T) {
	refuse := func(code codes.Code, only string) reactor {
		return func(r *pubsubpb.PublishRequest) error {
			for _, m := range r.Messages {
				if strings.HasPrefix(string(m.Data), only) {
					return status.Error(code, "refused by the test")
				}
			}
			return nil
		}
	}
	big := message(strings.Repeat("x", 10_000_001))
	tests := []struct {
		name      string
		react     reactor
		topic     string
		messages  []event.BusMessage
		permanent bool
		text      string
		arrive    []string
	}{
		{"nothing to publish is no error", nil, bus.Ingress, nil, false, "", nil},
		{"a topic that is missing may be there later", nil, bus.DeadLetter, []event.BusMessage{message("a")},
			false, bus.DeadLetter, nil},
		{"permission may be given later", refuse(codes.PermissionDenied, ""), bus.Ingress, []event.BusMessage{message("a")},
			false, "refused by the test", nil},
		{"a message that is refused is refused for good", refuse(codes.InvalidArgument, ""), bus.Ingress, []event.BusMessage{message("a")},
			true, "refused by the test", nil},
		{"a message that is refused takes no others with it", refuse(codes.InvalidArgument, "bad"), bus.Ingress,
			[]event.BusMessage{message("a"), message("b"), message("bad"), message("c"), message("d"), message("bad 2"), message("e")},
			true, "2 of 7 messages", []string{"a", "b", "c", "d", "e"}},
		{"a message too large is refused for good, the others arrive", nil, bus.Ingress,
			[]event.BusMessage{message("a"), big, message("b")},
			true, "1 of 3 messages", []string{"a", "b"}},
		{"an attribute that is not UTF-8 is refused for good", nil, bus.Ingress,
			[]event.BusMessage{message("a"), {Data: []byte("b"), Attributes: event.Attributes{"k": "\xff"}}},
			true, `attribute "k"`, []string{"a"}},
		{"what is partly worth another try is so as a whole", refuse(codes.PermissionDenied, ""), bus.Ingress,
			[]event.BusMessage{message("a"), big},
			false, "2 of 2 messages", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := serve(t, test.react)
			err := open(t, server.Addr).Publish(t.Context(), test.topic, test.messages...)
			if got := bus.Permanent(err); got != test.permanent {
				t.Errorf("Permanent(%v) = %t", err, got)
			}
			if (err == nil) != (test.text == "") {
				t.Fatalf("error %v", err)
			}
			if err != nil && (!strings.Contains(err.Error(), test.text) || !strings.Contains(err.Error(), test.topic)) {
				t.Errorf("error %q tells nothing of %q", err, test.text)
			}
			var arrived []string
			for _, m := range server.Messages() {
				arrived = append(arrived, string(m.Data))
			}
			if diff := cmp.Diff(test.arrive, arrived); diff != "" {
				t.Errorf("arrived (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPermanentOfOtherErrors(t *testing.T) {
	for _, err := range []error{nil, io.EOF, context.DeadlineExceeded} {
		if bus.Permanent(err) {
			t.Errorf("Permanent(%v) = true", err)
		}
	}
}

func TestPublishTriesAgainWhatIsTransient(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.Internal, codes.ResourceExhausted, codes.Aborted} {
		t.Run(code.String(), func(t *testing.T) {
			requests := 0
			server := serve(t, func(*pubsubpb.PublishRequest) error {
				if requests++; requests < 3 {
					return status.Error(code, "not now")
				}
				return nil
			})
			if err := open(t, server.Addr).Publish(t.Context(), bus.Ingress, message("a")); err != nil {
				t.Error(err)
			}
			if requests != 3 || len(server.Messages()) != 1 {
				t.Errorf("%d requests and %d messages, want 3 and 1", requests, len(server.Messages()))
			}
		})
	}
}

func TestPublishKeepsItsDeadline(t *testing.T) {
	silent := listen(t)
	answering := serve(t, func(*pubsubpb.PublishRequest) error { return status.Error(codes.Unavailable, "never") })
	refusing := listen(t)
	refusing.Close() // last, lest one of the others gets its port
	tests := []struct{ name, address, text string }{
		{"nobody listens", refusing.Addr().String(), "connection refused"},
		{"nobody answers", silent.Addr().String(), "deadline exceeded"},
		{"the answer is always to try again", answering.Addr, "never"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			publisher := open(t, test.address)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // enough for a first answer on a busy machine
			defer cancel()
			start := time.Now()
			err := publisher.Publish(ctx, bus.Ingress, message("a"))
			if took := time.Since(start); took > 8*time.Second { // the timeout, not to be waited for, is 10
				t.Errorf("took %v", took)
			}
			if !errors.Is(err, context.DeadlineExceeded) || bus.Permanent(err) {
				t.Errorf("error = %v, want %v", err, context.DeadlineExceeded)
			}
			if err != nil && !strings.Contains(err.Error(), test.text) {
				t.Errorf("error %q tells nothing of %q", err, test.text)
			}
		})
	}
}

func TestPublishAfterCloseFailsAtOnce(t *testing.T) {
	server := serve(t, nil)
	publisher, err := bus.Open(t.Context(), bus.Config{Project: "p", Prefix: "pre.", Options: at(server.Addr)})
	if err != nil {
		t.Fatal(err)
	}
	if err := publisher.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := publisher.Publish(ctx, bus.Ingress, message("a")); err == nil || ctx.Err() != nil {
		t.Errorf("error = %v, context %v; want an error long before the deadline", err, ctx.Err())
	}
}

func TestPublishFromManyGoroutines(t *testing.T) {
	const callers, rounds = 32, 50
	var requests atomic.Int32
	server := serve(t, func(*pubsubpb.PublishRequest) error {
		requests.Add(1)
		return nil
	})
	publisher := open(t, server.Addr)
	var wait sync.WaitGroup
	for caller := range callers {
		wait.Go(func() {
			for round := range rounds {
				if err := publisher.Publish(t.Context(), bus.Ingress, message(fmt.Sprint(caller, round))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	seen := make(map[string]int)
	for _, m := range server.Messages() {
		seen[string(m.Data)]++
	}
	if len(seen) != callers*rounds || len(server.Messages()) != callers*rounds {
		t.Errorf("%d messages arrived, %d of them different, want %d", len(server.Messages()), len(seen), callers*rounds)
	}
	if n := requests.Load(); n >= callers*rounds {
		t.Errorf("%d requests for %d messages", n, callers*rounds)
	}
	t.Logf("%d messages in %d requests", callers*rounds, requests.Load())
}

func TestOpen(t *testing.T) {
	t.Run("without a project is an error", func(t *testing.T) {
		if _, err := bus.Open(t.Context(), bus.Config{}); err == nil {
			t.Error("no error")
		}
	})
	t.Run("goes to the emulator that the environment names", func(t *testing.T) {
		server := serve(t, nil)
		t.Setenv("PUBSUB_EMULATOR_HOST", server.Addr)
		publisher, err := bus.Open(t.Context(), bus.Config{Project: "p", Prefix: "pre."})
		if err != nil {
			t.Fatal(err)
		}
		defer publisher.Close()
		if err := publisher.Publish(t.Context(), bus.Ingress, message("a")); err != nil {
			t.Error(err)
		}
		if len(server.Messages()) != 1 {
			t.Errorf("%d messages arrived, want 1", len(server.Messages()))
		}
	})
}

// listen takes connections and says nothing.
func listen(t *testing.T) net.Listener {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}
