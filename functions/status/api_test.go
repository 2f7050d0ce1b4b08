package status

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/source"
)

func TestASourceIsItsDocumentWithoutBookkeeping(t *testing.T) {
	t.Parallel()
	d := document("twitch", "1337")
	d.StreamStatus = source.Online
	d.Permissions = []string{}
	d.Bookkeeping = &source.Bookkeeping{State: []byte("opaque")}
	h := New(Config{Redact: true}, keep(t, d), silent())
	h.now = func() time.Time { return now.Add(61 * time.Second) }
	want := map[string]any{
		"id": "1337", "platform": "twitch", "streamStatus": "ONLINE", "permissions": []any{},
		"createdAt": "2026-05-01T12:00:07.120Z", "updatedAt": "2026-05-01T12:00:07.120Z",
		"stale": false, "ageSeconds": 61.0,
	}
	if diff := cmp.Diff(want, decoded(t, get(t, h, "/api/sources/twitch:1337"), http.StatusOK)); diff != "" {
		t.Errorf("source (-want +got):\n%s", diff)
	}
	list := map[string]any{"sources": []any{want}}
	if diff := cmp.Diff(list, decoded(t, get(t, h, "/api/sources"), http.StatusOK)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func TestIdsOfEveryKindReachTheirSource(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, id, path string
	}{
		{"a plain id", "1337", "twitch:1337"},
		{"an id with a colon", "+1:2", "twitch:+1:2"},
		{"an id with an escaped colon", "+1:2", "twitch%3A+1%3A2"},
		{"an id with slashes", "a/b//c", "twitch:a%2Fb%2F%2Fc"},
		{"an id with lower-case escapes", "a/b", "twitch:a%2fb"},
		{"an id that ends like a part of the API", "x/history", "twitch:x%2Fhistory"},
		{"an id with a percent sign", "50%", "twitch:50%25"},
		{"an id that looks escaped", "a%2Fb", "twitch:a%252Fb"},
		{"an id with dots", "../..", "twitch:..%2F.."},
		{"an id with a blank and a question mark", "a b?", "twitch:a%20b%3F"},
		{"an id in another script", "söurce-日本", "twitch:" + url.PathEscape("söurce-日本")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := keep(t, document("twitch", "other"))
			put(t, s, document("twitch", test.id), change(0))
			h := New(Config{}, s, silent())
			if got := decoded(t, get(t, h, "/api/sources/"+test.path), http.StatusOK)["id"]; got != test.id {
				t.Errorf("got source %q, want %q", got, test.id)
			}
			history := decoded(t, get(t, h, "/api/sources/"+test.path+"/history"), http.StatusOK)["history"]
			if got := len(history.([]any)); got != 1 {
				t.Errorf("got %d entries of its history", got)
			}
			path := "/api" + sourcePath(source.Key{Platform: "twitch", ID: test.id})
			if got := decoded(t, get(t, h, path), http.StatusOK)["id"]; got != test.id {
				t.Errorf("the pages link to %s, which is source %q", path, got)
			}
		})
	}
}

func TestListsAreFilteredAndPaged(t *testing.T) {
	t.Parallel()
	s := keep(t)
	for i := range 5 {
		d := document("twitch", fmt.Sprint(i))
		d.Status, d.StreamStatus = source.Connected, source.Online
		put(t, s, d)
	}
	offline := document("twitch", "9")
	offline.Status, offline.StreamStatus = source.Error, source.Offline
	put(t, s, offline)
	put(t, s, document("kick", "1"))
	h := New(Config{}, s, silent())
	tests := []struct {
		name, query string
		want        [][]string
	}{
		{"all", "", [][]string{{"kick:1", "twitch:0", "twitch:1", "twitch:2", "twitch:3", "twitch:4", "twitch:9"}}},
		{"of a platform", "platform=kick", [][]string{{"kick:1"}}},
		{"of a status", "status=ERROR", [][]string{{"twitch:9"}}},
		{"of a stream status", "platform=twitch&streamStatus=OFFLINE", [][]string{{"twitch:9"}}},
		{"none", "platform=nowhere", [][]string{{}}},
		{"in pages", "streamStatus=ONLINE&limit=2", [][]string{{"twitch:0", "twitch:1"}, {"twitch:2", "twitch:3"}, {"twitch:4"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got [][]string
			for cursor, more := "", true; more && len(got) < 10; {
				answer := decoded(t, get(t, h, "/api/sources?"+test.query+"&cursor="+cursor), http.StatusOK)
				page := []string{}
				for _, d := range answer["sources"].([]any) {
					d := d.(map[string]any)
					page = append(page, fmt.Sprint(d["platform"], ":", d["id"]))
				}
				got = append(got, page)
				cursor, more = answer["nextCursor"].(string)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("pages (-want +got):\n%s", diff)
			}
		})
	}
}

// change is a change at a number of minutes.
func change(minute int) source.Change {
	return source.Change{
		Facet: source.FacetStreamStatus, To: source.Online, EventID: fmt.Sprint("e", minute), By: "test",
		At: source.Time{Time: now.Truncate(time.Minute).Add(time.Duration(minute) * time.Minute)},
	}
}

func TestHistoryIsOldestFirstAndPaged(t *testing.T) {
	t.Parallel()
	s := keep(t, document("twitch", "2"))
	put(t, s, document("twitch", "1"), change(2), change(0), change(1))
	h := New(Config{}, s, silent())
	tests := []struct {
		name, target string
		want         []string
	}{
		{"all", "twitch:1/history", []string{"e0", "e1", "e2"}},
		{"from on, the bound included", "twitch:1/history?from=2026-05-01T12:01:00Z", []string{"e1", "e2"}},
		{"up to, the bound excluded", "twitch:1/history?to=2026-05-01T12:01:00Z", []string{"e0"}},
		{"with offsets", "twitch:1/history?from=2026-05-01T14:01:00%2B02:00", []string{"e1", "e2"}},
		{"nothing in between", "twitch:1/history?from=2027-01-01T00:00:00Z", []string{}},
		{"of a source without changes", "twitch:2/history", []string{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			answer := decoded(t, get(t, h, "/api/sources/"+test.target), http.StatusOK)
			if diff := cmp.Diff(test.want, eventIDs(answer)); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
		})
	}

	first := decoded(t, get(t, h, "/api/sources/twitch:1/history?limit=2"), http.StatusOK)
	second := decoded(t, get(t, h, fmt.Sprint("/api/sources/twitch:1/history?limit=2&cursor=", first["nextCursor"])), http.StatusOK)
	if diff := cmp.Diff([]string{"e0", "e1", "e2"}, append(eventIDs(first), eventIDs(second)...)); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	if _, more := second["nextCursor"]; more {
		t.Error("the last page has a cursor")
	}
}

func eventIDs(answer map[string]any) []string {
	ids := []string{}
	for _, entry := range answer["history"].([]any) {
		ids = append(ids, entry.(map[string]any)["eventId"].(string))
	}
	return ids
}

func TestRedaction(t *testing.T) {
	t.Parallel()
	d := document("slack", "socket")
	d.LastError = &source.LastError{Code: "socket_error", Message: "at 10.0.0.1: boom", At: source.Time{Time: now}}
	d.Metadata = source.Metadata{"title": "Hello", "connectorState": "ERROR", "workspace": "internal"}
	d.Connectors = map[string]source.Connector{"slack": {Status: source.Error, At: source.Time{Time: now}, InstanceID: "pod-1"}}
	s := keep(t, d)

	hidden := decoded(t, get(t, New(Config{Redact: true}, s, silent()), "/api/sources/slack:socket"), http.StatusOK)
	want := map[string]any{
		"lastError":  map[string]any{"code": "socket_error", "at": "2026-05-01T12:00:07.120Z"},
		"metadata":   map[string]any{"title": "Hello", "connectorState": "ERROR"},
		"connectors": map[string]any{"slack": map[string]any{"status": "ERROR", "at": "2026-05-01T12:00:07.120Z"}},
	}
	if diff := cmp.Diff(want, only(hidden, "lastError", "metadata", "connectors")); diff != "" {
		t.Errorf("hidden (-want +got):\n%s", diff)
	}

	open := decoded(t, get(t, New(Config{}, s, silent()), "/api/sources/slack:socket"), http.StatusOK)
	want = map[string]any{
		"lastError": map[string]any{"code": "socket_error", "message": "at 10.0.0.1: boom", "at": "2026-05-01T12:00:07.120Z"},
		"metadata":  map[string]any{"title": "Hello", "connectorState": "ERROR", "workspace": "internal"},
		"connectors": map[string]any{"slack": map[string]any{
			"status": "ERROR", "at": "2026-05-01T12:00:07.120Z", "instanceId": "pod-1",
		}},
	}
	if diff := cmp.Diff(want, only(open, "lastError", "metadata", "connectors")); diff != "" {
		t.Errorf("open (-want +got):\n%s", diff)
	}
}

func only(value map[string]any, keys ...string) map[string]any {
	part := make(map[string]any)
	for _, key := range keys {
		part[key] = value[key]
	}
	return part
}
