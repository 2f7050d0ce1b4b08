package eventsub

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

// TestDeadLetters: what is signed and can never succeed is kept and acknowledged.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	typed := func(kind, event string) string {
		encoded, err := json.Marshal(kind)
		if err != nil {
			t.Fatal(err)
		}
		return `{"subscription":{"type":` + string(encoded) + `},"event":` + event + `}`
	}
	long := strings.Repeat("1", 600)
	for _, tt := range []struct{ name, kind, body, reason string }{
		{"nothing", twitch.MessageNotification, "", reasonNotJSON},
		{"no JSON", twitch.MessageNotification, "event=1", reasonNotJSON},
		{"no UTF-8", twitch.MessageNotification, "\xff\xfe", reasonNotJSON},
		{"JSON that is cut off", twitch.MessageNotification, offlineBody[:80], reasonNotJSON},
		{"something behind the JSON", twitch.MessageNotification, offlineBody + "}", reasonNotJSON},
		{"a list", twitch.MessageNotification, "[" + offlineBody + "]", reasonNotJSON},
		{"null", twitch.MessageNotification, "null", reasonNotJSON},
		{"a number", twitch.MessageNotification, "1", reasonNotJSON},
		{"100,000 brackets", twitch.MessageNotification, strings.Repeat("[", 100_000), reasonNotJSON},
		{"100,000 brackets and their ends", twitch.MessageNotification,
			typed("x", `{"a":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`}`), reasonNotJSON},
		{"nested as deep as can just be read", twitch.MessageNotification,
			typed("x", `{"a":`+strings.Repeat("[", 9_990)+strings.Repeat("]", 9_990)+`}`), reasonTooDeep},
		{"a batch with an entry nested too deep", twitch.MessageNotification,
			`{"subscription":{"type":"x"},"events":[{"id":"a","data":{"a":` + strings.Repeat("[", 1_001) + strings.Repeat("]", 1_001) + `}}]}`, reasonTooDeep},
		{"a revocation with a condition nested too deep", twitch.MessageRevocation,
			`{"subscription":{"condition":{"broadcaster_user_id":"1337","a":` + strings.Repeat("[", 1_001) + strings.Repeat("]", 1_001) + `}}}`, reasonTooDeep},
		{"events that are no list", twitch.MessageNotification, `{"subscription":{"type":"drop.entitlement.grant"},"events":{"id":"a","data":{}}}`, reasonIncomplete},
		{"a batch of what is no entry", twitch.MessageNotification, `{"subscription":{"type":"drop.entitlement.grant"},"events":[1,"a",null,[]]}`, reasonIncomplete},
		{"a revocation that came as a notification", twitch.MessageNotification,
			`{"subscription":{"type":"stream.online","status":"authorization_revoked","condition":{"broadcaster_user_id":"1337"}}}`, reasonIncomplete},
		{"neither event nor events", twitch.MessageNotification, `{"subscription":{"type":"stream.online","status":"user_removed"}}`, reasonIncomplete},
		{"a null event", twitch.MessageNotification, typed("stream.online", "null"), reasonIncomplete},
		{"an event that is no object", twitch.MessageNotification, typed("stream.online", "[1]"), reasonIncomplete},
		{"an empty batch", twitch.MessageNotification, `{"subscription":{"type":"drop.entitlement.grant"},"events":[]}`, reasonIncomplete},
		{"no subscription type", twitch.MessageNotification, `{"event":{"broadcaster_user_id":"1337"}}`, reasonNoType},
		{"a type over 100 characters", twitch.MessageNotification, typed(strings.Repeat("x", 101), "{}"), reasonNoType},
		{"a type with odd characters", twitch.MessageNotification, typed("channel.ban\n", "{}"), reasonNoType},
		{"a type with a slash", twitch.MessageNotification, typed("channel/ban", "{}"), reasonNoType},
		{"a type that is not ASCII", twitch.MessageNotification, typed("channel.bän", "{}"), reasonNoType},
		{"a type that is a prefix alone", twitch.MessageNotification, typed("channel.", "{}"), reasonNoType},
		{"a type with an empty part", twitch.MessageNotification, typed("channel..ban", "{}"), reasonNoType},
		{"an online of nobody", twitch.MessageNotification, typed("stream.online", `{"id":"9001"}`), reasonNoIdentity},
		{"an online of an empty id", twitch.MessageNotification, typed("stream.online", `{"id":"9001","broadcaster_user_id":""}`), reasonNoIdentity},
		{"an online of null", twitch.MessageNotification, typed("stream.online", `{"id":"9001","broadcaster_user_id":null}`), reasonNoIdentity},
		{"an online of an object", twitch.MessageNotification, typed("stream.online", `{"id":"9001","broadcaster_user_id":{}}`), reasonNoIdentity},
		{"an online of 600 characters", twitch.MessageNotification, typed("stream.online", `{"broadcaster_user_id":"`+long+`"}`), reasonNoIdentity},
		{"an online of control characters", twitch.MessageNotification, typed("stream.online", `{"broadcaster_user_id":"1\u0000"}`), reasonNoIdentity},
		{"an offline of nobody", twitch.MessageNotification, typed("stream.offline", `{}`), reasonNoIdentity},
		{"an update of nobody", twitch.MessageNotification, typed("channel.update", `{"title":"x"}`), reasonNoIdentity},
		{"a grant of nobody", twitch.MessageNotification, typed("user.authorization.grant", `{"client_id":"c"}`), reasonNoIdentity},
		{"a grant of 600 characters", twitch.MessageNotification, typed("user.authorization.grant", `{"user_id":"`+long+`"}`), reasonNoIdentity},
		{"a revoke of null", twitch.MessageNotification, typed("user.authorization.revoke", `{"client_id":"c","user_id":null}`), reasonNoIdentity},
		{"a role of the bot in 600 characters", twitch.MessageNotification,
			typed("channel.vip.add", `{"user_id":"555","broadcaster_user_id":"`+long+`"}`), reasonNoIdentity},
		{"a role of the bot nowhere", twitch.MessageNotification, typed("channel.moderator.add", `{"user_id":"555"}`), reasonNoIdentity},
		{"a verification without challenge", twitch.MessageVerification, `{"subscription":{"type":"stream.online"}}`, reasonIncomplete},
		{"a verification with an empty challenge", twitch.MessageVerification, `{"challenge":""}`, reasonIncomplete},
		{"a verification that is no JSON", twitch.MessageVerification, `c0ffee`, reasonNotJSON},
		{"a revocation without subscription", twitch.MessageRevocation, `{"event":{}}`, reasonIncomplete},
		{"a revocation that is no object", twitch.MessageRevocation, `"authorization_revoked"`, reasonNotJSON},
		{"a revocation for 600 characters", twitch.MessageRevocation,
			`{"subscription":{"type":"x","condition":{"broadcaster_user_id":"` + long + `"}}}`, reasonNoIdentity},
		{"a revocation for control characters", twitch.MessageRevocation,
			`{"subscription":{"type":"x","condition":{"broadcaster_user_id":"\u0007"}}}`, reasonNoIdentity},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, rec := newHandler(t)
			m := notification(tt.body)
			m.kind = tt.kind
			answer := serve(h, m.request())
			wantStatus(t, answer, http.StatusNoContent)
			if body := text(t, answer); body != "" {
				t.Errorf("body = %q", body)
			}
			if got := onlyLetter(t, rec).Text("reason"); got != tt.reason {
				t.Errorf("reason = %q, want %q", got, tt.reason)
			}
		})
	}
}

func TestDeadLetterHoldsTheWholeMessage(t *testing.T) {
	t.Parallel()
	h, rec := newHandler(t)
	m := notification("no JSON \xff")
	m.retry = "2"
	r := m.request()
	r.Header.Set(twitch.HeaderSubscriptionType, "stream.online")
	wantStatus(t, serve(h, r), http.StatusNoContent)

	messages := rec.take()
	if len(messages) != 1 || messages[0].Topic != bus.DeadLetter {
		t.Fatalf("published %+v", messages)
	}
	letter := object(t, messages[0].Message.Data)
	attributes := event.Attributes{
		"type": event.TypeDeadLetter, "source": "eventsub", "platform": "system",
		"correlationId": event.NewID(messageID), "idempotencyKey": event.NewID(messageID),
	}
	if diff := cmp.Diff(attributes, messages[0].Message.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	payload := letter.Object("payload")
	encoded, err := base64.StdEncoding.DecodeString(payload.Text("original"))
	if err != nil {
		t.Fatal(err)
	}
	delete(payload, "original")
	delete(payload.Object("error"), "message")
	want := event.Object{
		"reason": reasonNotJSON, "error": map[string]any{"code": "invalid"}, "lastStepId": "eventsub",
		"originalType": "stream.online", "slipSummary": "[]", "originalPayloadPreview": "no JSON \ufffd",
		"egressSource": "", "metadata": map[string]any{},
	}
	if diff := cmp.Diff(want, payload); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	original, err := event.DecodePush([]byte(`{"message":` + string(encoded) + `}`))
	if err != nil {
		t.Fatal(err)
	}
	wantOriginal := event.BusMessage{
		Data: []byte(m.body),
		Attributes: event.Attributes{
			twitch.HeaderID: messageID, twitch.HeaderTimestamp: timestamp, twitch.HeaderRetry: "2",
			twitch.HeaderType: twitch.MessageNotification, twitch.HeaderSubscriptionType: "stream.online",
		},
	}
	if diff := cmp.Diff(wantOriginal, original); diff != "" {
		t.Errorf("original (-want +got):\n%s", diff)
	}
}
