package bus_test

import (
	"fmt"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
)

// received is a request as Pub/Sub reads it.
func received(r *pubsubpb.PublishRequest) *pubsubpb.PublishRequest {
	encoded, err := proto.Marshal(r)
	read := &pubsubpb.PublishRequest{}
	if err == nil {
		err = proto.Unmarshal(encoded, read)
	}
	if err != nil {
		panic(fmt.Sprintf("a request that nobody can read: %v", err))
	}
	return read
}

// TestARequestIsThatOfProtobuf: its messages are encoded here, and must be what
// the library would have sent, to the byte where there is one order.
func TestARequestIsThatOfProtobuf(t *testing.T) {
	t.Parallel()
	// The lengths of lengths change at powers of 128.
	bytes := rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(1<<14-50, 1<<14+50), rapid.IntRange(1<<21-50, 1<<21+50))
	text := rapid.OneOf(rapid.String(), rapid.Just(""), rapid.StringN(0, 300, -1))
	messages := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) event.BusMessage {
		return event.BusMessage{
			Data:       make([]byte, bytes.Draw(t, "bytes")),
			Attributes: rapid.MapOfN(text, text, 0, 8).Draw(t, "attributes"),
		}
	}), 0, 5)
	rapid.Check(t, func(t *rapid.T) {
		want := &pubsubpb.PublishRequest{Topic: "projects/p/topics/t"}
		list := messages.Draw(t, "messages")
		for _, m := range list {
			want.Messages = append(want.Messages, &pubsubpb.PubsubMessage{Data: m.Data, Attributes: m.Attributes})
		}
		got, size, free := bus.Request(want.Topic, list...)
		defer free()
		if read := received(got); !proto.Equal(want, read) {
			t.Errorf("%.1000v, want %.1000v", read, want)
		}
		if whole := proto.Size(want); proto.Size(got) != whole {
			t.Errorf("%d bytes, want %d", proto.Size(got), whole)
		}
		if want := proto.Size(&pubsubpb.PublishRequest{Messages: want.Messages}); size != want {
			t.Errorf("size = %d, want %d", size, want)
		}
	})
}
