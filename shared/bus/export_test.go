package bus

import (
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/sourcestate/sourcestate/shared/event"
)

// Client and NewWithClient let tests stand in for Google's library, so that time
// can be the test's.
type Client = client

// Request is the messages as they go out, one request for all, what they take of
// it, and what ends its use.
func Request(topic string, messages ...event.BusMessage) (r *pubsubpb.PublishRequest, size int, free func()) {
	var all []outgoing
	for _, m := range messages {
		o := newOutgoing(m.Data, m.Attributes)
		all, size = append(all, o), size+o.size()
	}
	made := newRequest(topic, all)
	return made.PublishRequest, size, made.free
}

func NewWithClient(c Client, config Config) *Publisher { return newPublisher(c, config) }
