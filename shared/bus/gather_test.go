package bus_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
)

// slow is a Pub/Sub that takes a second for each request and refuses what begins
// with "bad".
type slow struct {
	mu       sync.Mutex
	requests []string // the data of its messages, or how many where they are many
}

func (s *slow) Publish(ctx context.Context, r *pubsubpb.PublishRequest, _ ...gax.CallOption) (*pubsubpb.PublishResponse, error) {
	var data []string
	for _, m := range received(r).Messages {
		data = append(data, string(m.Data))
	}
	request := strings.Join(data, " ")
	if len(data) > 10 {
		request = fmt.Sprint(len(data))
	}
	s.mu.Lock()
	s.requests = append(s.requests, request)
	s.mu.Unlock()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if strings.Contains(request, "bad") {
		return nil, status.Error(codes.InvalidArgument, "bad")
	}
	return &pubsubpb.PublishResponse{}, nil
}

func (s *slow) Close() error { return nil }

func TestPublishGathers(t *testing.T) {
	type call struct {
		topic    string
		patience time.Duration // 0: without end
		messages []event.BusMessage
		fails    bool
	}
	one := func(data string) call {
		return call{topic: bus.Ingress, messages: []event.BusMessage{message(data)}}
	}
	many := func(n int) call {
		c := one("x")
		for len(c.messages) < n {
			c.messages = append(c.messages, message("x"))
		}
		return c
	}
	failing := func(c call) call {
		c.fails = true
		return c
	}
	tests := []struct {
		name     string
		maxBytes int
		calls    []call // one after the other, while the first request is in flight
		want     []string
		took     time.Duration
	}{
		{"a lone message leaves at once", 0, []call{one("a")}, []string{"a"}, time.Second},
		{"what arrives during a request leaves together in the next", 0,
			[]call{one("a"), one("b"), one("c"), one("d")}, []string{"a", "b c d"}, 2 * time.Second},
		{"the messages of one call leave together", 0,
			[]call{{topic: bus.Ingress, messages: []event.BusMessage{message("a"), message("b")}}}, []string{"a b"}, time.Second},
		{"topics do not wait for each other", 0,
			[]call{one("a"), {topic: bus.DeadLetter, messages: []event.BusMessage{message("b")}}}, []string{"a", "b"}, time.Second},
		{"a request has at most 1000 messages", 0,
			[]call{many(2500)}, []string{"1000", "1000", "500"}, 3 * time.Second},
		{"calls that are too many for one request leave in several", 0,
			[]call{one("a"), many(600), many(300), many(101), many(20)}, []string{"a", "900", "121"}, 3 * time.Second},
		{"a request stays under the bytes", 60, // two messages of 11 + 14 bytes, not three
			[]call{one("a"), one("bbbbbbbbbb"), one("cccccccccc"), one("dddddddddd")},
			[]string{"a", "bbbbbbbbbb cccccccccc", "dddddddddd"}, 3 * time.Second},
		{"a request of one call stays under the bytes", 60,
			[]call{{topic: bus.Ingress, messages: []event.BusMessage{message("aaaaaaaaaa"), message("bbbbbbbbbb"), message("cccccccccc")}}},
			[]string{"aaaaaaaaaa bbbbbbbbbb", "cccccccccc"}, 2 * time.Second},
		{"a refused message takes no other call's with it", 0,
			[]call{one("a"), one("b"), failing(one("bad")), one("c"), one("d")},
			[]string{"a", "b bad c d", "b bad", "b", "bad", "c d"}, 6 * time.Second},
		{"a caller who goes takes its message along", 0,
			[]call{one("a"), {bus.Ingress, time.Second / 2, []event.BusMessage{message("b")}, true}, one("c")},
			[]string{"a", "c"}, 2 * time.Second},
		{"a caller who goes fails nobody else", 0,
			[]call{one("a"), {bus.Ingress, 3 * time.Second / 2, []event.BusMessage{message("b")}, true}, one("c")},
			[]string{"a", "b c"}, 2 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &slow{}
				publisher := bus.NewWithClient(server, bus.Config{Project: "p", MaxBytes: test.maxBytes})
				start := time.Now()
				var wait sync.WaitGroup
				for _, c := range test.calls {
					wait.Go(func() {
						ctx := t.Context()
						if c.patience > 0 {
							var cancel context.CancelFunc
							ctx, cancel = context.WithTimeout(ctx, c.patience)
							defer cancel()
						}
						err := publisher.Publish(ctx, c.topic, c.messages...)
						if (err != nil) != c.fails || bus.Permanent(err) != (c.fails && c.patience == 0) {
							t.Errorf("Publish(%s) = %v", c.messages[0].Data, err)
						}
						if took := time.Since(start); took > test.took || c.patience > 0 && took != c.patience {
							t.Errorf("Publish(%s) took %v", c.messages[0].Data, took)
						}
					})
					synctest.Wait()
				}
				wait.Wait()
				if diff := cmp.Diff(test.want, server.requests); diff != "" {
					t.Errorf("requests (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestPublishWithoutADeadlineEndsWithTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		publisher := bus.NewWithClient(&slow{}, bus.Config{Project: "p", Timeout: time.Millisecond})
		start := time.Now()
		err := publisher.Publish(t.Context(), bus.Ingress, message("a"))
		if took := time.Since(start); err == nil || bus.Permanent(err) || took != time.Millisecond {
			t.Errorf("error %v after %v, want a transient one after 1ms", err, took)
		}
	})
}
