package event_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
)

// whole is an event in which everything is said that has a name, in the order in
// which events are written, and something in every part that has none.
const whole = `{"v":"2","type":"system.stream.online","correlationId":"c-1","traceId":"t-1",` +
	`"ingress":{"ingressAt":"2026-05-01T12:00:07.120Z","source":"ingress.twitch.eventsub","connector":"twitch","channel":"#examplechan","node":1},` +
	`"identity":{"external":{"id":"1337","platform":"twitch","displayName":"ExampleChan","metadata":{"login":"examplechan"},"roles":["vip"]},"auth":{"method":"x"},"user":{"id":"u"}},` +
	`"egress":{"destination":"internal.egress.v1.inst-1","connector":"twitch","channel":"#examplechan","type":"chat"},` +
	`"externalEvent":{"id":"9001","source":"twitch.eventsub","kind":"stream.online","version":"1","createdAt":"2026-05-01T12:00:00.000Z",` +
	`"metadata":{"broadcasterId":"1337"},"payload":{"id":"9001"},"rawPayload":{}},` +
	`"payload":{"viewers":12345678901234567890,"zone":[1,"a",null,{"b":false}]},` +
	`"message":{"id":"m-1","role":"user","text":"\u003cHi\u003e \"é\"","language":"en"},` +
	`"routing":{"stage":"initial","history":[],"slip":["s"]},` +
	`"annotations":[],"qos":{"tracer":true}}`

func decoded(t testing.TB, text string) *event.Event {
	t.Helper()
	e, err := event.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func encoded(t testing.TB, e *event.Event) string {
	t.Helper()
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestDecodeNamesAllThatHasAName(t *testing.T) {
	t.Parallel()
	want := &event.Event{
		V: "2", Type: "system.stream.online", CorrelationID: "c-1", TraceID: "t-1",
		Ingress: event.Ingress{
			IngressAt: "2026-05-01T12:00:07.120Z", Source: "ingress.twitch.eventsub", Connector: "twitch", Channel: "#examplechan",
			Extra: event.Object{"node": json.Number("1")},
		},
		Identity: event.Identity{
			External: event.External{
				ID: "1337", Platform: "twitch", DisplayName: "ExampleChan",
				Metadata: event.Object{"login": "examplechan"}, Extra: event.Object{"roles": []any{"vip"}},
			},
			Extra: event.Object{"auth": map[string]any{"method": "x"}, "user": map[string]any{"id": "u"}},
		},
		Egress: event.Egress{
			Destination: "internal.egress.v1.inst-1", Connector: "twitch", Channel: "#examplechan", Extra: event.Object{"type": "chat"},
		},
		ExternalEvent: &event.ExternalEvent{
			ID: "9001", Source: "twitch.eventsub", Kind: "stream.online", Version: "1", CreatedAt: "2026-05-01T12:00:00.000Z",
			Metadata: event.Object{"broadcasterId": "1337"}, Payload: event.Object{"id": "9001"},
			RawPayload: event.Object{}, Extra: event.Object{},
		},
		Payload: event.Object{
			"viewers": json.Number("12345678901234567890"),
			"zone":    []any{json.Number("1"), "a", nil, map[string]any{"b": false}},
		},
		Message: &event.Message{ID: "m-1", Role: "user", Text: `<Hi> "é"`, Extra: event.Object{"language": "en"}},
		Routing: &event.Routing{Stage: "initial", History: []any{}, Slip: []any{"s"}, Extra: event.Object{}},
		Extra:   event.Object{"annotations": []any{}, "qos": map[string]any{"tracer": true}},
	}
	got := decoded(t, whole)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(whole, encoded(t, got)); diff != "" {
		t.Errorf("written again (-want +got):\n%s", diff)
	}
}

// TestBodiesComeBackAsTheyWere holds the shapes in which events have been sent,
// and the odd ones.
func TestBodiesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, body string }{
		{"an empty object", `{}`},
		{"an offline of version 1", `{"v":"1","type":"system.stream.offline","correlationId":"c","channel":"#oldchan",
			"externalEvent":{"id":"offline-c","kind":"stream.offline","payload":{"broadcasterId":"1012"}},
			"payload":{"broadcasterId":"1012"},"routingSlip":[],"source":"ingress.twitch.eventsub","userId":"1012"}`},
		{"an early event whose kind is its type", `{"v":"2","type":"twitch.eventsub.v1","externalEvent":{"kind":"stream.online"}}`},
		{"a connector's change", `{"type":"connector.status.changed","connector":"undefined","previousState":"CONNECTED",
			"currentState":"ERROR","timestamp":"2026-05-01T12:00:00.000Z","instanceId":"ingress-egress-ab12cd"}`},
		{"a bare payload", `{"platform":"slack","id":"s","status":"ERROR","displayName":"Slack","metrics":{},"lastError":null,
			"metadata":{"state":"ERROR","id":"s","started":true}}`},
		{"a status without routing", `{"v":"2","type":"system.source.status","egress":{"destination":"","connector":"system"},"payload":{"metrics":{}}}`},
		{"empty parts", `{"ingress":{},"identity":{},"egress":{},"externalEvent":{},"payload":{},"message":{},"routing":{}}`},
		{"empty parts of parts", `{"identity":{"external":{}},"externalEvent":{"metadata":{},"payload":{}}}`},
		{"empty texts", `{"v":"","type":"","ingress":{"source":""},"identity":{"external":{"id":""}},"egress":{"destination":""},
			"externalEvent":{"id":""},"message":{"text":""},"routing":{"stage":""}}`},
		{"null everywhere", `{"v":null,"type":null,"ingress":null,"identity":null,"egress":null,"externalEvent":null,"payload":null,"message":null,"routing":null}`},
		{"null in every part", `{"ingress":{"source":null},"identity":{"external":null},"egress":{"destination":null,"connector":"x"},
			"externalEvent":{"metadata":null,"payload":null},"message":{"text":null},"routing":{"stage":null,"slip":null}}`},
		{"other types than expected", `{"v":true,"type":["x"],"correlationId":{},"ingress":"x","identity":[1],"egress":1,"externalEvent":false,
			"payload":[{"a":1}],"message":"hello","routing":0}`},
		{"other types in every part", `{"ingress":{"source":{}},"identity":{"external":"x"},"egress":{"destination":[],"connector":"x"},
			"externalEvent":{"id":[],"metadata":"x","payload":1},"message":{"text":{"a":1}},"routing":{"stage":[]}}`},
		{"texts that must be escaped", `{"type":"\u0000\u001f\"\\/<>&\u2028é😀","a\n<b>":{"\u0007":"\u007f"}}`},
		{"an object 9,000 levels deep", strings.Repeat(`{"payload":`, 9_000) + "{}" + strings.Repeat("}", 9_000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := encoded(t, decoded(t, tt.body))
			if diff := cmp.Diff(object(t, tt.body), object(t, got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNumbersStandForTexts(t *testing.T) {
	t.Parallel()
	e := decoded(t, `{"v":2,"identity":{"external":{"id":13370000000000000001}},"externalEvent":{"id":9001}}`)
	want := `{"v":"2","identity":{"external":{"id":"13370000000000000001"}},"externalEvent":{"id":"9001"}}`
	if got := encoded(t, e); got != want {
		t.Errorf("event = %s, want %s", got, want)
	}
}

// TestAFieldThatIsSetStandsOnce: what was sent under its name was of no use, and
// must not stand beside it.
func TestAFieldThatIsSetStandsOnce(t *testing.T) {
	t.Parallel()
	e := decoded(t, `{"type":null,"ingress":{"source":[]},"identity":{"external":"x"},"egress":{"destination":null},`+
		`"externalEvent":{"metadata":1,"rawPayload":[]},"payload":2,"message":null,"routing":{"slip":null}}`)
	e.Type, e.Ingress.Source, e.Identity.External.ID, e.Egress.Destination = "t", "s", "1337", "d"
	e.ExternalEvent.Metadata, e.Payload = event.Object{"a": "b"}, event.Object{}
	e.ExternalEvent.RawPayload, e.Routing.Slip = event.Object{}, []any{"s"}
	e.Message = &event.Message{Text: "x"}
	want := `{"type":"t","ingress":{"source":"s"},"identity":{"external":{"id":"1337"}},"egress":{"destination":"d"},` +
		`"externalEvent":{"metadata":{"a":"b"},"rawPayload":{}},"payload":{},"message":{"text":"x"},"routing":{"slip":["s"]}}`
	if got := encoded(t, e); got != want {
		t.Errorf("event = %s, want %s", got, want)
	}
}

func TestEncodeLeavesOutWhatIsEmpty(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		e    event.Event
		want string
	}{
		{"nothing", event.Event{}, `{}`},
		{"a connector has a destination beside it", event.Event{Egress: event.Egress{Connector: "twitch"}}, `{"egress":{"destination":"","connector":"twitch"}}`},
		{"a destination alone", event.Event{Egress: event.Egress{Destination: "d"}}, `{"egress":{"destination":"d"}}`},
		{"new routing", event.Event{Routing: event.NewRouting()}, `{"routing":{"stage":"initial","history":[],"slip":[]}}`},
		{"a display name alone", event.Event{Identity: event.Identity{External: event.External{DisplayName: "N"}}}, `{"identity":{"external":{"displayName":"N"}}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := encoded(t, &tt.e); got != tt.want {
				t.Errorf("event = %s, want %s", got, tt.want)
			}
		})
	}
}

// TestEncodedBodiesAreTheCallersOwn: the memory that they were written in is used
// again.
func TestEncodedBodiesAreTheCallersOwn(t *testing.T) {
	t.Parallel()
	a := event.Event{Type: "a", Payload: event.Object{"x": "a"}}
	b := event.Event{Type: "b", Payload: event.Object{"x": "b"}}
	data, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"a","payload":{"x":"a"}}`
	for range 100 {
		if got := encoded(t, &b); got == want {
			t.Fatal("two events are the same")
		}
	}
	if string(data) != want {
		t.Errorf("event = %s, want %s", data, want)
	}
}

func TestEncodeSaysWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		value any
	}{
		{"a channel", make(chan int)},
		{"a number that is none", json.Number("1x")},
		{"deep inside", event.Object{"a": []any{map[string]any{"b": make(chan int)}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := &event.Event{Payload: event.Object{"a": tt.value}}
			if data, err := e.Encode(); err == nil || data != nil {
				t.Errorf("event = %s, error = %v", data, err)
			}
		})
	}
}

func TestEventsStandInsideOtherJSON(t *testing.T) {
	t.Parallel()
	text := `{"events":[{"type":"a","x":1},null]}`
	var list struct {
		Events []*event.Event `json:"events"`
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Events) != 2 || list.Events[0].Type != "a" || list.Events[1] != nil {
		t.Errorf("events = %+v", list.Events)
	}
	got, err := json.Marshal(list)
	if err != nil || string(got) != text {
		t.Errorf("events = %s, error = %v, want %s", got, err, text)
	}
	if err := json.Unmarshal([]byte(`{"events":[7]}`), &list); err == nil {
		t.Error("a number was taken for an event")
	}
}

func TestNewIDIsTheSameForTheSameFact(t *testing.T) {
	t.Parallel()
	const id = "0f9d8c7b-example"
	want := "ee41d7fa-1987-5134-838e-15f7c0c9ddfd"
	if got := event.NewID(id); got != want || got == event.NewID(id+"/1") {
		t.Errorf("id = %s, want %s", got, want)
	}
}
