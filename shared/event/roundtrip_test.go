package event_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/event"
)

// parts are the objects of the envelope that have names of their own in this
// package, and the texts in each.
var parts = map[string][]string{
	"":              {"v", "type", "correlationId", "traceId"},
	"ingress":       {"ingressAt", "source", "connector", "channel"},
	"identity":      nil,
	"external":      {"id", "platform", "displayName"},
	"egress":        {"destination", "connector", "channel"},
	"externalEvent": {"id", "source", "kind", "version", "createdAt"},
	"payload":       nil,
	"rawPayload":    nil,
	"metadata":      nil,
	"message":       {"id", "role", "text"},
	"routing":       {"stage"},
}

// nested are the parts in each part.
var nested = map[string][]string{
	"":              {"ingress", "identity", "egress", "externalEvent", "payload", "message", "routing"},
	"identity":      {"external"},
	"external":      {"metadata"},
	"externalEvent": {"metadata", "payload", "rawPayload"},
}

// lists are the lists in each part.
var lists = map[string][]string{"routing": {"history", "slip"}}

// anything is a JSON value.
func anything(depth int) *rapid.Generator[any] {
	simple := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.String().AsAny(),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?`), func(text string) any { return json.Number(text) }),
	}
	if depth == 0 {
		return rapid.OneOf(simple...)
	}
	return rapid.OneOf(append(simple,
		rapid.SliceOfN(anything(depth-1), 0, 3).AsAny(),
		rapid.MapOfN(rapid.String(), anything(depth-1), 0, 3).AsAny(),
	)...)
}

// part is an object of the envelope: named texts, nested parts, lists, and
// fields that nobody knows. What has a name may have another type, but for a
// number in place of a text: that comes back as a text.
func part(t *rapid.T, name string) map[string]any {
	o := rapid.MapOfN(rapid.String(), anything(2), 0, 3).Draw(t, name+" unknown fields")
	for _, field := range parts[name] {
		switch rapid.IntRange(0, 3).Draw(t, name+"."+field) {
		case 0:
			o[field] = rapid.String().Draw(t, "text")
		case 1:
			o[field] = rapid.SampledFrom([]any{nil, true, []any{"x"}, map[string]any{"x": "y"}, ""}).Draw(t, "no text")
		default:
			delete(o, field)
		}
	}
	for _, field := range nested[name] {
		switch rapid.IntRange(0, 4).Draw(t, name+"."+field) {
		case 0:
			delete(o, field)
		case 1:
			o[field] = rapid.SampledFrom([]any{nil, true, []any{"x"}, json.Number("1"), "x"}).Draw(t, "no object")
		default:
			o[field] = part(t, field)
		}
	}
	for _, field := range lists[name] {
		switch rapid.IntRange(0, 3).Draw(t, name+"."+field) {
		case 0:
			o[field] = rapid.SampledFrom([]any{nil, true, "x", map[string]any{"x": "y"}, []any{}}).Draw(t, "no list")
		case 1:
			delete(o, field)
		default:
			o[field] = rapid.SliceOfN(anything(2), 0, 3).Draw(t, "list")
		}
	}
	return o
}

// bodies are the bodies of events.
func bodies() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		body, err := json.Marshal(part(t, ""))
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	})
}

// TestAnyBodyIsWrittenAsItWasRead: nothing is lost and nothing is added at any
// level, whatever publishers put there.
func TestAnyBodyIsWrittenAsItWasRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := []byte(bodies().Draw(t, "body"))
		e, err := event.Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(read(t, body), withoutDestination(read(t, body), read(t, got))); diff != "" {
			t.Fatalf("%s\n(-want +got):\n%s", body, diff)
		}
	})
}

func read(t *rapid.T, data []byte) event.Object {
	o, err := event.DecodeObject(data)
	if err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return o
}

// withoutDestination takes the one field back out that is added: the empty
// egress.destination beside a connector.
func withoutDestination(sent, written event.Object) event.Object {
	if egress := written.Object("egress"); egress != nil && !sent.Object("egress").Has("destination") && egress["destination"] == "" {
		delete(egress, "destination")
	}
	return written
}
