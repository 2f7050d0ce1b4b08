// Package twitch speaks with Twitch. This part reads EventSub webhook messages:
// their headers, their signature and their body, as facts/twitch.md section 1
// has them. It keeps no state and does no I/O.
package twitch

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The headers of an EventSub webhook message, as http.Header spells them.
const (
	HeaderID                  = "Twitch-Eventsub-Message-Id"
	HeaderRetry               = "Twitch-Eventsub-Message-Retry"
	HeaderType                = "Twitch-Eventsub-Message-Type"
	HeaderSignature           = "Twitch-Eventsub-Message-Signature"
	HeaderTimestamp           = "Twitch-Eventsub-Message-Timestamp"
	HeaderSubscriptionType    = "Twitch-Eventsub-Subscription-Type"
	HeaderSubscriptionVersion = "Twitch-Eventsub-Subscription-Version"
)

// The message types that Twitch documents. The set is open.
const (
	MessageNotification = "notification"
	MessageVerification = "webhook_callback_verification"
	MessageRevocation   = "revocation"
)

var (
	// ErrHeaderMissing says that a header is missing without which a message
	// can be neither verified nor understood.
	ErrHeaderMissing = errors.New("header missing")
	// ErrTimestamp says that the message timestamp cannot be read.
	ErrTimestamp = errors.New("unreadable message timestamp")
)

// Headers are the headers of one message, as received: the signature covers the
// very strings, so nothing is trimmed, parsed or written again.
type Headers struct {
	ID                  string // unique and opaque; a resend keeps it
	Timestamp           string
	Signature           string
	Type                string
	Retry               string // not signed
	SubscriptionType    string // not signed; the body has it too
	SubscriptionVersion string // not signed; the body has it too
}

// ReadHeaders takes the headers of a message, whose names are case-insensitive.
// The error is ErrHeaderMissing, wrapped with the name, when the id, timestamp,
// signature or type is missing or empty.
func ReadHeaders(header http.Header) (Headers, error) {
	h := Headers{
		ID:                  first(header[HeaderID]),
		Timestamp:           first(header[HeaderTimestamp]),
		Signature:           first(header[HeaderSignature]),
		Type:                first(header[HeaderType]),
		Retry:               first(header[HeaderRetry]),
		SubscriptionType:    first(header[HeaderSubscriptionType]),
		SubscriptionVersion: first(header[HeaderSubscriptionVersion]),
	}
	for _, required := range []struct{ name, value string }{
		{HeaderID, h.ID}, {HeaderTimestamp, h.Timestamp}, {HeaderSignature, h.Signature}, {HeaderType, h.Type},
	} {
		if required.value == "" {
			return Headers{}, fmt.Errorf("%w: %s", ErrHeaderMissing, required.name)
		}
	}
	return h, nil
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// Time is the message timestamp to the nanosecond. The error is ErrTimestamp,
// wrapped, for what is no RFC 3339 or leaves the years 0 to 9999 in UTC, which
// no reader of the bus could read back.
func (h Headers) Time() (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, h.Timestamp)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", ErrTimestamp, err)
	}
	t = t.UTC()
	if year := t.Year(); year < 0 || year > 9999 {
		return time.Time{}, fmt.Errorf("%w: year %d", ErrTimestamp, year)
	}
	return t, nil
}

// Resent reports whether Twitch says that it sent the message before. No rule
// for counting is published, so anything above 0 counts.
func (h Headers) Resent() bool {
	n, err := strconv.Atoi(h.Retry)
	return err == nil && n > 0
}

// Unsigned are the headers without the signature, under their names: what may be
// kept of them. Absent ones have no key.
func (h Headers) Unsigned() map[string]string {
	kept := make(map[string]string, 6)
	for name, value := range map[string]string{
		HeaderID:                  h.ID,
		HeaderTimestamp:           h.Timestamp,
		HeaderType:                h.Type,
		HeaderRetry:               h.Retry,
		HeaderSubscriptionType:    h.SubscriptionType,
		HeaderSubscriptionVersion: h.SubscriptionVersion,
	} {
		if value != "" {
			kept[name] = value
		}
	}
	return kept
}
