package twitch

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
)

func TestParseMessage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		body string
		want Message
		err  error
	}{
		{
			name: "a notification",
			body: `{"subscription":{"id":"s","status":"enabled","type":"stream.online","version":"1","condition":{"broadcaster_user_id":"1337"},"cost":0},"event":{"id":"9001"}}`,
			want: Message{
				Subscription: &Subscription{
					ID: "s", Status: "enabled", Type: "stream.online", Version: "1",
					Condition: event.Object{"broadcaster_user_id": "1337"},
				},
				Event: event.Object{"id": "9001"},
			},
		},
		{
			name: "a batch, whose unreadable entries keep their places",
			body: `{"subscription":{"type":"drop.entitlement.grant"},"events":[{"id":"a","data":{"user_id":"1"}},7,{"id":"b"},{"id":8,"data":{}}]}`,
			want: Message{
				Subscription: &Subscription{Type: "drop.entitlement.grant"},
				Events: []Entry{
					{ID: "a", Data: event.Object{"user_id": "1"}}, {}, {ID: "b"}, {ID: "8", Data: event.Object{}},
				},
			},
		},
		{
			name: "a challenge without subscription, as a conduit's shard gets it",
			body: `{"challenge":"c0ffee","conduit_shard":{"conduit_id":"c","shard":"42"}}`,
			want: Message{Challenge: "c0ffee"},
		},
		{
			name: "numbers stand for strings",
			body: `{"challenge":12345678901234567890,"subscription":{"id":1,"version":2,"type":3,"status":4}}`,
			want: Message{
				Challenge:    "12345678901234567890",
				Subscription: &Subscription{ID: "1", Version: "2", Type: "3", Status: "4"},
			},
		},
		{name: "nothing but an object", body: `{}`, want: Message{}},
		{
			name: "fields of other types count as absent",
			body: `{"challenge":{},"subscription":[],"event":"x","events":{}}`,
			want: Message{},
		},
		{name: "nulls count as absent", body: `{"challenge":null,"subscription":null,"event":null,"events":null}`, want: Message{}},
		{name: "nothing", body: ``, err: event.ErrNotJSON},
		{name: "no JSON", body: `challenge=c0ffee`, err: event.ErrNotJSON},
		{name: "JSON that is cut off", body: `{"event":{"id":"9001"`, err: event.ErrNotJSON},
		{name: "two objects", body: `{}{}`, err: event.ErrNotJSON},
		{name: "a list", body: `[{}]`, err: event.ErrNotObject},
		{name: "null", body: `null`, err: event.ErrNotObject},
		{name: "a string", body: `"x"`, err: event.ErrNotObject},
		{name: "deep nesting", body: `{"event":` + strings.Repeat("[", 100_000), err: event.ErrNotJSON},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseMessage([]byte(tt.body))
			if !errors.Is(err, tt.err) {
				t.Fatalf("error = %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// checkParse holds the fast way of ParseMessage to the plain one.
func checkParse(t *testing.T, body []byte) {
	t.Helper()
	var want Message
	root, wantErr := event.DecodeObject(body)
	if wantErr == nil {
		want = message(root)
	}
	got, err := ParseMessage(body)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("error = %v, want %v", err, wantErr)
	}
	// Not cmp.Diff: its time doubles with each level of nested lists.
	if !reflect.DeepEqual(want, got) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestParseMessageIsThatOfEvent(t *testing.T) {
	t.Parallel()
	for _, body := range bodies {
		for _, name := range []string{"event", "events", "challenge", "subscription", "id", "condition", "unknown"} {
			body := strings.ReplaceAll(body, `"a"`, `"`+name+`"`)
			checkParse(t, []byte(body))
			checkParse(t, []byte(`{"subscription":`+body+`,"transport":`+body+`}`))
			checkParse(t, []byte(`{"event":`+body+`,"events":[`+body+`]}`))
		}
	}
	for _, body := range []string{
		`{"event":{"a":1},"event":{"b":2}}`, `{"event":{"a":1},"event":7}`, `{"events":[{"id":1}],"events":null}`,
		`{"subscription":{"id":"a","type":"t"},"subscription":{"id":"b"}}`, `{"subscription":{"id":"a"},"subscription":[]}`,
		`{"subscription":{"id":"a","id":{}}}`, `{"challenge":"a","challenge":false}`, `{"challenge":"a","challenge":1.50}`,
	} {
		checkParse(t, []byte(body))
	}
}

// TestReaderTakesMessages: else the slow way would hide that it does not.
func TestReaderTakesMessages(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"subscription":{"id":"s","transport":{"method":"webhook","callback":null},"cost":0,"condition":{"user_id":"1"}},"event":{"labels":[]}}`,
		`{"events":[{"id":"a","data":{}}]}`, "{ \"challenge\" : \"c0ffee\" }\n", `{}`,
	} {
		r := reader{text: body}
		if _, ok := r.message(); !ok {
			t.Errorf("given up at %d: %s", r.at, body[r.at:])
		}
	}
}

// FuzzParseMessage holds that a body is either refused with one of the two
// errors or was an object, whatever it holds, and is what a plain reader reads.
func FuzzParseMessage(f *testing.F) {
	f.Add([]byte(`{"subscription":{"type":"stream.online","condition":{"broadcaster_user_id":"1"}},"event":{"id":"9"}}`))
	f.Add([]byte(`{"events":[{"id":1,"data":{}},null]}`))
	f.Add([]byte(`{"challenge":"c"}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		checkParse(t, body)
		message, err := ParseMessage(body)
		if err != nil {
			if !errors.Is(err, event.ErrNotJSON) && !errors.Is(err, event.ErrNotObject) {
				t.Errorf("error = %v", err)
			}
			return
		}
		var root map[string]any
		if err := json.Unmarshal(body, &root); err != nil && !strings.Contains(err.Error(), "cannot unmarshal number") {
			t.Errorf("taken although json.Unmarshal says %v", err)
		}
		if message.Event != nil && root["event"] == nil && root != nil {
			t.Errorf("an event out of nothing: %v", message.Event)
		}
	})
}
