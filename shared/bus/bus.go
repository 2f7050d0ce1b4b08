// Package bus publishes to Pub/Sub. A message leaves at once when no request of
// its topic is in flight; what arrives meanwhile leaves together in the next
// request. A lone message pays one round trip, a burst batches itself, and
// nothing runs between calls: when Publish has returned, all is acknowledged.
package bus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"
	"unicode/utf8"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/gather"
	"github.com/sourcestate/sourcestate/shared/trace"
)

// The topics, without the prefix of the deployment.
const (
	Ingress    = "internal.ingress.v1"
	Transition = "internal.source.transition.v1"
	DeadLetter = "internal.deadletter.v1"
)

// What Pub/Sub takes in one request. It counts 10 MB; a tenth is left for what
// is not counted here, and a message that only just fits leaves alone.
const (
	maxCount   = 1000
	maxBytes   = 9_000_000
	maxMessage = 10_000_000
)

const defaultTimeout = 10 * time.Second

// Config says where to publish.
type Config struct {
	Project string
	Prefix  string // put in front of every topic, e.g. "staging."
	// Timeout bounds one request with its retries; zero is 10 s. It only matters
	// to callers with a later deadline or none.
	Timeout time.Duration
	// MaxBytes bounds one request of several messages; zero is 9 MB. An embedded
	// gRPC server takes no more than 4 MB unless told to.
	MaxBytes int
	// Options are for tests and local runs; in the cloud there are none.
	// PUBSUB_EMULATOR_HOST is honoured as Google's library does.
	Options []option.ClientOption
}

// client is what a Publisher needs of Google's library.
type client interface {
	Publish(context.Context, *pubsubpb.PublishRequest, ...gax.CallOption) (*pubsubpb.PublishResponse, error)
	Close() error
}

// A Publisher publishes to the topics of one project. It is safe for concurrent
// use, and meant to be kept: it holds the connection.
type Publisher struct {
	client   client
	path     string // of a topic, up to its name
	maxBytes int
	gather   *gather.Keyed[string, []outgoing, []error]
}

// Open makes a Publisher. It connects with the first Publish, so an error is one
// of configuration or credentials. Close it when it is needed no more.
func Open(ctx context.Context, config Config) (*Publisher, error) {
	if config.Project == "" {
		return nil, errors.New("opening the bus: no project given")
	}
	client, err := pubsub.NewTopicAdminClient(ctx, append(transport(), config.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("opening the bus: %w", err)
	}
	return newPublisher(client, config), nil
}

// transport is as Google's own Publisher has it, but with one connection, since
// there is one request a topic at a time, and with less patience for one that
// went dead while the instance was frozen.
func transport() []option.ClientOption {
	options := []option.ClientOption{option.WithTelemetryDisabled()}
	if os.Getenv("PUBSUB_EMULATOR_HOST") == "" {
		options = append(options, option.WithGRPCDialOption(grpc.WithKeepaliveParams(
			keepalive.ClientParameters{Time: 5 * time.Minute, Timeout: 5 * time.Second})))
	}
	return options
}

func newPublisher(client client, config Config) *Publisher {
	p := &Publisher{
		client:   client,
		path:     "projects/" + config.Project + "/topics/" + config.Prefix,
		maxBytes: maxBytes,
	}
	if config.MaxBytes > 0 {
		p.maxBytes = min(config.MaxBytes, maxBytes)
	}
	timeout := defaultTimeout
	if config.Timeout > 0 {
		timeout = config.Timeout
	}
	p.gather = gather.NewKeyed(gather.Config[[]outgoing]{
		MaxCount: maxCount, MaxWeight: p.maxBytes, Measure: measure, Timeout: timeout,
	}, p.flush)
	return p
}

// Publish publishes the messages to a topic and waits until Pub/Sub has
// acknowledged all of them or ctx ends. Transient failures are tried again until
// then. An error names the topic and how many of the messages failed; the others
// are published all the same. Whether it is worth another try tells Permanent.
//
// Each message gets the trace of ctx as its attribute traceparent, unless it has
// one; the messages themselves are not changed, and must not be until Publish
// returns. Messages of one call may arrive in any order.
func (p *Publisher) Publish(ctx context.Context, topic string, messages ...event.BusMessage) error {
	failed := &failure{topic: topic, total: len(messages)}
	left := make([]outgoing, 0, len(messages))
	traceparent := trace.Parent(ctx)
	for _, m := range messages {
		o, err := prepare(m, traceparent)
		if err != nil {
			failed.errs = append(failed.errs, err)
			continue
		}
		left = append(left, o)
	}
	for len(left) > 0 {
		n := p.fitting(left)
		errs, err := p.gather.Do(ctx, p.path+topic, left[:n:n])
		if err != nil {
			errs = slices.Repeat([]error{err}, n)
		}
		failed.add(ctx, errs)
		left = left[n:]
	}
	if len(failed.errs) == 0 {
		return nil
	}
	return failed
}

// Close gives up the connection. Publishing after it, or during it, fails.
func (p *Publisher) Close() error {
	if err := p.client.Close(); err != nil {
		return fmt.Errorf("closing the bus: %w", err)
	}
	return nil
}

// prepare makes the message that goes out, and finds what would spoil a request
// for the others in it: gRPC cannot encode a text that is not UTF-8, and says so
// in a way that looks transient.
func prepare(m event.BusMessage, traceparent string) (outgoing, error) {
	attributes := m.Attributes
	for key, value := range attributes {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return outgoing{}, fmt.Errorf("%w: attribute %q is not UTF-8", errPermanent, key)
		}
	}
	if traceparent != "" && attributes.Get(event.AttributeTraceparent) == "" {
		if attributes = maps.Clone(attributes); attributes == nil {
			attributes = make(event.Attributes, 1)
		}
		attributes[event.AttributeTraceparent] = traceparent
	}
	o := newOutgoing(m.Data, attributes)
	if o.size() > maxMessage {
		return outgoing{}, fmt.Errorf("%w: a message of %d bytes is too large", errPermanent, o.size())
	}
	return o, nil
}

// fitting is how many of the messages go into one request.
func (p *Publisher) fitting(messages []outgoing) int {
	bytes := 0
	for i, m := range messages {
		bytes += m.size()
		if i > 0 && (i == maxCount || bytes > p.maxBytes) {
			return i
		}
	}
	return len(messages)
}

func measure(messages []outgoing) (count, bytes int) {
	for _, m := range messages {
		bytes += m.size()
	}
	return len(messages), bytes
}
