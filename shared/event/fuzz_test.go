package event_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
)

// FuzzDecode holds that whatever is read as an event can be written, that what is
// written is read as the same, and that its time and id can be used.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(`{"v":"1","source":"ingress.twitch.eventsub","externalEvent":{"kind":"stream.online","payload":{"id":9001}}}`))
	f.Add([]byte(`{"platform":"slack","id":"s","status":"ERROR","observedAt":"2026-05-01T12:00:00Z","lastError":null}`))
	f.Add([]byte(`{"type":null,"ingress":{"source":[]},"identity":{"external":"x"},"egress":{"connector":1},"payload":0,"routing":{"stage":{}}}`))
	f.Add([]byte(`{"egress":{"destination":null,"connector":"\u2028<>"},"a":1e400,"a":-0.0}`))
	f.Add([]byte(`[1]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := event.Receive(event.BusMessage{Data: body, PublishTime: published})
		if err != nil {
			if !errors.Is(err, event.ErrNotJSON) && !errors.Is(err, event.ErrNotObject) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		if d.ID() == "" || d.Body() == nil {
			t.Errorf("id = %q, body = %v", d.ID(), d.Body())
		}
		if at := d.Time(); at.After(published.Add(event.Tolerance)) {
			t.Errorf("time = %v", at)
		} else if back, err := event.ParseTime(event.FormatTime(at)); err != nil || !back.Equal(at) {
			t.Errorf("time = %v, read back %v, error = %v", at, back, err)
		}
		first, err := d.Encode()
		if err != nil {
			t.Fatalf("cannot be written: %v", err)
		}
		again := decoded(t, string(first))
		if diff := cmp.Diff(d.Payload, again.Payload); diff != "" {
			t.Errorf("payload (-first +again):\n%s", diff)
		}
		if diff := cmp.Diff(object(t, string(first)), object(t, encoded(t, again))); diff != "" {
			t.Errorf("written twice (-first +second):\n%s", diff)
		}
	})
}

// FuzzDecodePush holds that whatever is read as a push can be written as one and
// read again, and its dead letter written.
func FuzzDecodePush(f *testing.F) {
	f.Add([]byte(`{"message":{"data":"e30=","attributes":{"type":"x"},"messageId":"1","publishTime":"2026-05-01T12:00:00.123Z"},"subscription":"s"}`))
	f.Add([]byte(`{"message":{"message_id":"1","publish_time":"0000-01-01T00:00:00+10:00"}}`))
	f.Add([]byte(`{"message":{"data":[123,125]}}`))
	f.Add([]byte(`{"MESSAGE":{"Data":null}}`))
	f.Add([]byte(`{"message":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := event.DecodePush(body)
		if err != nil {
			if !errors.Is(err, event.ErrNotPush) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		written, err := event.EncodePush(m, "")
		if err != nil {
			t.Fatalf("cannot be written: %v", err)
		}
		again, err := event.DecodePush(written)
		if err != nil {
			t.Fatalf("cannot be read back: %v", err)
		}
		if diff := cmp.Diff(m, again, cmp.Comparer(bytes.Equal), cmp.Comparer(sameAttributes)); diff != "" {
			t.Errorf("(-first +again):\n%s", diff)
		}
		letter, err := event.Rejected{Message: m, Reason: "r", By: "f", At: published}.DeadLetter()
		if err != nil {
			t.Fatalf("no dead letter: %v", err)
		}
		if _, err := event.Decode([]byte(encoded(t, letter))); err != nil {
			t.Errorf("a dead letter that cannot be read: %v", err)
		}
	})
}

// sameAttributes takes none and nil for the same.
func sameAttributes(a, b event.Attributes) bool {
	return len(a) == 0 && len(b) == 0 || cmp.Equal(map[string]string(a), map[string]string(b))
}

// FuzzParseTime holds that a timestamp that is read can be written and read back.
func FuzzParseTime(f *testing.F) {
	for _, text := range []string{
		"2026-05-01T12:00:07.123456789Z", "2026-04-26T2026-04-26T11:27:44Z", "9999-12-31T23:59:59-10:00",
		"0000-01-01T00:00:00+10:00", "2026-05-01T12:00:07", "2026-05-01T12:00:07,5Z",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := event.ParseTime(text)
		if err != nil {
			return
		}
		back, err := event.ParseTime(event.FormatTime(got))
		if err != nil || !back.Equal(got) {
			t.Errorf("time = %v, read back %v, error = %v", got, back, err)
		}
	})
}
