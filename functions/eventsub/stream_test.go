package eventsub

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/google/uuid"
	"github.com/sourcestate/sourcestate/shared/bus"

	"github.com/sourcestate/sourcestate/shared/event"
)

func number(text string) json.Number { return json.Number(text) }

func onlineOf(fields string) webhook {
	return notification(`{"subscription":{"type":"stream.online","version":"1"},"event":{` + fields + `}}`)
}

func TestEventTimeOfAnOnline(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, retry, started, want string }{
		{"sent for the first time", "0", "2026-05-01T11:00:00.5555Z", sentAt},
		{"no retry header", "", "2026-05-01T11:00:00Z", sentAt},
		{"a retry header that is no number", "x", "2026-05-01T11:00:00Z", sentAt},
		{"sent again: its start", "1", "2026-05-01T11:00:00.5555Z", "2026-05-01T11:00:00.555Z"},
		{"sent again without a start", "1", "", sentAt},
		{"sent again with an unreadable start", "1", "2026-05-01T11:00:00", sentAt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, rec := newHandler(t)
			m := onlineOf(`"id":"9001","broadcaster_user_id":"1337","started_at":"` + tt.started + `"`)
			m.retry = tt.retry
			wantStatus(t, serve(h, m.request()), http.StatusNoContent)
			if got := onlyEvent(t, rec).Object("externalEvent").Object("metadata").Text("observedAt"); got != tt.want {
				t.Errorf("observedAt = %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("an offline sent again keeps its own", func(t *testing.T) {
		t.Parallel()
		h, rec := newHandler(t)
		m := notification(offlineBody)
		m.retry = "3"
		wantStatus(t, serve(h, m.request()), http.StatusNoContent)
		if got := onlyEvent(t, rec).Object("externalEvent").Object("metadata").Text("observedAt"); got != sentAt {
			t.Errorf("observedAt = %q, want %q", got, sentAt)
		}
	})
}

func TestOddOnlines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("9", 600)
	for _, tt := range []struct {
		name, event         string
		id, created, source string
		metadata            map[string]any
	}{
		{
			"numbers for ids", `"id":9001,"broadcaster_user_id":13370000000000000001,"type":"live","started_at":"2026-05-01T12:00:00Z"`,
			"9001", "2026-05-01T12:00:00.000Z", "13370000000000000001",
			map[string]any{"broadcasterId": "13370000000000000001", "streamId": "9001", "type": "live", "startedAt": "2026-05-01T12:00:00.000Z", "observedAt": sentAt},
		},
		{
			"without an id nothing stands where one would be read", `"broadcaster_user_id":"1337","started_at":"2026-05-01T12:00:00Z"`,
			"", "2026-05-01T12:00:00.000Z", "1337",
			map[string]any{"broadcasterId": "1337", "startedAt": "2026-05-01T12:00:00.000Z", "observedAt": sentAt},
		},
		{
			"without a start the message's time stands for it", `"id":"9001","broadcaster_user_id":"1337","title":"Hello"`,
			"9001", sentAt, "1337",
			map[string]any{"broadcasterId": "1337", "streamId": "9001", "title": "Hello", "startedAt": sentAt, "observedAt": sentAt},
		},
		{
			"a start without zone counts as absent", `"id":"9001","broadcaster_user_id":"1337","started_at":"2026-05-01T12:00:00"`,
			"9001", sentAt, "1337",
			map[string]any{"broadcasterId": "1337", "streamId": "9001", "startedAt": sentAt, "observedAt": sentAt},
		},
		{
			"an empty start counts as absent", `"id":"9001","broadcaster_user_id":"1337","started_at":""`,
			"9001", sentAt, "1337",
			map[string]any{"broadcasterId": "1337", "streamId": "9001", "startedAt": sentAt, "observedAt": sentAt},
		},
		{
			"a start that is a number counts as absent", `"id":"9001","broadcaster_user_id":"1337","started_at":1777636800`,
			"9001", sentAt, "1337",
			map[string]any{"broadcasterId": "1337", "streamId": "9001", "startedAt": sentAt, "observedAt": sentAt},
		},
		{
			"a start that its offset moves to the year 10000", `"id":"9001","broadcaster_user_id":"1337","started_at":"9999-12-31T23:00:00-01:00"`,
			"9001", sentAt, "1337",
			map[string]any{"broadcasterId": "1337", "streamId": "9001", "startedAt": sentAt, "observedAt": sentAt},
		},
		{
			"a start in the year 9999", `"id":"9001","broadcaster_user_id":"1337","started_at":"9999-12-31T23:59:59Z"`,
			"9001", "9999-12-31T23:59:59.000Z", "1337",
			map[string]any{"broadcasterId": "1337", "streamId": "9001", "startedAt": "9999-12-31T23:59:59.000Z", "observedAt": sentAt},
		},
		{
			"a stream id that no reader takes is passed on", `"id":"` + long + `\u0000","broadcaster_user_id":"1337"`,
			long + "\x00", sentAt, "1337",
			map[string]any{"broadcasterId": "1337", "streamId": long + "\x00", "startedAt": sentAt, "observedAt": sentAt},
		},
		{
			"ids with slashes", `"id":"9/1","broadcaster_user_id":"13/37"`,
			"9/1", sentAt, "13/37",
			map[string]any{"broadcasterId": "13/37", "streamId": "9/1", "startedAt": sentAt, "observedAt": sentAt},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, rec := newHandler(t)
			wantStatus(t, serve(h, onlineOf(tt.event).request()), http.StatusNoContent)
			e := onlyEvent(t, rec)
			x := e.Object("externalEvent")
			if x.Text("id") != tt.id || x.Text("createdAt") != tt.created {
				t.Errorf("id %q, createdAt %q; want %q, %q", x.Text("id"), x.Text("createdAt"), tt.id, tt.created)
			}
			if got := e.Object("identity").Object("external").Text("id"); got != tt.source {
				t.Errorf("identity.external.id = %q, want %q", got, tt.source)
			}
			if diff := cmp.Diff(tt.metadata, x["metadata"]); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChannelUpdateOfVersion1(t *testing.T) {
	t.Parallel()
	e := generalEvent(t, `{"type":"channel.update","version":"1"}`, `{"broadcaster_user_id":"1337","title":"x","is_mature":true}`)
	x := e.Object("externalEvent")
	want := map[string]any{"broadcasterId": "1337", "title": "x", "isMature": true, "observedAt": sentAt}
	if diff := cmp.Diff(want, x["metadata"]); diff != "" || x.Text("version") != "1" {
		t.Errorf("version %q, metadata (-want +got):\n%s", x.Text("version"), diff)
	}
}

func TestBatchIsOneMessageAnEntry(t *testing.T) {
	t.Parallel()
	h, rec := newHandler(t)
	m := notification(`{"subscription":{"type":"drop.entitlement.grant","version":"1","condition":{"organization_id":"9"}},` +
		`"events":[{"id":"a","data":{"user_id":"1"}},{"id":2,"data":{"user_id":"2"}},{"data":{"user_id":"3"}}]}`)
	wantStatus(t, serve(h, m.request()), http.StatusNoContent)
	var got [][2]string
	for _, p := range rec.take() {
		e := object(t, p.Message.Data)
		got = append(got, [2]string{e.Text("correlationId"), e.Object("identity").Object("external").Text("id")})
	}
	want := [][2]string{
		{event.NewID(messageID + "/a"), "1"},
		{event.NewID(messageID + "/2"), "2"},
		{event.NewID(messageID + "/#2"), "3"}, // without an id: its place
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBatchWithABadEntryKeepsTheGoodOnes(t *testing.T) {
	t.Parallel()
	h, rec := newHandler(t)
	m := notification(`{"subscription":{"type":"channel.follow"},"events":[` +
		`{"id":"a","data":{"user_id":"1"}},null,{"id":"c","data":{}},{"id":"d"},{"id":"e","data":{"user_id":"5"}}]}`)
	wantStatus(t, serve(h, m.request()), http.StatusNoContent)
	var topics, reasons []string
	for _, p := range rec.take() {
		topics = append(topics, p.Topic)
		if p.Topic == bus.DeadLetter {
			reasons = append(reasons, object(t, p.Message.Data).Object("payload").Text("reason"))
		}
	}
	if diff := cmp.Diff([]string{bus.Ingress, bus.Ingress, bus.DeadLetter}, topics); diff != "" {
		t.Errorf("topics (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{reasonIncomplete}, reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	// All of it is kept, so all of it is remembered.
	wantStatus(t, serve(h, m.request()), http.StatusNoContent)
	if messages := rec.take(); len(messages) != 0 {
		t.Errorf("published %+v", messages)
	}
}

func TestLongMessageIDIsTaken(t *testing.T) {
	t.Parallel()
	h, rec := newHandler(t)
	m := notification(offlineBody)
	m.id = strings.Repeat("x/", 300)
	wantStatus(t, serve(h, m.request()), http.StatusNoContent)
	if got, want := onlyEvent(t, rec).Text("correlationId"), event.NewID(m.id); got != want {
		t.Errorf("correlationId = %q, want %q", got, want)
	}
}

func TestMemoryForgetsTheOldest(t *testing.T) {
	t.Parallel()
	var m memory
	id := func(i int) uuid.UUID { return uuid.UUID{byte(i >> 8), byte(i)} }
	for i := range remembered + 5 {
		m.add(id(i))
		m.add(id(i))
	}
	for i, want := range map[int]bool{0: false, 4: false, 5: true, remembered + 4: true} {
		if got := m.has(id(i)); got != want {
			t.Errorf("has(%d) = %t, want %t", i, got, want)
		}
	}
	if len(m.known) != remembered || len(m.order) != remembered {
		t.Errorf("%d and %d entries, want %d", len(m.known), len(m.order), remembered)
	}
}
