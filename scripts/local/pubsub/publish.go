package pubsub

import (
	"context"
	"errors"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// maxMessages is how many messages Pub/Sub takes in one request.
const maxMessages = 1000

var errBacklog = errors.New("too much is waiting to be delivered")

// service is the Publisher service of Pub/Sub as far as publishing goes. Topics
// are the broker's business.
type service struct {
	pubsubpb.UnimplementedPublisherServer
	broker *Broker
}

// Publish accepts the messages, or refuses them with the codes of Pub/Sub.
func (s service) Publish(_ context.Context, r *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	if len(r.Messages) == 0 || len(r.Messages) > maxMessages {
		return nil, status.Errorf(codes.InvalidArgument, "%d messages in a request", len(r.Messages))
	}
	for _, m := range r.Messages {
		if len(m.Data) == 0 && len(m.Attributes) == 0 {
			return nil, status.Error(codes.InvalidArgument, "a message without data and attributes")
		}
	}
	ids, err := s.broker.accept(r.Topic, r.Messages)
	switch {
	case errors.Is(err, errNoTopic):
		return nil, status.Errorf(codes.NotFound, "%v: %s", err, r.Topic)
	case errors.Is(err, errBacklog):
		return nil, status.Error(codes.ResourceExhausted, err.Error())
	case err != nil:
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &pubsubpb.PublishResponse{MessageIds: ids}, nil
}

func size(m *pubsubpb.PubsubMessage) int { return proto.Size(m) }
