package bus

import (
	"sync"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sourcestate/sourcestate/shared/event"
)

// The numbers of the fields that are written here, as pubsub.proto has them. A
// map is a list of entries with a key and a value.
const (
	requestMessages protowire.Number = 2

	messageData       protowire.Number = 1
	messageAttributes protowire.Number = 2

	entryKey   protowire.Number = 1
	entryValue protowire.Number = 2
)

// An outgoing is a message on its way.
type outgoing struct {
	data       []byte
	attributes event.Attributes
	length     int // of the two when they are encoded
}

func newOutgoing(data []byte, attributes event.Attributes) outgoing {
	m := outgoing{data: data, attributes: attributes}
	if len(data) > 0 {
		m.length = sizeOf(len(data))
	}
	for key, value := range attributes {
		m.length += sizeOf(entryLength(key, value))
	}
	return m
}

// size is how many bytes of a request the message takes.
func (m outgoing) size() int { return sizeOf(m.length) }

// A request publishes messages. They are encoded here, and stand in it as fields
// that protobuf does not know: those it writes as they are. Its own way goes
// through all attributes by reflection, twice, and that is a twentieth of all that
// a webhook costs.
type request struct {
	*pubsubpb.PublishRequest
	encoded []byte // the messages, in memory that is used again
}

// requests are kept for their memory.
var requests = sync.Pool{New: func() any { return &request{PublishRequest: &pubsubpb.PublishRequest{}} }}

// maxKept is the most memory that is kept for another request. Those that a burst
// of webhooks makes are under 100 kB.
const maxKept = 1 << 20

// newRequest is the request for the messages, good until free.
func newRequest(topic string, messages []outgoing) *request {
	r := requests.Get().(*request)
	for _, m := range messages {
		r.encoded = m.appendTo(r.encoded)
	}
	r.Topic = topic
	r.ProtoReflect().SetUnknown(r.encoded)
	return r
}

// free ends the use of a request. The library has written it to its own memory by
// the time that it answers, be it with an error.
func (r *request) free() {
	if cap(r.encoded) > maxKept {
		return
	}
	r.Reset()
	r.encoded = r.encoded[:0]
	requests.Put(r)
}

func (m outgoing) appendTo(b []byte) []byte {
	b = appendHead(b, requestMessages, m.length)
	if len(m.data) > 0 {
		b = append(appendHead(b, messageData, len(m.data)), m.data...)
	}
	for key, value := range m.attributes {
		b = appendHead(b, messageAttributes, entryLength(key, value))
		b = append(appendHead(b, entryKey, len(key)), key...)
		b = append(appendHead(b, entryValue, len(value)), value...)
	}
	return b
}

func entryLength(key, value string) int { return sizeOf(len(key)) + sizeOf(len(value)) }

// appendHead appends what stands before a value of so many bytes.
func appendHead(b []byte, field protowire.Number, length int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.BytesType), uint64(length))
}

// sizeOf is the size of a field whose value has so many bytes. The number of the
// field, being under 16, takes one byte.
func sizeOf(length int) int { return 1 + protowire.SizeBytes(length) }
