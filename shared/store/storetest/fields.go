package storetest

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

func pointer[T any](value T) *T { return &value }

// roundTrip stores a document as the first of its source and in place of one
// that has next to no fields, and compares what comes back.
func (f *fixture) roundTrip(t *testing.T, document *source.Document) {
	t.Helper()
	bare := &source.Document{ID: document.ID, Platform: document.Platform}
	for i, stored := range []*source.Document{document, bare, document} {
		f.put(t, stored)
		want := *stored
		want.CreatedAt = source.Time{Time: f.clock.now()}
		want.UpdatedAt = want.CreatedAt
		equal(t, fmt.Sprintf("the document after write %d", i+1), f.get(t, document.Key()), &want)
	}
}

func roundTripsDocument(t *testing.T, f *fixture) {
	moment := at("2026-05-04T11:22:33.456Z")
	f.roundTrip(t, &source.Document{
		ID:               "1337",
		Platform:         "twitch",
		DisplayName:      "Ünï <漢> & \u2028 \"😀\"\\\n",
		Status:           source.Error,
		LastStatusUpdate: moment,
		LastError:        &source.LastError{Code: "E1", Message: "50 % of `it`", At: moment},
		Connectors: map[string]source.Connector{
			"irc":        {Status: source.Connected, State: "CONNECTED", At: moment, InstanceID: "i-1"},
			"irc-sub.v2": {Status: source.Error, At: moment},
			"a/b [~*]":   {Status: source.Disconnected, At: moment},
			"__bot__":    {Status: source.Disconnected, At: moment},
		},
		StreamStatus:     source.Online,
		LastStreamUpdate: at("2026-05-04T11:22:33Z"),
		Stream:           &source.Stream{ID: "s1", Type: "live", StartedAt: moment, EndedAt: moment},
		ViewerCount:      pointer(int64(0)),
		Metadata:         source.Metadata{"title": "a title"},
		AuthStatus:       source.Expired,
		Auth:             &source.Auth{ExpiresAt: moment, Scopes: []string{"user:bot", "chat:read"}, Reason: "why", At: moment},
		Permissions:      []string{source.Broadcaster, source.Moderator},
		LatencyMs:        pointer(int64(1 << 53)),
		Metrics: &source.Metrics{
			Counts:        map[string]int64{"messagesIn": math.MaxInt64, "odd.name/~": 2, "__x__": 3},
			LastHeartbeat: moment,
		},
		Bookkeeping: &source.Bookkeeping{State: []byte(strings.Repeat("{\"état\":1}", 10_000))},
	})
}

func roundTripsPermissions(t *testing.T, f *fixture) {
	for id, permissions := range map[string][]string{
		"none":    {},
		"unknown": nil,
		"some":    {source.VIP},
	} {
		f.roundTrip(t, &source.Document{ID: id, Platform: "twitch", Permissions: permissions})
	}
}

func roundTripsMetadata(t *testing.T, f *fixture) {
	// Maps only: cmp takes exponential time for lists in lists.
	var deep any = []any{"bottom"}
	for range 30 {
		deep = map[string]any{"deeper": deep}
	}
	f.roundTrip(t, &source.Document{ID: "1337", Platform: "twitch", Metadata: source.Metadata{
		"string":     "漢字 😀 \u0000 <&>",
		"empty":      "",
		"long":       strings.Repeat("ä", 5_000),
		"int64":      int64(7),
		"largest":    int64(math.MaxInt64),
		"smallest":   int64(math.MinInt64),
		"float64":    1.5,
		"tiny":       5e-324,
		"huge":       1e300,
		"true":       true,
		"false":      false,
		"list":       []any{"a", int64(1), 2.5, true, map[string]any{"in": "list"}},
		"lists":      []any{[]any{int64(1), []any{}}, []any{"%json"}},
		"empty list": []any{},
		"map":        map[string]any{"a": map[string]any{"b": []any{map[string]any{}}}},
		"empty map":  map[string]any{},
		"deep":       deep,
		"timestamp":  "2026-05-04T11:22:33.456Z",

		// Names that stores or their paths give a meaning.
		"":            "empty name",
		".":           "dot",
		"a.b":         "path",
		"a/b":         "slash",
		"`a`":         "backtick",
		"a b":         "space",
		"__name__":    "reserved",
		"__x":         "not reserved",
		"____":        "reserved too",
		"_":           "underscore",
		"%":           "percent",
		"%%":          "two",
		"%__name__":   "like an escape",
		"%a":          "no escape",
		"json":        "no wrapper",
		"%json":       "like a wrapper",
		"a wrapper":   map[string]any{"%json": "[1]"},
		"two of them": map[string]any{"%%json": "[1]"},
		"expireAt":    "not the field of a history entry",
		"名前 ~*[]":     "unicode",
	}})
}

func survivesLongFieldNames(t *testing.T, f *fixture) {
	f.put(t, &source.Document{ID: "1337", Platform: "twitch", Metadata: source.Metadata{
		"title":                    "kept",
		strings.Repeat("x", 2_000): "kept or dropped",
	}})
	if title := f.get(t, channel).Metadata["title"]; title != "kept" {
		t.Errorf("title = %v", title)
	}
}

func takesEveryID(t *testing.T, f *fixture) {
	keys := []source.Key{
		{Platform: "twitch", ID: "a/b"}, {Platform: "twitch", ID: "a%2Fb"}, {Platform: "twitch", ID: "a%252Fb"},
		{Platform: "twitch", ID: "//"}, {Platform: "slack", ID: "T1:C2:3"}, {Platform: "slack", ID: "."},
		{Platform: "slack", ID: ".."}, {Platform: "slack", ID: "__x__"}, {Platform: "kick", ID: "日本/語"},
		{Platform: "kick", ID: "😀"}, {Platform: "kick", ID: "e\u0301"}, {Platform: "kick", ID: "\u00e9"},
		{Platform: "kick", ID: " a b "}, {Platform: "kick", ID: "[*]~`.`"}, {Platform: "kick", ID: "+?#&="},
		{Platform: "twilio", ID: strings.Repeat("x", 512)},
		{Platform: "twilio", ID: strings.Repeat("/", 512)}, {Platform: "twilio", ID: strings.Repeat("/", 511) + "%"},
	}
	for _, key := range keys {
		f.put(t, &source.Document{ID: key.ID, Platform: key.Platform, DisplayName: key.String()},
			step(at("2026-05-04T11:00:00Z"), key.String()))
	}
	for _, key := range keys {
		document := f.get(t, key)
		equal(t, "the key", document.Key(), key)
		equal(t, "what was stored under it", document.DisplayName, key.String())
		history := f.history(t, key, store.HistoryQuery{}).Changes
		equal(t, "the history", eventIDs(history), []string{key.String()})
	}
	if listed := f.list(t, store.Filter{}).Sources; len(listed) != len(keys) {
		t.Errorf("%d documents are listed, want %d: %q", len(listed), len(keys), ids(listed))
	}
}
