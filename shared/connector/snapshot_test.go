package connector_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/connector"
	"github.com/sourcestate/sourcestate/shared/event"
)

// parsed are the snapshots of the answer of a service.
func parsed(t testing.TB, body string) []connector.Snapshot {
	t.Helper()
	snapshots, err := connector.Parse("bots", 200, []byte(body))
	if err != nil {
		t.Fatalf("%v in %.200s", err, body)
	}
	return snapshots
}

// one is the only snapshot of the answer of a service with one connector.
func one(t testing.TB, name, snapshot string) connector.Snapshot {
	t.Helper()
	snapshots := parsed(t, fmt.Sprintf(`{"connectors":{%q:%s}}`, name, snapshot))
	if len(snapshots) != 1 {
		t.Fatalf("snapshots %+v", snapshots)
	}
	return snapshots[0]
}

func TestTheDigestIsAnotherOneWhenReadersShouldHearOfIt(t *testing.T) {
	t.Parallel()
	const before = `{"state":"CONNECTED","id":"555","displayName":"bot","started":true,"instanceId":"a","guildId":"900",
		"counters":{"received":1},"reconnects":0,"joinedChannels":["#a"],"lastMessageAt":"2026-05-01T12:00:00.000Z"}`
	for name, c := range map[string]struct {
		old, new string
		another  bool
	}{
		"a status":               {`"CONNECTED"`, `"ERROR"`, true},
		"a state of that status": {`"CONNECTED"`, `"Connected"`, true},
		"no state":               {`"state":"CONNECTED",`, ``, true},
		"not started":            {`true`, `false`, true},
		"an error":               {`"started":true`, `"started":true,"lastError":"boom"`, true},
		"an error unknown":       {`"CONNECTED"`, `"CONNECTING"`, true},
		"a display name":         {`"bot"`, `"other"`, true},
		"a source":               {`"555"`, `"556"`, true},
		"a channel":              {`["#a"]`, `["#a","#b"]`, true},
		"a guild":                {`"900"`, `"901"`, true},
		"a counter":              {`{"received":1}`, `{"received":2,"failed":1}`, false},
		"reconnects":             {`"reconnects":0`, `"reconnects":1`, false},
		"an instance":            {`"instanceId":"a"`, `"instanceId":"b"`, false},
		"a message":              {`12:00:00.000Z`, `12:00:07.123Z`, false},
		"the first message":      {`"2026-05-01T12:00:00.000Z"`, `null`, false},
		"what nobody reads":      {`"started":true`, `"started":true,"uptimeSec":5`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after := strings.Replace(before, c.old, c.new, 1)
			if after == before {
				t.Fatal("nothing changes")
			}
			a, b := one(t, "twitch", before), one(t, "twitch", after)
			if another := a.Digest() != b.Digest(); another != c.another {
				t.Errorf("another digest: %v, want %v", another, c.another)
			}
		})
	}
}

func TestADigestLeavesTheSnapshotAsItIs(t *testing.T) {
	t.Parallel()
	const body = `{"state":"CONNECTED","instanceId":"a","counters":{"received":1},"lastMessageAt":"2026-05-01T12:00:00.000Z"}`
	s := one(t, "twitch", body)
	if first, second := s.Digest(), s.Digest(); first != second {
		t.Errorf("digests %s and %s of the same", first, second)
	}
	if diff := cmp.Diff(one(t, "twitch", body), s); diff != "" {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}
}

func TestTheIDOfASnapshot(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 513)
	for name, c := range map[string]struct {
		snapshot, last string
		want           [2]string // id and display name
	}{
		"is its own":                          {`{"id":"1","userId":"2","identity":"3","displayName":"bot"}`, "9", [2]string{"1", "bot"}},
		"is the user's where it has no other": {`{"userId":2,"identity":"3","displayName":"bot"}`, "9", [2]string{"2", "bot"}},
		"is the identity, which names it too": {`{"identity":"+1"}`, "9", [2]string{"+1", "+1"}},
		"is the last known one":               {`{"state":"ERROR"}`, "9", [2]string{"9", ""}},
		"is the connector's name at last":     {`{"state":"ERROR"}`, "", [2]string{"discord", "discord"}},
		"is the name beside a display name":   {`{"displayName":"bot"}`, "", [2]string{"discord", "bot"}},
		"is never empty":                      {`{"id":"","userId":null,"identity":[]}`, "9", [2]string{"9", ""}},
		"is never too long":                   {`{"id":"` + long + `","userId":"2"}`, "9", [2]string{"2", ""}},
		"never holds control characters":      {`{"id":"a\u0000b","userId":"\n"}`, "9", [2]string{"9", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := one(t, "discord", c.snapshot).WithID(c.last)
			if diff := cmp.Diff(c.want, [2]string{s.ID, s.DisplayName}); diff != "" {
				t.Errorf("id and display name (-want +got):\n%s", diff)
			}
			if again := s.WithID("7"); again.ID != s.ID {
				t.Errorf("then %q", again.ID)
			}
		})
	}
}

// A summary of a snapshot is what tells connectors and sources apart.
func summary(snapshots []connector.Snapshot) []string {
	var lines []string
	for _, s := range snapshots {
		s = s.WithID("")
		lines = append(lines, fmt.Sprintf("%s of %s:%s %s %s", s.Connector, s.Platform, s.ID, s.DisplayName, s.Status))
	}
	return lines
}

func TestANestedEventSub(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"is a second connector of its source": {
			`{"connectors":{"twitch":{"state":"CONNECTED","id":"555","displayName":"bot","eventSub":{"enabled":true,"state":"RECONNECTING"}}}}`,
			[]string{"twitch of twitch:555 bot CONNECTED", "twitch-eventsub of twitch:555 bot DISCONNECTED"},
		},
		"is of the same source when nothing tells an id": {
			`{"connectors":{"twitch":{"state":"CONNECTED","eventSub":{"enabled":true,"state":"CONNECTED"}}}}`,
			[]string{"twitch of twitch:twitch twitch CONNECTED", "twitch-eventsub of twitch:twitch twitch CONNECTED"},
		},
		"that is off is none": {
			`{"connectors":{"twitch":{"state":"CONNECTED","id":"555","eventSub":{"enabled":false,"reason":"x"}}}}`,
			[]string{"twitch of twitch:555  CONNECTED"},
		},
		"that does not say that it is on is none": {
			`{"connectors":{"twitch":{"state":"CONNECTED","id":"555","eventSub":{"state":"ERROR"}}}}`,
			[]string{"twitch of twitch:555  CONNECTED"},
		},
		"that is no object is none": {
			`{"connectors":{"twitch":{"state":"CONNECTED","id":"555","eventSub":[{"enabled":true}]}}}`,
			[]string{"twitch of twitch:555  CONNECTED"},
		},
		"of what is off is none": {
			`{"connectors":{"twitch":{"state":"DISABLED","eventSub":{"enabled":true,"state":"CONNECTED"}}}}`, nil,
		},
		"gives way to a connector of that name": {
			`{"connectors":{"twitch":{"state":"CONNECTED","id":"555","eventSub":{"enabled":true,"state":"ERROR"}},
				"twitch-eventsub":{"state":"CONNECTED","id":"556"}}}`,
			[]string{"twitch of twitch:555  CONNECTED", "twitch-eventsub of twitch:556  CONNECTED"},
		},
		"within a nested one is none": {
			`{"connectors":{"twitch":{"state":"CONNECTED","id":"5","eventSub":{"enabled":true,"state":"ERROR","eventSub":{"enabled":true,"state":"ERROR"}}}}}`,
			[]string{"twitch of twitch:5  CONNECTED", "twitch-eventsub of twitch:5  ERROR"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, summary(parsed(t, c.body))); diff != "" {
				t.Errorf("snapshots (-want +got):\n%s", diff)
			}
		})
	}
}

// The metadata is that of the event, which is what readers get to see.
func TestWhatBecomesMetadata(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		snapshot string
		want     event.Object
	}{
		"the facts that are known": {
			`{"guildId":900,"channelIds":[902,"901"],"joinedChannels":["#b","#a","#b"],"lastMessageAt":"2026-05-01T12:00:00.123456Z","started":true}`,
			event.Object{
				"guildId": "900", "channelIds": []any{"901", "902"}, "joinedChannels": []any{"#a", "#b"},
				"lastMessageAt": "2026-05-01T12:00:00.123Z", "started": true,
			},
		},
		"nothing that may be a secret": {
			`{"started":false,"token":"s","accessToken":"s","client_secret":"s","SECRET":{"a":1},"password":"s","authorization":"s",
				"guildId":{"botToken":"s"},"channelIds":[{"secret":"s"},["s"],"1"],"joinedChannels":{"token":"s"}}`,
			event.Object{"channelIds": []any{"1"}, "started": false},
		},
		"nothing that is null":       {`{"state":null,"guildId":null,"lastMessageAt":null,"channelIds":null,"started":null}`, event.Object{}},
		"nothing of an unknown name": {`{"state":"","conversations":[{"sid":"CH1"}],"uptimeSec":1}`, event.Object{}},
		"no endless text":            {`{"guildId":"` + strings.Repeat("é", 200) + `","state":"x"}`, event.Object{"connectorState": "x", "guildId": strings.Repeat("é", 100)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, one(t, "discord", c.snapshot).Event(noon, 0, "heartbeat").Payload.Object("metadata")); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsCounted(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 40 {
		fmt.Fprintf(&many, `,"c%02d":%d`, i, i)
	}
	first := map[string]int64{"messagesIn": 7, "errors": 1}
	for i := range 14 {
		first[fmt.Sprintf("c%02d", i)] = int64(i)
	}
	for name, c := range map[string]struct {
		snapshot string
		want     map[string]int64
	}{
		"under the document's names": {
			`{"counters":{"received":1,"failed":2,"sent":3,"published":4},"reconnects":5}`,
			map[string]int64{"messagesIn": 1, "errors": 2, "messagesOut": 3, "published": 4, "reconnects": 5},
		},
		"once, where both names are there": {`{"counters":{"received":1,"messagesIn":9}}`, map[string]int64{"messagesIn": 9}},
		"in metrics too":                   {`{"state":"x","metrics":{"received":1,"reconnects":2},"reconnects":5}`, map[string]int64{"messagesIn": 1, "reconnects": 2}},
		"but no text, fraction or debt":    {`{"counters":{"received":"1","failed":-1,"sent":0.5,"a":null,"b":[1],"c":1e3,"":1}}`, map[string]int64{"c": 1000}},
		"but nothing named as a secret":    {`{"counters":{"token":123456,"clientSecret":1,"filtered":2}}`, map[string]int64{"filtered": 2}},
		"but no more than there is room":   {`{"counters":{"received":7,"failed":1` + many.String() + `}}`, first},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, one(t, "twitch", c.snapshot).Counts); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsSaidOfErrors(t *testing.T) {
	t.Parallel()
	none := &connector.Error{None: true}
	for name, c := range map[string]struct {
		snapshot string
		want     *connector.Error
	}{
		"a text":                     {`{"state":"ERROR","lastError":"boom"}`, &connector.Error{Message: "boom"}},
		"a code and a message":       {`{"state":"ERROR","lastError":{"code":7,"message":"boom","stack":"s"}}`, &connector.Error{Code: "7", Message: "boom"}},
		"null":                       {`{"state":"ERROR","lastError":null}`, none},
		"nothing while connected":    {`{"state":"CONNECTED"}`, none},
		"nothing while in error":     {`{"state":"ERROR"}`, nil},
		"nothing of what is unknown": {`{"state":"BORED"}`, nil},
		"an empty text":              {`{"state":"ERROR","lastError":""}`, nil},
		"an empty object":            {`{"state":"ERROR","lastError":{}}`, nil},
		"a list":                     {`{"state":"ERROR","lastError":["x"]}`, nil},
		"an empty one if connected":  {`{"state":"CONNECTED","lastError":{}}`, none},
		"no endless text": {
			`{"state":"ERROR","lastError":{"code":"` + strings.Repeat("c", 1000) + `","message":"` + strings.Repeat("m", 9999) + `"}}`,
			&connector.Error{Code: strings.Repeat("c", 200), Message: strings.Repeat("m", 1000)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, one(t, "twitch", c.snapshot).Error); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnErrorOfNothingIsNoRefusal(t *testing.T) {
	t.Parallel()
	want := []string{"twitch of twitch:5  CONNECTED"}
	if diff := cmp.Diff(want, summary(parsed(t, `{"error":null,"connectors":{"twitch":{"state":"CONNECTED","id":"5"}}}`))); diff != "" {
		t.Errorf("snapshots (-want +got):\n%s", diff)
	}
}

func TestTheEventOfASnapshotFollowsFromWhatItSays(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	s := one(t, "twitch", `{"state":"CONNECTED","id":"5"}`)
	id := s.Event(at, 0, "heartbeat").CorrelationID
	for name, other := range map[string]string{
		"another time":      s.Event(at.Add(time.Millisecond), 0, "heartbeat").CorrelationID,
		"another connector": one(t, "twitch-2", `{"state":"CONNECTED","id":"5"}`).Event(at, 0, "heartbeat").CorrelationID,
		"another source":    one(t, "twitch", `{"state":"CONNECTED","id":"6"}`).Event(at, 0, "heartbeat").CorrelationID,
	} {
		if other == id {
			t.Errorf("%s has the same event id", name)
		}
	}
	if again := s.Event(at, time.Second, "heartbeat").CorrelationID; again != id {
		t.Errorf("event ids %s and %s of the same fact", id, again)
	}
	if _, has := s.Event(at, 0, "heartbeat").Payload["latencyMs"]; has {
		t.Error("a latency where nothing was polled")
	}
}
