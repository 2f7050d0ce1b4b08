package event_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/event"
)

func TestDecodePush(t *testing.T) {
	t.Parallel()
	published := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, text string
		want       event.BusMessage
	}{
		{
			"as Google sends it, each name twice",
			`{"message":{"data":"e30=","attributes":{"type":"x"},"messageId":"1","message_id":"1",` +
				`"publishTime":"2026-05-01T12:00:00Z","publish_time":"2026-05-01T12:00:00Z","orderingKey":"o"},"subscription":"s","deliveryAttempt":5}`,
			event.BusMessage{Data: []byte("{}"), Attributes: event.Attributes{"type": "x"}, ID: "1", PublishTime: published},
		},
		{
			"snake case alone",
			`{"message":{"data":"e30=","message_id":"1","publish_time":"2026-05-01T12:00:00Z"}}`,
			event.BusMessage{Data: []byte("{}"), ID: "1", PublishTime: published},
		},
		{
			"camel case is believed first",
			`{"message":{"messageId":"1","message_id":"2","publishTime":"2026-05-01T12:00:00Z","publish_time":"2020-01-01T00:00:00Z"}}`,
			event.BusMessage{ID: "1", PublishTime: published},
		},
		{
			"a publish time is cut to milliseconds in UTC",
			`{"message":{"publishTime":"2026-05-01T14:00:00.000999999+02:00"}}`,
			event.BusMessage{PublishTime: published},
		},
		{"an unreadable publish time is none", `{"message":{"data":"e30=","publishTime":"now"}}`, event.BusMessage{Data: []byte("{}")}},
		{"nothing in it", `{"message":{}}`, event.BusMessage{}},
		{"null where something may be", `{"message":{"data":null,"attributes":null,"messageId":null}}`, event.BusMessage{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := event.DecodePush([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodePushRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text string }{
		{"nothing", ""},
		{"no JSON", "message"},
		{"a push that is cut off", `{"message":{"data":"e30="}`},
		{"something behind it", `{"message":{}} x`},
		{"a list", `[{"message":{}}]`},
		{"null", "null"},
		{"an event without a push around it", `{"v":"2","type":"system.stream.online"}`},
		{"a null message", `{"message":null}`},
		{"a text for a message", `{"message":"e30="}`},
		{"data that is no base64", `{"message":{"data":"{}"}}`},
		{"attributes that are no texts", `{"message":{"attributes":{"type":1}}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if m, err := event.DecodePush([]byte(tt.text)); !errors.Is(err, event.ErrNotPush) {
				t.Errorf("message = %+v, error = %v, want ErrNotPush", m, err)
			}
		})
	}
}

func TestEncodePush(t *testing.T) {
	t.Parallel()
	m := event.BusMessage{
		Data: []byte("{}"), Attributes: event.Attributes{"type": "x"}, ID: "1",
		PublishTime: time.Date(2026, 5, 1, 14, 0, 0, 123_456_789, time.FixedZone("", 2*60*60)),
	}
	got, err := event.EncodePush(m, "projects/p/subscriptions/s")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"message":{"data":"e30=","attributes":{"type":"x"},"messageId":"1","publishTime":"2026-05-01T12:00:00.123456789Z"},` +
		`"subscription":"projects/p/subscriptions/s"}`
	if string(got) != want {
		t.Errorf("push = %s, want %s", got, want)
	}
}

func TestPushesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := event.BusMessage{
			Data:       rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "data"),
			Attributes: rapid.MapOfN(rapid.String(), rapid.String(), 1, 4).Draw(t, "attributes"),
			ID:         rapid.String().Draw(t, "id"),
		}
		if rapid.Bool().Draw(t, "has a publish time") {
			want.PublishTime = time.UnixMilli(rapid.Int64Range(0, 1<<41).Draw(t, "publish time")).UTC()
		}
		encoded, err := event.EncodePush(want, rapid.String().Draw(t, "subscription"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.DecodePush(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}
