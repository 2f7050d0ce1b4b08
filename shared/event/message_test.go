package event_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
)

func TestAttributesAreReadInAnyCase(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		attributes event.Attributes
		want       string
	}{
		{"none at all", nil, ""},
		{"another name", event.Attributes{"correlation": "x", "correlation-id": "y"}, ""},
		{"the exact spelling", event.Attributes{"correlationId": "x"}, "x"},
		{"lower case", event.Attributes{"correlationid": "x"}, "x"},
		{"upper case", event.Attributes{"CORRELATIONID": "x"}, "x"},
		{"the exact spelling before another", event.Attributes{"CORRELATIONID": "y", "correlationId": "x", "correlationid": "z"}, "x"},
		{"the least of several other spellings", event.Attributes{"correlationid": "y", "CorrelationId": "x"}, "x"},
		{"an empty value counts as absent", event.Attributes{"correlationId": "", "CorrelationId": "", "correlationid": "x"}, "x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for range 20 { // the order of a map changes
				if got := tt.attributes.Get(event.AttributeCorrelationID); got != tt.want {
					t.Fatalf("value = %q, want %q", got, tt.want)
				}
			}
		})
	}
}

func TestBusMessage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		e    event.Event
		want event.BusMessage
	}{
		{
			"what filters read stands in the attributes",
			event.Event{
				Type: event.TypeStreamOnline, CorrelationID: "c", Ingress: event.Ingress{Source: "ingress.twitch.eventsub"},
				Identity: event.Identity{External: event.External{ID: "1337", Platform: "twitch"}},
			},
			event.BusMessage{
				Data: []byte(`{"type":"system.stream.online","correlationId":"c","ingress":{"source":"ingress.twitch.eventsub"},` +
					`"identity":{"external":{"id":"1337","platform":"twitch"}}}`),
				Attributes: event.Attributes{
					"type": "system.stream.online", "source": "ingress.twitch.eventsub", "correlationId": "c",
					"idempotencyKey": "c", "platform": "twitch",
				},
			},
		},
		{
			"what is not known has no attribute",
			event.Event{Type: event.TypeSourceStatus, CorrelationID: "c"},
			event.BusMessage{
				Data:       []byte(`{"type":"system.source.status","correlationId":"c"}`),
				Attributes: event.Attributes{"type": "system.source.status", "correlationId": "c", "idempotencyKey": "c"},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.e.BusMessage()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatCannotBeWrittenIsNoMessage(t *testing.T) {
	t.Parallel()
	e := event.Event{Type: "x", Payload: event.Object{"a": make(chan int)}}
	if m, err := e.BusMessage(); err == nil {
		t.Errorf("message = %+v, want an error", m)
	}
}
