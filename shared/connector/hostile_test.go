package connector_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/connector"
	"github.com/sourcestate/sourcestate/shared/source"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// maxEvent is what an event about one source may weigh, in bytes.
const maxEvent = 64 << 10

// check fails where an answer is neither a finding nor snapshots whose events
// are taken, whatever the answer is.
func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, name string, status int, body []byte) []connector.Snapshot {
	t.Helper()
	snapshots, err := connector.Parse(name, status, body)
	if err != nil {
		var f *connector.Finding
		if !errors.As(err, &f) || f.Reason == "" || len(f.Reason) > 64 || len(snapshots) > 0 {
			t.Fatalf("%v with %d snapshots", err, len(snapshots))
		}
		return nil
	}
	seen := make(map[string]bool)
	for _, s := range snapshots {
		if first, second := s.Digest(), s.Digest(); first != second || seen[s.Connector] {
			t.Fatalf("%+v is there twice, or its digest is another one each time", s)
		}
		seen[s.Connector] = true
		s = s.WithID("")
		m, err := s.Event(noon, time.Second, "heartbeat").BusMessage()
		if err != nil {
			t.Fatalf("encoding the event of %+v: %v", s, err)
		}
		if len(m.Data) > maxEvent {
			t.Fatalf("an event of %d bytes", len(m.Data))
		}
		m.PublishTime = noon
		u, err := source.Read(m)
		if err != nil {
			t.Fatalf("%v: %s", err, m.Data)
		}
		if want := (source.Key{Platform: s.Platform, ID: s.ID}); u.Key != want {
			t.Fatalf("the event is about %+v, want %+v", u.Key, want)
		}
		if _, err := source.Merge(nil, nothing{}, u); err != nil {
			t.Fatalf("merging %s: %v", m.Data, err)
		}
	}
	return snapshots
}

func TestHostileAnswersDoNoHarm(t *testing.T) {
	t.Parallel()
	deep := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	nested := func(levels int) string { return strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels) }
	wide := strings.TrimSuffix(strings.Repeat(`"#channel",`, 90_000), ",")
	named := func(name string) string {
		encoded, err := json.Marshal(map[string]any{"connectors": map[string]any{name: map[string]string{"state": "CONNECTED"}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(encoded)
	}
	for name, c := range map[string]struct {
		body      string
		snapshots int
	}{
		"a fact nested as deep as can be decoded":       {`{"state":"CONNECTED","guildId":` + deep(9998) + `}`, 1},
		"objects nested as deep as can be decoded":      {`{"state":"CONNECTED","channelIds":[` + nested(9990) + `]}`, 1},
		"deeper than can be decoded":                    {`{"state":"CONNECTED","guildId":` + deep(200_000) + `}`, 0},
		"a hundred thousand channels":                   {`{"state":"CONNECTED","joinedChannels":[` + wide + `]}`, 1},
		"a text of a megabyte everywhere":               {`{"state":"` + strings.Repeat("x", 1<<17) + `","id":"1","displayName":"` + strings.Repeat("\U0001f600", 1<<15) + `","lastError":"` + strings.Repeat("<", 1<<17) + `"}`, 1},
		"a thousand connectors":                         {manyConnectors(1000), 1000},
		"a name that is empty":                          {named(""), 0},
		"a name without a platform":                     {named("-x"), 0},
		"a name that is no platform":                    {named("unknown-x"), 0},
		"a name that splits the key":                    {named("a:b"), 0},
		"a name that splits the path":                   {named("a/b"), 0},
		"a name of Firestore":                           {named("__x__"), 0},
		"a name with control characters":                {named("a-\x00\x1b"), 0},
		"a platform with control characters":            {named("a\n"), 0},
		"a name of a megabyte":                          {named("a-" + strings.Repeat("x", 1<<19)), 0},
		"a platform of a megabyte":                      {named(strings.Repeat("x", 1<<19)), 0},
		"a name in another script":                      {named("キック-1"), 1},
		"a name of bytes that are no text":              {"{\"connectors\":{\"a-\xff\":{\"state\":\"CONNECTED\"}}}", 1},
		"a name and its twin":                           {`{"connectors":{"a":{"state":"CONNECTED"},"a":{"state":"ERROR"}}}`, 1},
		"an entry that is no object beside a sound one": {`{"connectors":{"a":null,"b":[],"c":"x","d":{"state":"CONNECTED"}}}`, 1},
		"numbers that are none":                         {`{"state":1e999,"id":-0,"counters":{"received":1e999,"a":9007199254740993}}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := check(t, "bots", 200, []byte(c.body)); len(got) != c.snapshots {
				t.Errorf("%d snapshots, want %d", len(got), c.snapshots)
			}
		})
	}
}

// What rapid makes up looks like snapshots, but for what stands in them.
func TestEverySnapshotGivesAnEventThatIsTaken(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(
		rapid.SampledFrom([]string{"", "-", "twitch", "unknown", "a:b", "a/b", "%2F", "__a__", "\x00", "\u0085", ".", "..", "CONNECTED", "DISABLED", "ERROR"}),
		rapid.String(),
		rapid.StringN(500, 600, 2400),
	)
	var value *rapid.Generator[any]
	leaf := rapid.OneOf(
		rapid.Map(text, func(s string) any { return s }),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.Float64Range(-1e300, 1e300), func(n float64) any { return n }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Just[any](nil),
	)
	value = rapid.OneOf(
		leaf,
		rapid.Map(rapid.SliceOfN(leaf, 0, 5), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(text, leaf, 0, 5), func(m map[string]any) any { return m }),
	)
	fields := rapid.OneOf(rapid.SampledFrom([]string{
		"state", "id", "userId", "identity", "displayName", "instanceId", "started", "lastError", "counters", "metrics", "reconnects",
		"guildId", "channelIds", "joinedChannels", "lastMessageAt", "eventSub", "enabled",
	}), text)
	snapshot := rapid.Custom(func(t *rapid.T) map[string]any {
		s := rapid.MapOfN(fields, value, 0, 12).Draw(t, "fields")
		if rapid.Bool().Draw(t, "with eventSub") {
			inner := rapid.MapOfN(fields, value, 0, 6).Draw(t, "eventSub")
			inner["enabled"] = true
			s["eventSub"] = inner
		}
		return s
	})
	rapid.Check(t, func(t *rapid.T) {
		name := text.Draw(t, "target")
		var answer any
		switch entries := rapid.MapOfN(text, snapshot, 0, 4).Draw(t, "entries"); rapid.IntRange(0, 3).Draw(t, "shape") {
		case 0:
			answer = map[string]any{"connectors": entries}
		case 1:
			answer = entries
		case 2:
			answer = map[string]any{"snapshot": snapshot.Draw(t, "snapshot")}
		default:
			answer = snapshot.Draw(t, "snapshot")
		}
		body, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		check(t, name, 200, body)
	})
}

func FuzzParse(f *testing.F) {
	for _, body := range []string{
		`{"connectors":{"twitch":{"state":"CONNECTED","id":"555","counters":{"received":1},"eventSub":{"enabled":true,"state":"ERROR"}}}}`,
		`{"twitch":{"state":"CONNECTED","joinedChannels":["#a",1,null]},"discord-2":{"started":false,"lastError":{"code":1}}}`,
		`{"snapshot":{"state":"DISABLED"},"egressTopic":"x"}`,
		`{"state":"ERROR","lastError":"boom","identity":"+15550100","metrics":{"failed":1e2}}`,
		`{"error":"unknown_platform","platform":"kick"}`,
		`[]`, `nul`, "{\"connectors\":{\"\xff-\\u0000\":{}}}",
	} {
		f.Add("bots", 200, []byte(body))
	}
	f.Fuzz(func(t *testing.T, name string, status int, body []byte) {
		if len(body) > 1<<16 {
			return
		}
		check(t, name, status, body)
	})
}

func FuzzParseTargets(f *testing.F) {
	f.Add(`[{"name":"bots","url":"https://bots.example.com/_debug/connectors","audience":"x","timeout":"3s"}]`)
	f.Add(`[{"name":"a","url":"http://u:p@h"},{"name":"a"},null]`)
	f.Add(`{}`)
	f.Fuzz(func(t *testing.T, value string) {
		targets, err := connector.ParseTargets(value)
		if err != nil && targets != nil {
			t.Fatalf("%v with %v", targets, err)
		}
		seen := make(map[string]bool)
		for _, target := range targets {
			if target.Name == "" || seen[target.Name] || target.Timeout <= 0 || target.Timeout > 30*time.Second ||
				strings.Contains(target.URL, "@") && strings.Contains(strings.SplitN(target.URL, "/", 4)[2], "@") {
				t.Fatalf("target %+v", target)
			}
			seen[target.Name] = true
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var entries []string
	for i := range 100 {
		entries = append(entries, fmt.Sprintf(`"twitch-%d":{"state":"CONNECTED","id":"%d","displayName":"bot%d","started":true,"reconnects":0,
			"counters":{"received":%d,"published":41,"failed":1},"joinedChannels":["#a","#b"],"lastMessageAt":"2026-05-01T12:00:00.000Z"}`, i, 5000+i, i, i))
	}
	body := []byte(`{"connectors":{` + strings.Join(entries, ",") + `}}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if snapshots, err := connector.Parse("bots", 200, body); err != nil || len(snapshots) != 100 {
			b.Fatal(len(snapshots), err)
		}
	}
}
