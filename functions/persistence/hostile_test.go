package persistence

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// What outsiders may send is applied as far as it makes sense, and never stands in
// the way of what comes after it.
func TestOddEventsAreApplied(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 4000) + "1" + strings.Repeat("}", 4000)
	long := strings.Repeat("é", 300)
	tests := []struct {
		name  string
		body  string
		key   source.Key
		check func(*source.Document) bool
	}{
		{
			"an id with slashes", `{"type":"system.source.status","payload":{"platform":"slack","id":"a/b/../c","status":"ERROR"}}`,
			source.Key{Platform: "slack", ID: "a/b/../c"}, func(d *source.Document) bool { return d.ID == "a/b/../c" && d.Status == "ERROR" },
		},
		{
			"an id with a percent sign", `{"type":"system.source.status","payload":{"platform":"slack","id":"a%2Fb","status":"ERROR"}}`,
			source.Key{Platform: "slack", ID: "a%2Fb"}, func(d *source.Document) bool { return d.ID == "a%2Fb" },
		},
		{
			"an id of two dots", `{"type":"system.source.status","payload":{"platform":"slack","id":"..","status":"ERROR"}}`,
			source.Key{Platform: "slack", ID: ".."}, func(d *source.Document) bool { return d.ID == ".." },
		},
		{
			"an id of 512 bytes", `{"type":"system.source.status","payload":{"platform":"slack","id":"` + strings.Repeat("é", 256) + `","status":"ERROR"}}`,
			source.Key{Platform: "slack", ID: strings.Repeat("é", 256)}, func(d *source.Document) bool { return d.Status == "ERROR" },
		},
		{
			"numbers for texts", `{"type":"system.source.status","correlationId":7,"payload":{"platform":"kick","id":12345678901234567890,"status":"CONNECTED","displayName":5,"connector":6,"metadata":{"state":7}}}`,
			source.Key{Platform: "kick", ID: "12345678901234567890"}, func(d *source.Document) bool { return d.DisplayName == "5" && d.Connectors["6"].Status == "CONNECTED" },
		},
		{
			"texts for numbers", `{"type":"system.source.status","payload":{"platform":"slack","id":"a","status":"CONNECTED","latencyMs":"5","metrics":{"received":"6"},"viewerCount":"7"}}`,
			source.Key{Platform: "slack", ID: "a"}, func(d *source.Document) bool { return d.LatencyMs == nil && d.Status == "CONNECTED" },
		},
		{
			"everything of the wrong kind", `{"v":[],"type":"system.source.status","ingress":[],"identity":1,"egress":null,"externalEvent":"x","routing":[],"payload":{"platform":"slack","id":"a","status":"ERROR","lastError":[],"connector":{},"metrics":[],"metadata":5,"auth":5,"authStatus":[],"permissions":{},"roles":[],"tags":{}}}`,
			source.Key{Platform: "slack", ID: "a"}, func(d *source.Document) bool { return d.Status == "ERROR" },
		},
		{
			"deep nesting in the metadata", `{"type":"system.source.status","payload":{"platform":"slack","id":"a","status":"ERROR","metadata":{"x":` + deep + `,"y":1}}}`,
			source.Key{Platform: "slack", ID: "a"}, func(d *source.Document) bool { return len(encode(t, d)) < 2000 && d.Metadata["y"] == int64(1) },
		},
		{
			"deep nesting where nobody looks", `{"type":"system.source.status","extra":` + deep + `,"payload":{"platform":"slack","id":"a","status":"ERROR"}}`,
			source.Key{Platform: "slack", ID: "a"}, func(d *source.Document) bool { return d.Status == "ERROR" },
		},
		{
			"metadata keys that a store refuses", `{"type":"system.source.status","payload":{"platform":"slack","id":"a","status":"ERROR","metadata":{"":1,"__x__":2,"a.b":3,"a/b":4,"c\u0000":5,"ok":6}}}`,
			source.Key{Platform: "slack", ID: "a"}, func(d *source.Document) bool { return d.Metadata["ok"] == int64(6) },
		},
		{
			"control characters in the texts", `{"type":"system.source.status","correlationId":"a\u0000\nb","payload":{"platform":"slack","id":"a","status":"ERROR\n","displayName":"\u0007","connector":"\u0000","lastError":{"code":"\u0001","message":"\ud800"}}}`,
			source.Key{Platform: "slack", ID: "a"}, func(d *source.Document) bool { return d.LastError != nil },
		},
		{
			"a correlationId of 600 bytes", `{"type":"system.source.status","correlationId":"` + long + `","payload":{"platform":"slack","id":"a","status":"ERROR"}}`,
			source.Key{Platform: "slack", ID: "a"}, func(d *source.Document) bool { return d.Status == "ERROR" },
		},
		{
			"bytes that are no UTF-8", "{\"type\":\"system.source.status\",\"payload\":{\"platform\":\"slack\",\"id\":\"a\",\"status\":\"ERROR\",\"displayName\":\"\xff\xfe\"}}",
			source.Key{Platform: "slack", ID: "a"}, func(d *source.Document) bool { return d.DisplayName == "\ufffd\ufffd" },
		},
		{
			"a time without a zone", `{"type":"system.source.status","payload":{"platform":"slack","id":"a","status":"ERROR","observedAt":"2026-04-01T00:00:00"}}`,
			source.Key{Platform: "slack", ID: "a"}, func(d *source.Document) bool { return d.LastStatusUpdate.Equal(sent) },
		},
		{
			"a time in the year 9999", `{"type":"system.source.status","payload":{"platform":"slack","id":"a","status":"ERROR","observedAt":"9999-12-31T23:59:59Z"}}`,
			source.Key{Platform: "slack", ID: "a"}, func(d *source.Document) bool { return d.LastStatusUpdate.Equal(sent) },
		},
		{
			"a start in the year 9999", `{"type":"system.stream.online","payload":{"platform":"twitch","broadcasterId":"1","streamId":"9","startedAt":"9999-12-31T23:59:59Z"}}`,
			source.Key{Platform: "twitch", ID: "1"}, func(d *source.Document) bool { return d.Stream.StartedAt.Equal(sent) },
		},
		{
			"a time that is a number", `{"type":"system.source.status","payload":{"platform":"slack","id":"a","status":"ERROR","observedAt":1777636800}}`,
			source.Key{Platform: "slack", ID: "a"}, func(d *source.Document) bool { return d.LastStatusUpdate.Equal(sent) },
		},
		{
			"an authorization until the end of time", `{"type":"system.source.status","payload":{"platform":"slack","id":"a","authStatus":"VALID","auth":{"expiresAt":"9999-12-31T23:59:59Z"}}}`,
			source.Key{Platform: "slack", ID: "a"}, func(d *source.Document) bool { return d.Auth.ExpiresAt.Year() == 9999 },
		},
		{
			"an authorization past the end of time", `{"type":"system.source.status","payload":{"platform":"slack","id":"a","authStatus":"VALID","auth":{"expiresAt":"9999-12-31T23:59:59-01:00"}}}`,
			source.Key{Platform: "slack", ID: "a"}, func(d *source.Document) bool { return d.AuthStatus == "VALID" },
		},
		{
			"a time before all time", `{"type":"system.source.status","payload":{"platform":"slack","id":"a","status":"ERROR","observedAt":"0000-01-01T00:00:00+01:00"}}`,
			source.Key{Platform: "slack", ID: "a"}, func(d *source.Document) bool { return d.Status == "ERROR" },
		},
		{
			"a stream from before all time", `{"type":"system.stream.online","payload":{"platform":"twitch","broadcasterId":"1","streamId":"9","startedAt":"0000-01-01T00:00:00Z"}}`,
			source.Key{Platform: "twitch", ID: "1"}, func(d *source.Document) bool { return d.StreamStatus == "ONLINE" },
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.deliver(t, event.BusMessage{ID: "m-1", Data: []byte(test.body), PublishTime: sent}, http.StatusNoContent)
			if outcome := b.outcome(t); outcome != outcomeStored {
				t.Errorf("logged as %q", outcome)
			}
			d, err := b.store.Get(t.Context(), test.key)
			if err != nil {
				t.Fatal(err)
			}
			if !test.check(d) {
				t.Errorf("stored %s", encode(t, d.Public()))
			}
			if n := len(snapshot(t, b.store)); n != 1 {
				t.Errorf("%d documents", n)
			}
			// What follows is applied as if nothing had been.
			later := status(t, event.Object{"platform": test.key.Platform, "id": test.key.ID, "status": "DISCONNECTED", "connector": "late"})
			later.PublishTime = sent.Add(time.Hour)
			b.deliver(t, later, http.StatusNoContent)
			if outcome := b.outcome(t); outcome != outcomeStored {
				t.Errorf("what followed is logged as %q", outcome)
			}
		})
	}
}
