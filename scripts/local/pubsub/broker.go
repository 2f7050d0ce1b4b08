// Package pubsub is as much of Pub/Sub as the suite needs, within one process:
// topics that Google's client publishes to over gRPC, and push subscriptions that
// deliver to HTTP handlers until these acknowledge. It keeps messages in memory
// and only as long as they are needed, so it can run for weeks.
package pubsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/sourcestate/sourcestate/shared/event"
)

const (
	// Kept is how many messages of a topic Recent remembers.
	Kept = 100
	// maxBacklog bounds, in bytes, what waits for its acknowledgement. Beyond it
	// publishing fails, so that what is accepted can be kept.
	maxBacklog = 64 << 20
	// maxRequest is beyond what Pub/Sub takes in one request (10 MB); gRPC's own
	// default is below.
	maxRequest = 16 << 20
	// pipe is how much of a request is under way between client and server.
	pipe = 256 << 10
)

// Config is what a Broker needs.
type Config struct {
	Now func() time.Time // stamps publish times
	Log *slog.Logger     // hears of failed pushes

	// The pause before a failed push is made again: MinBackoff, doubled with each
	// failure up to MaxBackoff. Zero: 100 ms and 10 s.
	MinBackoff, MaxBackoff time.Duration
}

// A Broker holds topics and their subscriptions. It is safe for concurrent use.
type Broker struct {
	config   Config
	listener *bufconn.Listener
	server   *grpc.Server
	served   chan struct{} // closed when the server has ended
	pushes   context.Context
	stop     context.CancelFunc // ends pushes
	workers  sync.WaitGroup

	mu      sync.Mutex // guards what follows, topics and subscriptions included
	topics  map[string]*topic
	lastID  int64
	unacked int           // deliveries that are not acknowledged
	backlog int           // their bytes
	idle    chan struct{} // closed when unacked falls to zero; nil while it is zero
	closed  bool
}

// A topic passes its messages on to its subscriptions and remembers the last.
type topic struct {
	recent        []event.BusMessage // oldest first, at most Kept
	subscriptions []*subscription
}

// Start starts a broker without topics. It keeps the values of ctx, not its end:
// what was accepted is delivered until Close.
func Start(ctx context.Context, config Config) *Broker {
	if config.MinBackoff <= 0 {
		config.MinBackoff = 100 * time.Millisecond
	}
	if config.MaxBackoff <= 0 {
		config.MaxBackoff = 10 * time.Second
	}
	b := &Broker{
		config:   config,
		listener: bufconn.Listen(pipe),
		server:   grpc.NewServer(grpc.MaxRecvMsgSize(maxRequest)),
		served:   make(chan struct{}),
		topics:   make(map[string]*topic),
	}
	b.pushes, b.stop = context.WithCancel(context.WithoutCancel(ctx))
	pubsubpb.RegisterPublisherServer(b.server, service{broker: b})
	go func() {
		defer close(b.served)
		if err := b.server.Serve(b.listener); err != nil {
			config.Log.ErrorContext(ctx, "the bus has ended", "error", err)
		}
	}()
	return b
}

// CreateTopic adds a topic, projects/{project}/topics/{name}, unless it exists.
func (b *Broker) CreateTopic(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.topics[name] == nil {
		b.topics[name] = new(topic)
	}
}

// Subscribe pushes each message that is published to the topic from now on to the
// handler, several at a time, until it answers with a status that Pub/Sub takes
// for an acknowledgement. It is an error when there is no such topic.
func (b *Broker) Subscribe(topicName, name string, to http.Handler) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[topicName]
	if t == nil {
		return fmt.Errorf("subscribing %q: there is no topic %q", name, topicName)
	}
	t.subscriptions = append(t.subscriptions, &subscription{
		broker: b, name: name, handler: to,
		// The path that push endpoints of the deployment end with.
		path: "/" + topicName,
	})
	return nil
}

// Client is the option by which a client of Google's library speaks with this
// broker and nobody else. Each client needs its own, and closes it.
func (b *Broker) Client() (option.ClientOption, error) {
	connection, err := grpc.NewClient("passthrough:///bus",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return b.listener.DialContext(ctx)
		}),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("connecting to the bus: %w", err)
	}
	return option.WithGRPCConn(connection), nil
}

// Recent is what was published last to a topic, oldest first, and whether there
// is such a topic. The messages are not to be modified.
func (b *Broker) Recent(topicName string) (messages []event.BusMessage, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[topicName]
	if t == nil {
		return nil, false
	}
	return slices.Clone(t.recent), true
}

// Drain waits until everything that was published is acknowledged. The error is
// that of ctx, with how much is left.
func (b *Broker) Drain(ctx context.Context) error {
	b.mu.Lock()
	idle := b.idle
	b.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Errorf("waiting for %d deliveries: %w", b.unacked, ctx.Err())
}

// Close ends the broker. What is not acknowledged by then is lost.
func (b *Broker) Close() {
	b.server.Stop()
	<-b.served
	b.stop()
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.workers.Wait()
}

var errNoTopic = errors.New("no such topic")

// accept publishes the messages all or not at all, and names them.
func (b *Broker) accept(topicName string, messages []*pubsubpb.PubsubMessage) (ids []string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[topicName]
	if t == nil {
		return nil, errNoTopic
	}
	total := 0
	for _, m := range messages {
		total += size(m) * len(t.subscriptions)
	}
	if b.backlog+total > maxBacklog {
		return nil, errBacklog
	}
	now := b.config.Now().UTC()
	for _, m := range messages {
		b.lastID++
		ids = append(ids, fmt.Sprint(b.lastID))
		message := event.BusMessage{Data: m.Data, Attributes: m.Attributes, ID: ids[len(ids)-1], PublishTime: now}
		t.remember(message)
		for _, s := range t.subscriptions {
			b.add(size(m))
			s.enqueue(&delivery{message: message, size: size(m)})
		}
	}
	return ids, nil
}

func (t *topic) remember(message event.BusMessage) {
	if len(t.recent) == Kept {
		t.recent = slices.Delete(t.recent, 0, 1)
	}
	t.recent = append(t.recent, message)
}

// add counts a delivery that begins. The caller holds the lock.
func (b *Broker) add(size int) {
	if b.unacked == 0 {
		b.idle = make(chan struct{})
	}
	b.unacked++
	b.backlog += size
}

// remove counts a delivery that is acknowledged. The caller holds the lock.
func (b *Broker) remove(size int) {
	b.unacked--
	b.backlog -= size
	if b.unacked == 0 {
		close(b.idle)
		b.idle = nil
	}
}
