package persistence

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/cloudevents/sdk-go/v2/binding"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/sourcestate/sourcestate/shared/event"
)

// maxBody leaves room for the largest message of Pub/Sub (10 MB) in base64.
const maxBody = 16 << 20

// errUnreadable says that a request holds no bus message. The sender is not
// Pub/Sub, and sending it again does not help.
var errUnreadable = errors.New("neither a Pub/Sub push nor a CloudEvent")

// readMessage takes the bus message out of a request: a Pub/Sub push, or a
// CloudEvent (binary or structured) whose data is one. The error is
// errUnreadable or an *http.MaxBytesError, wrapped.
func readMessage(w http.ResponseWriter, r *http.Request) (event.BusMessage, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if isCloudEvent(r.Header) {
		return readCloudEvent(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return event.BusMessage{}, unreadable(err)
	}
	m, err := event.DecodePush(body)
	if err != nil {
		return event.BusMessage{}, unreadable(err)
	}
	return m, nil
}

func isCloudEvent(header http.Header) bool {
	return header.Get("Ce-Specversion") != "" || header.Get("Ce-Type") != "" || header.Get("Ce-Id") != "" ||
		strings.HasPrefix(header.Get("Content-Type"), "application/cloudevents")
}

func readCloudEvent(r *http.Request) (event.BusMessage, error) {
	ce, err := binding.ToEvent(r.Context(), cehttp.NewMessageFromHttpRequest(r))
	if err != nil {
		return event.BusMessage{}, unreadable(err)
	}
	if err := ce.Validate(); err != nil {
		return event.BusMessage{}, unreadable(err)
	}
	m, err := event.DecodePush(ce.Data())
	if err != nil {
		return event.BusMessage{}, unreadable(err)
	}
	// Google's trigger sets the time of the event to the publish time.
	if m.PublishTime.IsZero() {
		m.PublishTime = ce.Time()
	}
	return m, nil
}

// unreadable keeps the one error that has an answer of its own.
func unreadable(err error) error {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return err
	}
	return fmt.Errorf("%w: %w", errUnreadable, err)
}
