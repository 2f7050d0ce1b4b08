package eventsub

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
)

// body is a notification of the case's type with another event.
func (c rowCase) body(data []byte) string {
	return `{"subscription":{"type":"` + c.Type + `","version":"` + c.Version + `","condition":{"broadcaster_user_id":"1337"}},"event":` + string(data) + `}`
}

// TestRowsWithOddValues puts everything else than is expected into each field of
// each type: it is published with an identity or kept as a dead letter, and can be
// read back.
func TestRowsWithOddValues(t *testing.T) {
	t.Parallel()
	odd := []any{
		nil, "", 7, -1.5, json.Number("1e400"), true, []any{}, []any{nil, 1, "x", []any{}}, map[string]any{},
		map[string]any{"id": 1, "text": nil, "user_id": []any{}}, "a\x00\n\u2028<b>", strings.Repeat("9", 600), "2026-05-01T12:00:00", "9999-12-31T23:59:59-10:00",
	}
	for _, c := range rowCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			for field := range object(t, c.Event) {
				for _, value := range odd {
					data := object(t, c.Event)
					data[field] = value
					encoded, err := json.Marshal(data)
					if err != nil {
						t.Fatal(err)
					}
					h, rec := newHandler(t)
					wantStatus(t, serve(h, notification(c.body(encoded)).request()), http.StatusNoContent)
					if err := readable(rec.take()); err != nil {
						t.Errorf("%s = %#v: %v", field, value, err)
					}
				}
			}
		})
	}
}

// readable says what is wrong with what was published for one event.
func readable(messages []published) error {
	if len(messages) != 1 {
		return fmt.Errorf("%d messages", len(messages))
	}
	e, err := event.Decode(messages[0].Message.Data)
	if err != nil {
		return err
	}
	if letter := messages[0].Topic == bus.DeadLetter; letter != (e.Type == event.TypeDeadLetter) {
		return fmt.Errorf("%s on %s", e.Type, messages[0].Topic)
	} else if letter {
		return nil
	}
	if !usableID(e.Identity.External.ID) {
		return fmt.Errorf("identity %q", e.Identity.External.ID)
	}
	for name, text := range map[string]string{"createdAt": e.ExternalEvent.CreatedAt, "observedAt": e.ExternalEvent.Metadata.Text("observedAt")} {
		if at, err := event.ParseTime(text); err != nil || event.FormatTime(at) != text {
			return fmt.Errorf("%s = %q", name, text)
		}
	}
	return nil
}

var numericID = regexp.MustCompile(`("(?:\w+_)?id": )"(\d+)"`)

// TestNumbersStandForIDs: the events are the same whether ids are sent as texts or
// as numbers.
func TestNumbersStandForIDs(t *testing.T) {
	t.Parallel()
	for _, c := range rowCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			numbers := numericID.ReplaceAll(c.Event, []byte("$1$2"))
			if string(numbers) == string(c.Event) {
				t.Fatal("the case has no id to replace")
			}
			var events [2]event.Object
			for i, data := range [][]byte{c.Event, numbers} {
				h, rec := newHandler(t)
				wantStatus(t, serve(h, notification(c.body(data)).request()), http.StatusNoContent)
				events[i] = onlyEvent(t, rec)
				delete(events[i].Object("externalEvent"), "rawPayload")
			}
			if diff := cmp.Diff(events[0], events[1]); diff != "" {
				t.Errorf("(-texts +numbers):\n%s", diff)
			}
		})
	}
}

// TestWhatIsNestedAsDeepAsAllowedIsPublished: readers can take it.
func TestWhatIsNestedAsDeepAsAllowedIsPublished(t *testing.T) {
	t.Parallel()
	e := generalEvent(t, `{"type":"x"}`, `{"user_id":"44","a":`+strings.Repeat("[", maxDepth)+strings.Repeat("]", maxDepth)+`}`)
	if !e.Object("externalEvent").Object("metadata").Has("a") {
		t.Errorf("event = %v", e)
	}
}

// TestMessageHasItsTextEvenWhenEmpty: readers expect it beside the id and the role.
func TestMessageHasItsTextEvenWhenEmpty(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, kind, event, id string }{
		{"a cheer with an empty message", "channel.cheer", `{"user_id":"44","message":""}`, event.NewID(messageID)},
		{"a cheer without message", "channel.cheer", `{"user_id":"44"}`, event.NewID(messageID)},
		{"a chat message with an empty text", "channel.chat.message", `{"chatter_user_id":"44","message_id":"m","message":{"text":""}}`, "m"},
		{"a chat message of another shape", "channel.chat.message", `{"chatter_user_id":"44","message_id":"m","message":"hi"}`, "m"},
		{"a chat message without an id", "channel.chat.message", `{"chatter_user_id":"44"}`, "eventsub-" + event.NewID(messageID)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := map[string]any{"id": tt.id, "role": "user", "text": ""}
			got := generalEvent(t, `{"type":"`+tt.kind+`"}`, tt.event)["message"]
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}
