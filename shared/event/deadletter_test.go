package event_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/event"
)

// rejected is a message of a body that persistence refuses.
func rejected(body string) event.Rejected {
	return event.Rejected{
		Message: event.BusMessage{
			Data: []byte(body), Attributes: event.Attributes{"type": "t", "source": "s"}, ID: "m-1", PublishTime: published,
		},
		Reason: "no_identity", Error: "no id in it", By: "persistence",
		At: time.Date(2026, 5, 1, 12, 0, 9, 999_999_999, time.UTC),
	}
}

// letterOf is a dead letter as its readers see it, without payload.original.
func letterOf(t testing.TB, r event.Rejected) event.Object {
	t.Helper()
	letter, err := r.DeadLetter()
	if err != nil {
		t.Fatal(err)
	}
	o := object(t, encoded(t, letter))
	delete(o.Object("payload"), "original")
	return o
}

func TestDeadLetter(t *testing.T) {
	t.Parallel()
	const (
		ownIngress  = `{"ingressAt":"2026-05-01T12:00:09.999Z","source":"persistence","connector":"system"}`
		ownIdentity = `{"external":{"id":"unknown","platform":"system"}}`
		ownRouting  = `{"stage":"initial","slip":[],"history":[]}`
	)
	letter := func(id, ingress, identity, egress, routing, kind, source, preview string) string {
		return `{"v":"2","type":"router.deadletter.v1","correlationId":"` + id + `","ingress":` + ingress + `,"identity":` + identity +
			`,"egress":` + egress + `,"routing":` + routing + `,"payload":{"reason":"no_identity","error":{"code":"invalid","message":"no id in it"},` +
			`"lastStepId":"persistence","originalType":"` + kind + `","slipSummary":"[]","originalPayloadPreview":` + preview +
			`,"egressSource":"` + source + `","metadata":{}}}`
	}
	hash := "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	for _, tt := range []struct{ name, body, want string }{
		{
			"the outer fields are the original's",
			`{"v":"2","type":"system.source.status","correlationId":"c",
				"ingress":{"ingressAt":"2026-05-01T12:00:00.000Z","source":"ingress.slack","connector":"system","node":1},
				"identity":{"external":{"id":"9","platform":"slack"},"user":{"id":"u"}},
				"egress":{"destination":"d","connector":"system","type":"chat"},
				"routing":{"stage":"reaction","slip":["s"],"history":[]},"payload":{"status":"ERROR"}}`,
			letter("c", `{"ingressAt":"2026-05-01T12:00:00.000Z","source":"ingress.slack","connector":"system","node":1}`,
				`{"external":{"id":"9","platform":"slack"},"user":{"id":"u"}}`, `{"destination":"d","connector":"system","type":"chat"}`,
				`{"stage":"reaction","slip":["s"],"history":[]}`, "system.source.status", "ingress.slack", `{"status":"ERROR"}`),
		},
		{
			"an egress with an empty destination is the original's, too",
			`{"correlationId":"c","egress":{"destination":"","connector":"system"},"payload":{}}`,
			letter("c", ownIngress, ownIdentity, `{"destination":"","connector":"system"}`, ownRouting, "t", "s", `{}`),
		},
		{
			"what the original lacks is our own",
			`{}`,
			letter(hash, ownIngress, ownIdentity, `{"destination":"deadletter"}`, ownRouting, "t", "s", `"{}"`),
		},
		{
			"what the original has in vain does not stand beside it",
			`{"correlationId":"c","ingress":{"source":null},"identity":{"external":"x"},"egress":{"destination":null},"routing":1,"payload":null}`,
			letter("c", ownIngress, ownIdentity, `{"destination":"deadletter"}`, ownRouting, "t", "s",
				`"{\"correlationId\":\"c\",\"ingress\":{\"source\":null},\"identity\":{\"external\":\"x\"},\"egress\":{\"destination\":null},\"routing\":1,\"payload\":null}"`),
		},
		{
			"an identity without an id is none, and what stands beside it stays",
			`{"correlationId":"c","identity":{"external":{"platform":"slack"},"auth":{"a":"b"}},"payload":{}}`,
			letter("c", ownIngress, `{"external":{"id":"unknown","platform":"system"},"auth":{"a":"b"}}`,
				`{"destination":"deadletter"}`, ownRouting, "t", "s", `{}`),
		},
		{
			"a root correlationId is made where there is none",
			"no JSON",
			letter("29ecbeb830e3244605e5a88493e4088424a71780e5cf59bb3475f278f294335b", ownIngress, ownIdentity, `{"destination":"deadletter"}`, ownRouting, "t", "s", `"no JSON"`),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(object(t, tt.want), letterOf(t, rejected(tt.body))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("the correlationId of the attributes is the event's", func(t *testing.T) {
		t.Parallel()
		r := rejected("no JSON")
		r.Message.Attributes = event.Attributes{"CORRELATIONID": "c"}
		if got := letterOf(t, r).Text("correlationId"); got != "c" {
			t.Errorf("correlationId = %q", got)
		}
	})
	t.Run("the traceId is the original's", func(t *testing.T) {
		t.Parallel()
		if got := letterOf(t, rejected(`{"traceId":"t-1"}`)).Text("traceId"); got != "t-1" {
			t.Errorf("traceId = %q", got)
		}
	})
}

func TestPreviewOfADeadLetter(t *testing.T) {
	t.Parallel()
	const frame = len(`{"a":""}`)
	truncated := func(length int) any {
		return map[string]any{"truncated": true, "length": json.Number(fmt.Sprint(length))}
	}
	for _, tt := range []struct {
		name, body string
		want       any
	}{
		{"a short payload", `{"payload":{"a":[1]}}`, map[string]any{"a": []any{json.Number("1")}}},
		{"a payload of 1000 characters", `{"payload":{"a":"` + strings.Repeat("é", 1000-frame) + `"}}`,
			map[string]any{"a": strings.Repeat("é", 1000-frame)}},
		{"a payload of 1001 characters", `{"payload":{"a":"` + strings.Repeat("x", 1001-frame) + `"}}`, truncated(1001)},
		{"a body without payload of 1001 characters", `{"a":"` + strings.Repeat("x", 1001-frame) + `"}`, truncated(1001)},
		{"no JSON of 1000 characters", strings.Repeat("x", 1000), strings.Repeat("x", 1000)},
		{"no JSON of 1001 characters", strings.Repeat("x", 1001), truncated(1001)},
		{"bytes that are no text", "\xffx", "\ufffdx"},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := letterOf(t, rejected(tt.body)).Object("payload")["originalPayloadPreview"]
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDeadLettersCanBeSentBack: whatever was refused, the letter holds all of it
// and can be read.
func TestDeadLettersCanBeSentBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := event.BusMessage{
			Data:        []byte(rapid.OneOf(rapid.String(), bodies()).Draw(t, "body")),
			Attributes:  rapid.MapOfN(rapid.String(), rapid.String(), 1, 3).Draw(t, "attributes"),
			ID:          rapid.String().Draw(t, "id"),
			PublishTime: published,
		}
		letter, err := event.Rejected{Message: want, Reason: "r", Error: "e", By: "f", At: published}.DeadLetter()
		if err != nil {
			t.Fatal(err)
		}
		m, err := letter.BusMessage()
		if err != nil {
			t.Fatal(err)
		}
		read, err := event.Receive(m)
		if err != nil {
			t.Fatal(err)
		}
		if read.Type() != event.TypeDeadLetter || read.CorrelationID == "" || read.Identity.External.ID == "" || read.Ingress.Source == "" {
			t.Fatalf("letter = %s", m.Data)
		}
		original, err := base64.StdEncoding.DecodeString(read.Payload.Text("original"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.DecodePush([]byte(`{"message":` + string(original) + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if len(want.Data) == 0 {
			want.Data, got.Data = nil, nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}
