package event_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/event"
)

var published = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// received is a delivery of a body that was published at the time above.
func received(t testing.TB, body string, attributes event.Attributes) *event.Delivery {
	t.Helper()
	d, err := event.Receive(event.BusMessage{Data: []byte(body), Attributes: attributes, PublishTime: published})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestReceiveRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]error{"": event.ErrNotJSON, "[1]": event.ErrNotObject} {
		if d, err := event.Receive(event.BusMessage{Data: []byte(body)}); d != nil || !errors.Is(err, want) {
			t.Errorf("%q: delivery = %v, error = %v, want %v", body, d, err, want)
		}
	}
}

func TestType(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body string
		attributes event.Attributes
		want       string
	}{
		{"of the body", `{"type":"system.stream.online"}`, event.Attributes{"type": "x"}, "system.stream.online"},
		{"of the attributes where the body has none", `{"platform":"slack"}`, event.Attributes{"TYPE": "system.source.status"}, "system.source.status"},
		{"of the attributes where that of the body is empty", `{"type":""}`, event.Attributes{"type": "x"}, "x"},
		{"of the attributes where that of the body is no text", `{"type":null}`, event.Attributes{"type": "x"}, "x"},
		{"nowhere", `{}`, nil, ""},
		{"an early online", `{"type":"twitch.eventsub.v1","externalEvent":{"kind":"stream.online"}}`, nil, "system.stream.online"},
		{"an early offline", `{"type":"twitch.eventsub.v1","externalEvent":{"kind":"stream.offline"}}`, nil, "system.stream.offline"},
		{"an early update", `{"type":"twitch.eventsub.v1","externalEvent":{"kind":"channel.update"}}`, nil, "system.twitch.update"},
		{"an early event of the attributes alone", `{"externalEvent":{"kind":"stream.online"}}`,
			event.Attributes{"type": "twitch.eventsub.v1"}, "system.stream.online"},
		{"an early event of another kind", `{"type":"twitch.eventsub.v1","externalEvent":{"kind":"channel.follow"}}`, nil, "twitch.eventsub.v1"},
		{"an early event of no kind", `{"type":"twitch.eventsub.v1"}`, nil, "twitch.eventsub.v1"},
		{"the kind of any other event is not its type", `{"type":"system.source.status","externalEvent":{"kind":"stream.online"}}`, nil, "system.source.status"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := received(t, tt.body, tt.attributes).Type(); got != tt.want {
				t.Errorf("type = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	attributes := event.Attributes{"Source": "ingress-egress"}
	for _, tt := range []struct{ name, body, want string }{
		{"of the envelope", `{"ingress":{"source":"ingress.slack"},"source":"x"}`, "ingress.slack"},
		{"of the root of version 1", `{"v":"1","source":"ingress.twitch.eventsub"}`, "ingress.twitch.eventsub"},
		{"of the attributes", `{"ingress":{}}`, "ingress-egress"},
		{"a bare payload says which source it is about, not who sent it", `{"source":"twitch:123456","status":"ERROR"}`, "ingress-egress"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := received(t, tt.body, attributes).Source(); got != tt.want {
				t.Errorf("source = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body string
		want       event.Object
	}{
		{"the payload", `{"payload":{"a":"p"},"externalEvent":{"metadata":{"a":"m"},"payload":{"a":"x"}}}`, event.Object{"a": "p"}},
		{"else the metadata", `{"externalEvent":{"metadata":{"a":"m"},"payload":{"a":"x"}}}`, event.Object{"a": "m"}},
		{"else the payload of version 1", `{"externalEvent":{"payload":{"a":"x"}}}`, event.Object{"a": "x"}},
		{"an empty payload is none", `{"payload":{},"externalEvent":{"metadata":{"a":"m"}}}`, event.Object{"a": "m"}},
		{"empty metadata are none", `{"externalEvent":{"metadata":{},"payload":{"a":"x"}}}`, event.Object{"a": "x"}},
		{"a payload that is no object is none", `{"payload":"p","externalEvent":{"metadata":{"a":"m"}}}`, event.Object{"a": "m"}},
		{"a bare payload is the root", `{"type":"x","platform":"slack","id":"s","status":"ERROR"}`,
			event.Object{"platform": "slack", "id": "s", "status": "ERROR"}},
		{"nothing", `{"type":"x","correlationId":"c"}`, event.Object{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, received(t, tt.body, nil).Body()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	const whenPublished = "2026-05-01T12:00:00.000Z"
	for _, tt := range []struct{ name, body, want string }{
		{"what the payload observed",
			`{"payload":{"observedAt":"2026-05-01T11:00:01Z"},"externalEvent":{"metadata":{"observedAt":"2026-05-01T11:00:02Z"},
				"createdAt":"2026-05-01T11:00:03Z"},"ingress":{"ingressAt":"2026-05-01T11:00:04Z"}}`, "2026-05-01T11:00:01.000Z"},
		{"else what the metadata observed",
			`{"payload":{"a":1},"externalEvent":{"metadata":{"observedAt":"2026-05-01T11:00:02Z"},"createdAt":"2026-05-01T11:00:03Z"},
				"ingress":{"ingressAt":"2026-05-01T11:00:04Z"}}`, "2026-05-01T11:00:02.000Z"},
		{"else what the payload of version 1 observed",
			`{"externalEvent":{"payload":{"observedAt":"2026-05-01T11:00:02Z"},"createdAt":"2026-05-01T11:00:03Z"}}`, "2026-05-01T11:00:02.000Z"},
		{"else the creation of the platform's own event",
			`{"externalEvent":{"metadata":{"a":1},"createdAt":"2026-05-01T11:00:03Z"},"ingress":{"ingressAt":"2026-05-01T11:00:04Z"}}`, "2026-05-01T11:00:03.000Z"},
		{"else when it came in", `{"externalEvent":{"id":"9"},"ingress":{"ingressAt":"2026-05-01T11:00:04Z"}}`, "2026-05-01T11:00:04.000Z"},
		{"else when it was published", `{"payload":{"platform":"slack"}}`, whenPublished},
		{"unreadable ones count as absent",
			`{"payload":{"observedAt":"yesterday"},"externalEvent":{"metadata":{"observedAt":"2026-05-01T11:00:02"},"createdAt":""},
				"ingress":{"ingressAt":"2026-05-01T11:00:04Z"}}`, "2026-05-01T11:00:04.000Z"},
		{"a number counts as absent", `{"payload":{"observedAt":1777633200},"ingress":{"ingressAt":"2026-05-01T11:00:04Z"}}`, "2026-05-01T11:00:04.000Z"},
		{"null counts as absent", `{"payload":{"observedAt":null},"ingress":{"ingressAt":"2026-05-01T11:00:04Z"}}`, "2026-05-01T11:00:04.000Z"},
		{"none can be read", `{"payload":{"observedAt":{}},"externalEvent":{"createdAt":1},"ingress":{"ingressAt":"soon"}}`, whenPublished},
		{"out of the years of four digits counts as absent",
			`{"payload":{"observedAt":"0000-01-01T00:00:00+10:00"},"ingress":{"ingressAt":"2026-05-01T11:00:04Z"}}`, "2026-05-01T11:00:04.000Z"},
		{"an offset", `{"payload":{"observedAt":"2026-05-01T22:00:01.5+11:00"}}`, "2026-05-01T11:00:01.500Z"},
		{"a date that stands twice", `{"payload":{"observedAt":"2026-05-01T2026-05-01T11:00:01Z"}}`, "2026-05-01T11:00:01.000Z"},
		{"nanoseconds are cut", `{"payload":{"observedAt":"2026-05-01T11:00:01.999999999Z"}}`, "2026-05-01T11:00:01.999Z"},
		{"long ago", `{"payload":{"observedAt":"1999-12-31T23:59:59Z"}}`, "1999-12-31T23:59:59.000Z"},
		{"five minutes ahead", `{"payload":{"observedAt":"2026-05-01T12:05:00.000Z"}}`, "2026-05-01T12:05:00.000Z"},
		{"a millisecond further ahead", `{"payload":{"observedAt":"2026-05-01T12:05:00.001Z"}}`, whenPublished},
		{"the last year", `{"payload":{"observedAt":"9999-12-31T23:59:59Z"}}`, whenPublished},
		{"one too far ahead is not passed over for the next",
			`{"payload":{"observedAt":"2027-01-01T00:00:00Z"},"ingress":{"ingressAt":"2026-05-01T11:00:04Z"}}`, whenPublished},
		{"the timestamp of a connector's change", `{"type":"connector.status.changed","timestamp":"2026-05-01T11:00:05Z"}`, "2026-05-01T11:00:05.000Z"},
		{"a connector's change whose timestamp cannot be read", `{"type":"connector.status.changed","timestamp":"x"}`, whenPublished},
		{"a connector's change ahead of its time", `{"type":"connector.status.changed","timestamp":"2026-05-02T00:00:00Z"}`, whenPublished},
		{"the timestamp of any other event is not its time", `{"type":"system.source.status","timestamp":"2026-05-01T11:00:05Z"}`, whenPublished},
		{"what a bare payload observed",
			`{"platform":"slack","id":"s","status":"ERROR","observedAt":"2026-05-01T11:00:01Z"}`, "2026-05-01T11:00:01.000Z"},
		{"a bare payload that observed nothing", `{"platform":"slack","id":"s","status":"ERROR"}`, whenPublished},
		{"the root beside a payload is no payload",
			`{"payload":{"platform":"slack"},"observedAt":"2026-05-01T11:00:01Z"}`, whenPublished},
		{"the root beside metadata is no payload",
			`{"externalEvent":{"metadata":{"a":1},"createdAt":"2026-05-01T11:00:03Z"},"observedAt":"2026-05-01T11:00:01Z"}`, "2026-05-01T11:00:03.000Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := event.FormatTime(received(t, tt.body, nil).Time()); got != tt.want {
				t.Errorf("time = %s, want %s", got, tt.want)
			}
		})
	}
	t.Run("the publish time is cut and in UTC", func(t *testing.T) {
		t.Parallel()
		d := received(t, `{}`, nil)
		d.BusMessage.PublishTime = time.Date(2026, 5, 1, 14, 0, 0, 999_999, time.FixedZone("", 2*60*60))
		if got := d.Time(); !got.Equal(published) || got.Location() != time.UTC {
			t.Errorf("time = %v, want %v", got, published)
		}
	})
}

// TestTimeCanBeWrittenAndReadBack: whatever is sent as a time, no document gets
// one that its readers refuse, and none from the future.
func TestTimeCanBeWrittenAndReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.String(),
			rapid.StringMatching(`[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,12})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])`),
		).Draw(t, "observedAt")
		e := event.Event{Payload: event.Object{"observedAt": text}}
		data, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		d, err := event.Receive(event.BusMessage{Data: data, PublishTime: published})
		if err != nil {
			t.Fatal(err)
		}
		got := d.Time()
		back, err := event.ParseTime(event.FormatTime(got))
		if err != nil || !back.Equal(got) {
			t.Fatalf("time = %v, read back %v, error = %v", got, back, err)
		}
		if got.After(published.Add(event.Tolerance)) {
			t.Fatalf("time = %v, which is in the future", got)
		}
	})
}

func TestID(t *testing.T) {
	t.Parallel()
	attributes := event.Attributes{"correlationid": "attribute", "idempotencykey": "key"}
	keyAlone := event.Attributes{"IdempotencyKey": "key"}
	for _, tt := range []struct {
		name, body string
		attributes event.Attributes
		want       string
	}{
		{"the correlationId of the body", `{"correlationId":"body","idempotencyKey":"x"}`, attributes, "body"},
		{"one that is a number", `{"correlationId":12}`, attributes, "12"},
		{"else that of the attributes", `{"idempotencyKey":"x"}`, attributes, "attribute"},
		{"an empty one counts as absent", `{"correlationId":""}`, attributes, "attribute"},
		{"else the idempotencyKey of the body", `{"idempotencyKey":"x"}`, keyAlone, "x"},
		{"else that of the attributes", `{}`, keyAlone, "key"},
		{"else a hash of the body", `{}`, nil, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
		{"of the very bytes", `{ }`, nil, "257c1be96ae69f4b01c2c69bdb6d78605f59175819fb007d0bf245bf48444c4a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := received(t, tt.body, tt.attributes)
			d.BusMessage.ID = "a duplicate has another"
			if got := d.ID(); got != tt.want {
				t.Errorf("id = %q, want %q", got, tt.want)
			}
		})
	}
}
