package persistence

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
)

func TestOtherMethodsThanPost(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "post"} {
		b := newBench(t)
		r := push(t, connected(t))
		r.Method = method
		answer := serve(b, r)
		if answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != http.MethodPost {
			t.Errorf("%s: status %d, Allow %q", method, answer.StatusCode, answer.Header.Get("Allow"))
		}
		b.quiet(t)
	}
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	t.Parallel()
	whole, err := event.EncodePush(connected(t), "s")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		body    string
		headers map[string]string
	}{
		{name: "nothing", body: ""},
		{name: "not JSON", body: "hello"},
		{name: "a number", body: "1"},
		{name: "null", body: "null"},
		{name: "an array", body: `[` + string(whole) + `]`},
		{name: "an object without a message", body: `{"subscription":"s"}`},
		{name: "a message that is null", body: `{"message":null}`},
		{name: "a message that is text", body: `{"message":"x"}`},
		{name: "an event without the wrapper", body: `{"v":"2","type":"system.source.status","payload":{"platform":"slack","id":"a"}}`},
		{name: "cut off in its middle", body: string(whole[:len(whole)/2])},
		{name: "cut off before its last byte", body: string(whole[:len(whole)-1])},
		{name: "something behind it", body: string(whole) + "x"},
		{name: "two in one body", body: string(whole) + string(whole)},
		{name: "data that is not base64", body: `{"message":{"data":"{}","messageId":"1"}}`},
		{name: "data that is base64 for URLs", body: `{"message":{"data":"__--","messageId":"1"}}`},
		{name: "data that is an object", body: `{"message":{"data":{},"messageId":"1"}}`},
		{name: "attributes that are no map of texts", body: `{"message":{"data":"e30=","attributes":{"type":1}}}`},
		{name: "nested without end", body: `{"message":` + strings.Repeat("[", 20000)},
		{
			name: "a binary CloudEvent without an id", body: string(whole),
			headers: map[string]string{"Ce-Specversion": "1.0", "Ce-Type": "google.cloud.pubsub.topic.v1.messagePublished", "Ce-Source": "//x"},
		},
		{
			name: "a binary CloudEvent of a version that is not", body: string(whole),
			headers: map[string]string{"Ce-Specversion": "9", "Ce-Type": "t", "Ce-Source": "//x", "Ce-Id": "1"},
		},
		{
			name: "a binary CloudEvent without data", body: "",
			headers: map[string]string{"Ce-Specversion": "1.0", "Ce-Type": "t", "Ce-Source": "//x", "Ce-Id": "1"},
		},
		{
			name: "a structured CloudEvent that is not JSON", body: "{",
			headers: map[string]string{"Content-Type": "application/cloudevents+json"},
		},
		{
			name: "a structured CloudEvent whose data is no message", body: `{"specversion":"1.0","type":"t","source":"s","id":"1","data":{"a":1}}`,
			headers: map[string]string{"Content-Type": "application/cloudevents+json"},
		},
		{
			name: "a batch of CloudEvents", body: `[]`,
			headers: map[string]string{"Content-Type": "application/cloudevents-batch+json"},
		},
		{
			name: "a CloudEvent in a format that nobody knows", body: "x",
			headers: map[string]string{"Content-Type": "application/cloudevents+avro"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := post(test.body)
			for name, value := range test.headers {
				r.Header.Set(name, value)
			}
			answer := serve(b, r)
			if answer.StatusCode != http.StatusBadRequest {
				t.Errorf("status = %d, want 400", answer.StatusCode)
			}
			if said, _ := io.ReadAll(answer.Body); string(said) != "Bad Request\n" {
				t.Errorf("the answer tells %q", said)
			}
			b.quiet(t)
			if outcome := b.outcome(t); outcome != "refused" {
				t.Errorf("logged as %q", outcome)
			}
		})
	}
}

func TestABodyThatIsTooLarge(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("A", maxBody)
	for name, request := range map[string]func() *http.Request{
		"a push": func() *http.Request { return post(`{"message":{"data":"` + huge + `"}}`) },
		"a binary CloudEvent": func() *http.Request {
			return binary(`{"message":{"data":"` + huge + `"}}`)
		},
		"a structured CloudEvent": func() *http.Request {
			return structured(`{"message":{"data":"`+huge+`"}}`, sent)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if answer := serve(b, request()); answer.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("status = %d, want 413", answer.StatusCode)
			}
			b.quiet(t)
			if outcome := b.outcome(t); outcome != "refused" {
				t.Errorf("logged as %q", outcome)
			}
		})
	}
}

const messagePublished = "google.cloud.pubsub.topic.v1.messagePublished"

// binary is a CloudEvent whose attributes are headers.
func binary(data string) *http.Request {
	r := post(data)
	r.Header.Set("Ce-Specversion", "1.0")
	r.Header.Set("Ce-Type", messagePublished)
	r.Header.Set("Ce-Source", "//pubsub.googleapis.com/projects/p/topics/internal.ingress.v1")
	r.Header.Set("Ce-Id", "ce-1")
	r.Header.Set("Ce-Time", sent.Format(time.RFC3339Nano))
	return r
}

// structured is a CloudEvent whose attributes are in the body.
func structured(data string, at time.Time) *http.Request {
	r := post(`{"specversion":"1.0","type":"` + messagePublished + `","source":"//x","id":"ce-1","time":"` +
		at.Format(time.RFC3339Nano) + `","datacontenttype":"application/json","data":` + data + `}`)
	r.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	return r
}

// What a message is does not hang on how it came.
func TestAllFormsOfARequest(t *testing.T) {
	t.Parallel()
	want := event.BusMessage{
		ID: "m-1", Data: []byte(`{"type":"x"}`), Attributes: event.Attributes{"type": "x", "correlationid": "c"}, PublishTime: sent,
	}
	data := base64.StdEncoding.EncodeToString(want.Data)
	camel := `{"message":{"data":"` + data + `","attributes":{"type":"x","correlationid":"c"},"messageId":"m-1","publishTime":"2026-05-01T12:00:01Z"},"subscription":"s"}`
	snake := strings.NewReplacer("messageId", "message_id", "publishTime", "publish_time").Replace(camel)
	both := strings.Replace(camel, `"messageId"`, `"message_id":"m-1","publish_time":"2026-05-01T12:00:01Z","messageId"`, 1)
	timeless := strings.Replace(camel, `,"publishTime":"2026-05-01T12:00:01Z"`, "", 1)
	tests := []struct {
		name    string
		request *http.Request
	}{
		{"a push", post(camel)},
		{"a push in snake case", post(snake)},
		{"a push in both", post(both)},
		{"a push with more in it", post(strings.Replace(camel, `"subscription"`, `"deliveryAttempt":5,"subscription"`, 1))},
		{"a push after a byte of white space", post("\n" + camel)},
		{"a binary CloudEvent", binary(camel)},
		{"a binary CloudEvent whose message has no time", binary(timeless)},
		{"a structured CloudEvent", structured(camel, sent.Add(time.Hour))},
		{"a structured CloudEvent whose message has no time", structured(timeless, sent)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := readMessage(httptest.NewRecorder(), test.request)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPushWithoutAPublishTimeIsOfNow(t *testing.T) {
	t.Parallel()
	for name, published := range map[string]string{
		"absent":     ``,
		"empty":      `,"publishTime":""`,
		"unreadable": `,"publishTime":"yesterday"`,
		"zoneless":   `,"publishTime":"2026-05-01T12:00:01"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			// Nothing in the event states a time.
			body, err := json.Marshal([]byte(`{"type":"system.source.status","payload":{"platform":"slack","id":"a","status":"ERROR"}}`))
			if err != nil {
				t.Fatal(err)
			}
			if answer := serve(b, post(`{"message":{"data":`+string(body)+published+`}}`)); answer.StatusCode != http.StatusNoContent {
				t.Fatalf("status = %d, want 204", answer.StatusCode)
			}
			d := document(t, b.store, "slack:a")
			if d == nil || !d.LastStatusUpdate.Equal(now) {
				t.Errorf("document %+v, want a status of %v", d, now)
			}
		})
	}
}
