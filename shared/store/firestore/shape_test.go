package firestore_test

import (
	"testing"
	"time"

	cloud "cloud.google.com/go/firestore"
	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/emulator"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/store/firestore"
)

// both opens a store and, beside it, what other services read it with.
func both(t *testing.T, clock func() time.Time) (*firestore.Store, *cloud.Client) {
	t.Helper()
	emulator.Firestore(t)
	project := emulator.Project(t)
	s, err := firestore.Open(t.Context(), project, clock)
	if err != nil {
		t.Fatal(err)
	}
	client, err := cloud.NewClient(t.Context(), project)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		client.Close()
	})
	return s, client
}

func TestOtherReadersFindTheFieldsOfTheContract(t *testing.T) {
	moment := source.Time{Time: time.Date(2026, 5, 4, 11, 22, 33, 456_999_000, time.UTC)}
	s, client := both(t, func() time.Time { return moment.Time })
	viewers, latency := int64(12), int64(34)
	from := source.Value("MODERATOR")
	change := source.Change{
		Facet: source.FacetPermissions, From: &from, To: "", At: moment, EventID: "a/b", Reason: "audit", By: "heartbeat",
	}
	key := source.Key{Platform: "twitch", ID: "a/b%"}
	err := s.Update(t.Context(), key, func(*source.Document, source.Parts) (source.Result, error) {
		return source.Result{
			Changed: true,
			Document: &source.Document{
				ID: key.ID, Platform: key.Platform, Status: source.Connected, LastStatusUpdate: moment,
				Connectors:   map[string]source.Connector{"irc": {Status: source.Connected, At: moment}},
				StreamStatus: source.Online, Stream: &source.Stream{ID: "42", StartedAt: moment},
				ViewerCount: &viewers, LatencyMs: &latency, Permissions: []string{},
				Metadata:    source.Metadata{"title": "x", "ratio": 0.5, "count": int64(3), "tags": []any{"a"}, "on": true},
				Metrics:     &source.Metrics{Counts: map[string]int64{"errors": 1}, LastHeartbeat: moment},
				Bookkeeping: &source.Bookkeeping{State: []byte("opaque")},
			},
			History: map[string]*source.Change{change.Key(): &change},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}

	const iso = "2026-05-04T11:22:33.456Z"
	document := client.Doc("sources/twitch:a%2Fb%25")
	snapshot, err := document.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{
		"id": "a/b%", "platform": "twitch", "status": "CONNECTED", "lastStatusUpdate": iso,
		"connectors":   map[string]any{"irc": map[string]any{"status": "CONNECTED", "at": iso}},
		"streamStatus": "ONLINE", "stream": map[string]any{"id": "42", "startedAt": iso},
		"viewerCount": int64(12), "latencyMs": int64(34), "permissions": []any{},
		"metadata": map[string]any{"title": "x", "ratio": 0.5, "count": int64(3), "tags": []any{"a"}, "on": true},
		"metrics":  map[string]any{"errors": int64(1), "lastHeartbeat": iso},
		"_merge":   map[string]any{"state": []byte("opaque")}, "createdAt": iso, "updatedAt": iso,
	}, snapshot.Data()); diff != "" {
		t.Errorf("the document (-want +got):\n%s", diff)
	}

	snapshot, err = document.Collection("history").Doc(iso + "~a%2Fb~permissions").Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{
		"facet": "permissions", "from": []any{"MODERATOR"}, "to": []any{}, "at": iso, "eventId": "a/b",
		"reason": "audit", "by": "heartbeat", "expireAt": moment.Add(source.HistoryLifetime).Truncate(time.Microsecond),
	}, snapshot.Data()); diff != "" {
		t.Errorf("the entry of the history (-want +got):\n%s", diff)
	}
}

func TestDocumentsOfOtherWritersAreRead(t *testing.T) {
	s, client := both(t, time.Now)
	updated := time.Date(2026, 5, 4, 11, 22, 33, 456_000_000, time.UTC)
	_, err := client.Doc("sources/slack:T1").Set(t.Context(), map[string]any{
		"id": "T1", "platform": "slack", "status": "CONNECTED", "lastStatusUpdate": updated,
		"viewerCount": 3.0, "lastError": nil, "extra": map[string]any{"unknown": true},
	})
	if err != nil {
		t.Fatal(err)
	}
	viewers := int64(3)
	want := &source.Document{
		ID: "T1", Platform: "slack", Status: source.Connected, LastStatusUpdate: source.Time{Time: updated}, ViewerCount: &viewers,
	}
	got, err := s.Get(t.Context(), want.Key())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the document (-want +got):\n%s", diff)
	}
}

// Whatever others make of the bookkeeping, the document stays readable.
func TestABookkeepingThatIsNoneIsNone(t *testing.T) {
	s, client := both(t, time.Now)
	for _, spoilt := range []any{"no map", map[string]any{"state": 7}, nil} {
		_, err := client.Doc("sources/slack:T1").Set(t.Context(), map[string]any{"id": "T1", "platform": "slack", "_merge": spoilt})
		if err != nil {
			t.Fatal(err)
		}
		document, err := s.Get(t.Context(), source.Key{Platform: "slack", ID: "T1"})
		if err != nil || document.Bookkeeping != nil {
			t.Errorf("%v: Get = %+v, %v", spoilt, document, err)
		}
		page, err := s.List(t.Context(), store.Filter{})
		if err != nil || len(page.Sources) != 1 {
			t.Errorf("%v: List = %+v, %v", spoilt, page, err)
		}
	}
}
