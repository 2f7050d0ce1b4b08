package source_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
)

type fields = map[string]any

// say is an event of twitch:1 at a time of the day. The event id is the time,
// unless the body names one.
func say(t *testing.T, kind, clock string, body fields) event.BusMessage {
	t.Helper()
	when := at(clock)
	id := clock
	full := fields{"platform": "twitch", "id": "1", "broadcasterId": "1", "observedAt": event.FormatTime(when)}
	for name, value := range body {
		full[name] = value
	}
	if named, ok := full["eventId"].(string); ok {
		id = named
		delete(full, "eventId")
	}
	data, err := json.Marshal(fields{
		"type": kind, "correlationId": id, "payload": full, "ingress": fields{"source": "ingress.twitch"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return event.BusMessage{Data: data, PublishTime: when}
}

// A rule is told as events in the order of their delivery, the document they
// must give, and what its history must be: "facet from>to at".
func TestRulesOfTheMerge(t *testing.T) {
	const (
		status  = event.TypeSourceStatus
		online  = event.TypeStreamOnline
		offline = event.TypeStreamOffline
		update  = event.TypeStreamUpdate
	)
	type told struct {
		kind, clock string
		body        fields
	}
	for name, rule := range map[string]struct {
		events  []told
		want    fields
		history []string
	}{
		"the greater event id wins at one instant": {
			events: []told{
				{status, "12:00:00", fields{"eventId": "b", "status": "ERROR"}},
				{status, "12:00:00", fields{"eventId": "a", "status": "CONNECTED"}},
			},
			want:    fields{"status": "ERROR"},
			history: []string{"status >CONNECTED 12:00:00", "status CONNECTED>ERROR 12:00:00"},
		},
		"a late event takes its place in the history": {
			events: []told{
				{status, "12:00:00", fields{"status": "CONNECTED"}},
				{status, "12:20:00", fields{"status": "CONNECTED"}},
				{status, "12:10:00", fields{"status": "ERROR"}},
			},
			want: fields{"status": "CONNECTED", "lastStatusUpdate": "2026-05-01T12:20:00.000Z"},
			history: []string{
				"status >CONNECTED 12:00:00", "status CONNECTED>ERROR 12:10:00", "status ERROR>CONNECTED 12:20:00",
			},
		},
		"a late event removes the entry that it makes needless": {
			events: []told{
				{status, "12:00:00", fields{"status": "CONNECTED"}},
				{status, "12:20:00", fields{"status": "ERROR"}},
				{status, "12:10:00", fields{"status": "ERROR"}},
			},
			want:    fields{"status": "ERROR"},
			history: []string{"status >CONNECTED 12:00:00", "status CONNECTED>ERROR 12:10:00"},
		},
		"a connector counts for a day after its last word": {
			events: []told{
				{status, "00:00:00", fields{"connector": "irc", "status": "ERROR"}},
				{status, "23:00:00", fields{"connector": "eventsub", "status": "CONNECTED"}},
				{status, "23:59:59", fields{"connector": "eventsub", "status": "CONNECTED"}},
			},
			want: fields{"status": "ERROR", "lastStatusUpdate": "2026-05-01T00:00:00.000Z"},
		},
		"only its own connector clears an error": {
			events: []told{
				{status, "12:00:00", fields{"connector": "irc", "status": "ERROR", "lastError": "old"}},
				{status, "12:01:00", fields{"connector": "eventsub", "status": "ERROR", "lastError": "new"}},
				{status, "12:02:00", fields{"connector": "eventsub", "status": "CONNECTED", "lastError": nil}},
			},
			want: fields{"lastError": fields{"message": "old", "at": "2026-05-01T12:00:00.000Z"}},
		},
		"an older null clears nothing": {
			events: []told{
				{status, "12:01:00", fields{"lastError": fields{"code": "c"}}},
				{status, "12:00:00", fields{"lastError": nil}},
			},
			want: fields{"lastError": fields{"code": "c"}},
		},
		"VALID without auth does not heal a revocation": {
			events: []told{
				{status, "12:00:00", fields{"authStatus": "REVOKED", "auth": fields{"reason": "gone"}}},
				{status, "12:01:00", fields{"authStatus": "VALID"}},
			},
			want:    fields{"authStatus": "REVOKED", "auth": fields{"reason": "gone", "at": "2026-05-01T12:00:00.000Z"}},
			history: []string{"authStatus >REVOKED 12:00:00"},
		},
		"an authorization that is about to expire is told once": {
			events: []told{
				{status, "12:00:00", fields{"authStatus": "VALID", "auth": fields{"reason": "validated"}}},
				{status, "12:01:00", fields{"authStatus": "VALID", "auth": fields{"reason": "expiring"}}},
				{status, "12:02:00", fields{"authStatus": "VALID", "auth": fields{"reason": "expiring"}}},
				{status, "12:03:00", fields{"authStatus": "VALID", "auth": fields{"reason": "validated"}}},
			},
			want: fields{"authStatus": "VALID"},
			history: []string{
				"authStatus >VALID 12:00:00", "authStatus VALID>VALID 12:01:00", "authStatus VALID>VALID 12:03:00",
			},
		},
		"the end of an older stream, heard late, does not end the current one": {
			events: []told{
				{online, "12:00:00", fields{"streamId": "a"}},
				{online, "13:00:00", fields{"streamId": "b"}},
				{offline, "13:30:00", fields{"streamId": "a"}},
				{offline, "14:00:00", fields{"streamId": "b"}},
			},
			want:    fields{"streamStatus": "OFFLINE", "stream": fields{"id": "b", "endedAt": "2026-05-01T14:00:00.000Z"}},
			history: []string{"streamStatus >ONLINE 12:00:00", "streamStatus ONLINE>OFFLINE 14:00:00"},
		},
		"a number that nothing can hold is left out": {
			events: []told{{status, "12:00:00", fields{
				"status": "CONNECTED", "metadata": fields{"x": json.Number("1e400"), "y": []any{json.Number("-1e999"), 1}},
			}}},
			want:    fields{"metadata": fields{"x": nil, "y": []any{1.0}}},
			history: []string{"status >CONNECTED 12:00:00"},
		},
		"a lastHeartbeat among the counters is no counter": {
			events:  []told{{status, "12:00:00", fields{"status": "CONNECTED", "metrics": fields{"lastHeartbeat": 5, "errors": 1}}}},
			want:    fields{"metrics": fields{"errors": 1.0, "lastHeartbeat": "2026-05-01T12:00:00.000Z"}},
			history: []string{"status >CONNECTED 12:00:00"},
		},
		"VALID with auth replaces all of it": {
			events: []told{
				{status, "12:00:00", fields{"authStatus": "EXPIRED", "auth": fields{"reason": "old"}}},
				{status, "12:01:00", fields{"authStatus": "VALID", "auth": fields{"scopes": []string{"a"}}}},
			},
			want: fields{"authStatus": "VALID", "auth": fields{"reason": nil, "scopes": []any{"a"}}},
		},
		"permissions state all roles, roles only the named": {
			events: []told{
				{status, "12:00:00", fields{"permissions": []string{"MODERATOR", "VIP"}}},
				{status, "12:01:00", fields{"roles": fields{"VIP": false}}},
			},
			want:    fields{"permissions": []any{"MODERATOR"}},
			history: []string{"permissions >MODERATOR,VIP 12:00:00", "permissions MODERATOR,VIP>MODERATOR 12:01:00"},
		},
		"no role is known to be none": {
			events:  []told{{status, "12:00:00", fields{"permissions": []string{}}}},
			want:    fields{"permissions": []any{}},
			history: []string{"permissions > 12:00:00"},
		},
		"at equal times offline wins": {
			events: []told{
				{online, "12:00:00", fields{"streamId": "s", "startedAt": "2026-05-01T11:00:00Z"}},
				{offline, "12:30:00", fields{"streamId": "s", "eventId": "a"}},
				{online, "12:30:00", fields{"streamId": "s", "startedAt": "2026-05-01T11:00:00Z", "eventId": "b"}},
			},
			want: fields{"streamStatus": "OFFLINE", "stream": fields{"endedAt": "2026-05-01T12:30:00.000Z"}},
		},
		"an offline without an id ends a stream that started at that instant": {
			events: []told{
				{online, "12:00:00", fields{"streamId": "s", "startedAt": "2026-05-01T12:00:00Z"}},
				{offline, "12:00:00", nil},
			},
			want: fields{"streamStatus": "OFFLINE"},
		},
		"an offline of a stream unheard of leaves the current one": {
			events: []told{
				{online, "12:00:00", fields{"streamId": "s1"}},
				{offline, "12:30:00", fields{"streamId": "s2"}},
			},
			want: fields{"streamStatus": "ONLINE", "stream": fields{"id": "s1"}},
		},
		"the end is the first offline after the newest online": {
			events: []told{
				{online, "12:00:00", fields{"streamId": "s"}},
				{offline, "12:40:00", fields{"streamId": "s"}},
				{offline, "12:30:00", nil},
			},
			want: fields{
				"lastStreamUpdate": "2026-05-01T12:40:00.000Z",
				"stream":           fields{"endedAt": "2026-05-01T12:30:00.000Z"},
			},
		},
		"a stream without an id is keyed by its start": {
			events: []told{
				{online, "12:01:00", fields{"startedAt": "2026-05-01T12:00:00Z"}},
				{online, "12:02:00", fields{"startedAt": "2026-05-01T12:00:00Z"}},
			},
			want:    fields{"stream": fields{"id": nil, "startedAt": "2026-05-01T12:00:00.000Z"}},
			history: []string{"streamStatus >ONLINE 12:01:00"},
		},
		"a start in the far future does not keep a stream current for ever": {
			events: []told{
				{online, "12:00:00", fields{"streamId": "s1", "startedAt": "9999-01-01T00:00:00Z"}},
				{online, "13:00:00", fields{"streamId": "s2", "startedAt": "2026-05-01T13:00:00Z"}},
			},
			want: fields{"stream": fields{"id": "s2"}},
		},
		"viewers count while the stream is online": {
			events: []told{
				{online, "12:00:00", fields{"streamId": "s"}},
				{update, "12:01:00", fields{"viewerCount": 7}},
			},
			want: fields{"viewerCount": 7.0, "metadata": fields{"viewerCount": 7.0}},
		},
		"viewers of before the start do not count": {
			events: []told{
				{update, "11:59:00", fields{"viewerCount": 7}},
				{online, "12:00:00", fields{"streamId": "s"}},
			},
			want: fields{"viewerCount": nil, "metadata": nil},
		},
		"viewers of another stream do not count": {
			events: []told{
				{online, "12:00:00", fields{"streamId": "s2"}},
				{update, "12:01:00", fields{"viewerCount": 7, "streamId": "s1"}},
			},
			want: fields{"viewerCount": nil},
		},
		"viewers are gone at the end": {
			events: []told{
				{online, "12:00:00", fields{"streamId": "s"}},
				{update, "12:01:00", fields{"viewerCount": 7, "title": "t"}},
				{offline, "12:02:00", nil},
			},
			want: fields{"viewerCount": nil, "metadata": fields{"title": "t", "viewerCount": nil}},
		},
		"a late value does not bring a removed key back": {
			events: []told{
				{status, "12:01:00", fields{"metadata": fields{"guild": nil}}},
				{status, "12:00:00", fields{"metadata": fields{"guild": "g"}}},
			},
			want: fields{"metadata": nil},
		},
		"keys that a store refuses or that may hold a secret are left out": {
			events: []told{{status, "12:00:00", fields{"metadata": fields{
				"__name__": 1, "": 2, "accessToken": "x", "ok": fields{"__in__": 1, "b": []any{[]any{1}, 2}},
			}}}},
			want: fields{"metadata": fields{"__name__": nil, "": nil, "accessToken": nil, "ok": fields{"__in__": nil, "b": []any{2.0}}}},
		},
		"CONNECTED but not started is not connected": {
			events: []told{{status, "12:00:00", fields{"status": "CONNECTED", "metadata": fields{"started": false}}}},
			want:   fields{"status": "DISCONNECTED", "metadata": fields{"connectorState": "CONNECTED"}},
		},
		"an unknown state writes no status": {
			events: []told{{status, "12:00:00", fields{"status": "WARMING_UP"}}},
			want:   fields{"status": nil, "connectors": nil, "metadata": fields{"connectorState": "WARMING_UP"}},
		},
		"a counter that fell is a restart, wherever the sample comes": {
			events: []told{
				{status, "12:02:00", fields{"metrics": fields{"received": 2}}},
				{status, "12:00:00", fields{"metrics": fields{"received": 5}}},
				{status, "12:01:00", fields{"metrics": fields{"received": 9}}},
			},
			want: fields{"metrics": fields{"messagesIn": 11.0}},
		},
		"instances of several connectors are added up": {
			events: []told{
				{status, "12:00:00", fields{"connector": "a", "instanceId": "x", "metrics": fields{"sent": 5}}},
				{status, "12:01:00", fields{"connector": "b", "instanceId": "x", "metrics": fields{"sent": 2}}},
				{status, "12:02:00", fields{"connector": "a", "instanceId": "y", "metrics": fields{"sent": 1, "published": 9}}},
			},
			want: fields{"metrics": fields{"messagesOut": 8.0, "published": 9.0, "lastHeartbeat": "2026-05-01T12:02:00.000Z"}},
		},
		"what is no count is left out": {
			events: []told{{status, "12:00:00", fields{"metrics": fields{"received": "5", "failed": -1, "sent": 1.5, "filtered": 3.0}}}},
			want:   fields{"metrics": fields{"messagesIn": nil, "errors": nil, "messagesOut": nil, "filtered": 3.0}},
		},
		"the newest latency and name stand": {
			events: []told{
				{status, "12:01:00", fields{"latencyMs": 20, "displayName": "New"}},
				{status, "12:00:00", fields{"latencyMs": 10, "displayName": "Old"}},
			},
			want: fields{"latencyMs": 20.0, "displayName": "New"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var messages []event.BusMessage
			for _, e := range rule.events {
				messages = append(messages, say(t, e.kind, e.clock, e.body))
			}
			w := newWorld(t).deliver(messages...)
			compare(t, "document", rule.want, decode[fields](t, encode(t, w.documents["twitch:1"])))
			if rule.history != nil {
				var got []string
				for _, c := range w.changes("twitch:1") {
					from := ""
					if c.From != nil {
						from = string(*c.From)
					}
					got = append(got, fmt.Sprintf("%s %s>%s %s", c.Facet, from, c.To, c.At.Format(time.TimeOnly)))
				}
				if fmt.Sprint(got) != fmt.Sprint(rule.history) {
					t.Errorf("history %q, want %q", got, rule.history)
				}
			}
		})
	}
}

func TestConfirmationsOlderThanADayEnd(t *testing.T) {
	when := at("00:00:00")
	message := func(after time.Duration, connector, status string) event.BusMessage {
		m := say(t, event.TypeSourceStatus, "00:00:00", fields{
			"connector": connector, "status": status, "observedAt": event.FormatTime(when.Add(after)), "eventId": after.String(),
		})
		m.PublishTime = when.Add(after)
		return m
	}
	w := newWorld(t).deliver(
		message(0, "old", "ERROR"),
		message(24*time.Hour, "new", "CONNECTED"),
	)
	if got := w.documents["twitch:1"].Status; got != "ERROR" {
		t.Errorf("after a day: %s", got)
	}
	w.deliver(message(24*time.Hour+time.Millisecond, "new", "CONNECTED"))
	if got := w.documents["twitch:1"].Status; got != "CONNECTED" {
		t.Errorf("after more than a day: %s", got)
	}
	if got := len(w.changes("twitch:1")); got != 2 {
		t.Errorf("%d entries in the history, want 2", got)
	}
}

func TestAuthorizationEventsNeverCreateADocument(t *testing.T) {
	granted := event.BusMessage{PublishTime: at("12:00:00"), Data: []byte(`{"type":"system.source.status","correlationId":"g",
		"externalEvent":{"kind":"user.authorization.grant"},
		"payload":{"platform":"twitch","id":"1","authStatus":"VALID","auth":{"reason":"user.authorization.grant"}}}`)}
	w := newWorld(t).deliver(granted)
	if len(w.documents) != 0 {
		t.Fatal("a document came of it")
	}
	w.deliver(say(t, event.TypeSourceStatus, "11:00:00", fields{"status": "CONNECTED"}), granted)
	if got := w.documents["twitch:1"].AuthStatus; got != "VALID" {
		t.Errorf("authStatus %q of a known source", got)
	}
}
