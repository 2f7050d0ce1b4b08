package twitch

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sourcestate/sourcestate/shared/event"
)

// bodies are texts on which a reader of JSON may err.
var bodies = []string{
	``, ` `, `{`, `}`, `{}`, " {\t}\r\n", `{}{}`, `{} x`, `{},`, `null`, `[]`, `"x"`, `1`, "\ufeff{}",
	`{"a":1}`, `{"a":-0}`, `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`, `{"a":1.50e+10}`, `{"a":1e}`, `{"a":1E-}`, `{"a":+1}`, `{"a":1_0}`,
	`{"a":12345678901234567890.123456789e999}`, `{"a":0x1}`, `{"a":NaN}`, `{"a":1 2}`,
	`{"a":true,"b":false,"c":null}`, `{"a":tru}`, `{"a":TRUE}`, `{"a":nullx}`, `{"a":n`,
	`{"a"}`, `{"a":}`, `{"a":1,}`, `{,"a":1}`, `{"a":1 "b":2}`, `{a:1}`, `{'a':1}`, `{1:2}`, `{"a":1,"a":{"b":2},"a":[3]}`, `{"":""}`,
	`{"a":[]}`, `{"a":[ ]}`, `{"a":[1,"x",{},[],null]}`, `{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1 2]}`, `{"a":[`, `{"a":[1`,
	`{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`, `{"a":"\ud800"}`, `{"a":"\ud800\u0041"}`, `{"a":"\u12"}`, `{"a":"\x"}`, `{"a":"\`, `{"a":"\"`, `{"a":"x`,
	`{"a\u0062":1,"ab":2}`, "{\"a\":\"\x01\"}", "{\"a\":\"\x7f\"}", "{\"a\":\"\xff\"}", "{\"\xff\":1}", "{\"a\":\"\u2028é\"}", "{\"a\":\"\x00\"}", "{\x00}", "{}\x00",
	"{\"a\":1}\u00a0", "{\v}", "{\"a\":\"\n\"}",
	`{"a":` + strings.Repeat("[", 98) + strings.Repeat("]", 98) + `}`,
	`{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`,
	`{"a":` + strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat("}", 201),
	`{"a":` + strings.Repeat("[", 100_000),
}

// checkDecode holds a reader to event.DecodeObject: what it takes must be the
// same, and decodeObject is the same whether it takes it or not.
func checkDecode(t *testing.T, body string) {
	t.Helper()
	want, wantErr := event.DecodeObject([]byte(body))
	got, err := decodeObject([]byte(body))
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("error = %v, want %v", err, wantErr)
	}
	// Not cmp.Diff: its time doubles with each level of nested lists.
	if !reflect.DeepEqual(want, got) {
		t.Errorf("got %v, want %v", got, want)
	}
	if utf8.ValidString(body) {
		r := reader{text: body}
		if object, ok := r.document(); ok && wantErr != nil {
			t.Errorf("took %v, which is wrong: %v", object, wantErr)
		}
	}
}

func TestDecodeObjectIsThatOfEvent(t *testing.T) {
	t.Parallel()
	for _, body := range bodies {
		t.Run(body[:min(len(body), 40)], func(t *testing.T) {
			t.Parallel()
			checkDecode(t, body)
		})
	}
}

// TestReaderTakesWhatTwitchSends: else the slow way would hide that it does not.
func TestReaderTakesWhatTwitchSends(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"subscription":{"id":"s","condition":{"broadcaster_user_id":"1337"},"transport":{"method":"webhook","callback":null},"cost":0},` +
			`"event":{"title":"a \"title\" \ud83d\ude00 \u00e9 ü","is_mature":false,"content_classification_labels":["Gambling"],"bits":-1.5e3}}`,
		"{ \"challenge\" : \"c0ffee\" }\n",
	} {
		r := reader{text: body}
		if _, ok := r.document(); !ok {
			t.Errorf("given up at %d: %s", r.at, body[r.at:])
		}
	}
}

func FuzzDecodeObject(f *testing.F) {
	for _, body := range bodies {
		f.Add(body)
	}
	f.Fuzz(checkDecode)
}

func BenchmarkDecodeObject(b *testing.B) {
	body := []byte(`{"subscription":{"id":"f1c2a387-161a-49f9-a165-0f21d7a4e1c4","status":"enabled","type":"stream.online","version":"1","condition":{"broadcaster_user_id":"12826"},"transport":{"method":"webhook","callback":"https://example.com/webhooks/twitch"},"created_at":"2026-05-01T11:43:19.120083113Z","cost":0},"event":{"id":"52859978","broadcaster_user_id":"12826","broadcaster_user_login":"twitchdev","broadcaster_user_name":"TwitchDev","type":"live","started_at":"2026-05-01T12:00:01.120083113Z"}}`)
	for _, way := range []struct {
		name   string
		decode func([]byte) (event.Object, error)
	}{{"ours", decodeObject}, {"encoding-json", event.DecodeObject}} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := way.decode(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
