package status

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

// A described is the description of the API, and what of it answers have shown.
type described struct {
	document event.Object
	compiler *jsonschema.Compiler
	shown    map[string]bool // fields of schemas, as Schema.field
}

func readDescription(t *testing.T) *described {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(description))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", value); err != nil {
		t.Fatal(err)
	}
	document, _ := value.(map[string]any)
	return &described{document, compiler, make(map[string]bool)}
}

// at is what a pointer of JSON points at, references followed.
func (d *described) at(t *testing.T, path ...string) (object event.Object, pointer string) {
	t.Helper()
	object, pointer = d.document, "#"
	for _, name := range path {
		object = object.Object(name)
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		if ref := object.Text("$ref"); ref != "" {
			object, pointer = d.at(t, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
	}
	if object == nil {
		t.Fatalf("%s: nothing is there", strings.Join(path, " "))
	}
	return object, pointer
}

// check holds an answer against what is described of a path.
func (d *described) check(t *testing.T, path string, r *http.Response) {
	t.Helper()
	response, _ := d.at(t, "paths", path, "get", "responses", fmt.Sprint(r.StatusCode))
	for name := range response.Object("headers") {
		if r.Header.Get(name) == "" {
			t.Errorf("%s: %d without %s", path, r.StatusCode, name)
		}
	}
	body := text(t, r)
	if r.StatusCode == http.StatusNotModified {
		return
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	_, pointer := d.at(t, "paths", path, "get", "responses", fmt.Sprint(r.StatusCode), "content", kind, "schema")
	if !strings.HasSuffix(kind, "json") {
		return
	}
	schema, err := d.compiler.Compile("openapi.json" + fragment(pointer))
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v: %s", path, err, body)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s is answered otherwise than described: %v\n%s", path, err, body)
	}
	d.show(schema, value)
}

// show notes which fields a value has.
func (d *described) show(schema *jsonschema.Schema, value any) {
	for schema != nil && schema.Ref != nil {
		schema = schema.Ref
	}
	if schema == nil {
		return
	}
	switch value := value.(type) {
	case map[string]any:
		for name, field := range value {
			d.shown[schema.Location+"/properties/"+name] = true
			if other, ok := schema.AdditionalProperties.(*jsonschema.Schema); ok && schema.Properties[name] == nil {
				d.show(other, field)
			}
			d.show(schema.Properties[name], field)
		}
	case []any:
		for _, element := range value {
			switch items := schema.Items.(type) {
			case *jsonschema.Schema:
				d.show(items, element)
			default:
				d.show(schema.Items2020, element)
			}
		}
	}
}

// fields are the locations of all fields that are described below a value.
func fields(location string, value any) (found []string) {
	object, _ := value.(map[string]any)
	for name, inner := range object {
		at := location + "/" + name
		if properties, ok := inner.(map[string]any); ok && name == "properties" {
			for field := range properties {
				found = append(found, at+"/"+field)
			}
		}
		found = append(found, fields(at, inner)...)
	}
	return found
}

// full is a source of which everything is known.
func full() *source.Document {
	viewers, latency, at := int64(70), int64(12), source.Time{Time: now}
	return &source.Document{
		ID: "1", Platform: "twitch", DisplayName: "ExampleChan", Status: source.Error, LastStatusUpdate: at,
		LastError:    &source.LastError{Code: "c", Message: "m", At: at},
		Connectors:   map[string]source.Connector{"irc": {Status: source.Error, State: "CLOSED", At: at, InstanceID: "i"}},
		StreamStatus: source.Online, LastStreamUpdate: at, Stream: &source.Stream{ID: "42", Type: "live", StartedAt: at, EndedAt: at},
		ViewerCount: &viewers, AuthStatus: source.Valid, Permissions: []string{source.Moderator}, LatencyMs: &latency,
		Auth:    &source.Auth{ExpiresAt: at, Scopes: []string{"chat:read"}, Reason: "r", At: at},
		Metrics: &source.Metrics{Counts: map[string]int64{"errors": 1}, LastHeartbeat: at},
		Metadata: source.Metadata{
			"title": "t", "categoryId": "1", "categoryName": "n", "language": "en", "tags": []any{"a"},
			"connectorState": "CLOSED", "viewerCount": viewers, "suspect": "s", "other": map[string]any{"a": 1.5},
		},
		Bookkeeping: &source.Bookkeeping{State: []byte("opaque")},
	}
}

// fullHandler serves a full source with everything beside it.
func fullHandler(t *testing.T) *Handler {
	t.Helper()
	s := keep(t)
	peak, last, average, at := int64(70), int64(60), 65.5, source.Time{Time: now}
	putBeside(t, s, full(), []*source.Session{{
		ID: "42", Type: "live", StartedAt: at, EndedAt: at, EndReason: "poll", Resumes: "41", Minutes: 3, Title: "t",
		Titles:     []source.TitleChange{{At: at, Title: "t"}},
		Categories: []source.CategoryChange{{At: at, ID: "1", Name: "n"}}, PeakViewers: &peak, AverageViewers: &average, LastViewers: &last,
	}, {ID: "43", StartedAt: at}}, &source.Hour{Hour: "2026-05-01T12", Minutes: map[string]int64{"00": 70, "01": 71}})
	roles := turned(1, "MODERATOR", "", "audit")
	roles.Facet = source.FacetPermissions
	put(t, s, full(), turned(2, source.Connected, source.Error, "boom"), roles)
	put(t, s, document("slack", "1"))
	records := map[string]any{latestName: latest{At: "2026-05-01T12:00:07.120Z"}, reportName: map[string]any{"status": "ok"}}
	if err := s.Write(t.Context(), store.Heartbeat, records); err != nil {
		t.Fatal(err)
	}
	webhook := map[string]any{
		"type": "stream.online", "eventId": "e", "at": "2026-05-01T12:00:00.000Z", "receivedAt": "2026-05-01T12:00:01.000Z",
	}
	if err := s.Write(t.Context(), store.Webhooks, map[string]any{"stream.online": webhook}); err != nil {
		t.Fatal(err)
	}
	h := New(Config{DebugToken: bearer}, s, silent())
	h.now = func() time.Time { return now }
	h.twitch = listed{list: twitch.SubscriptionList{Subscriptions: []twitch.Subscription{{
		ID: "a", Type: "stream.online", Version: "1", Status: "enabled", Condition: event.Object{"broadcaster_user_id": "1"},
		Callback: "https://x/", CreatedAt: now,
	}}}}
	return h
}

func TestAnswersAreAsDescribed(t *testing.T) {
	t.Parallel()
	d := readDescription(t)
	h := fullHandler(t)
	examples := []struct{ path, target string }{
		{"/api/sources", "/api/sources"},
		{"/api/sources", "/api/sources?limit=1"},
		{"/api/sources", "/api/sources?limit=x"},
		{"/api/sources/{id}", "/api/sources/twitch:1"},
		{"/api/sources/{id}", "/api/sources/slack:1"},
		{"/api/sources/{id}", "/api/sources/none"},
		{"/api/sources/{id}", "/api/sources/twitch:404"},
		{"/api/sources/{id}/history", "/api/sources/twitch:1/history?limit=1"},
		{"/api/sources/{id}/history", "/api/sources/twitch:1/history"},
		{"/api/sources/{id}/history", "/api/sources/twitch:1/history?from=x"},
		{"/api/sources/{id}/history", "/api/sources/twitch:404/history"},
		{"/api/sources/{id}/streams", "/api/sources/twitch:1/streams?limit=1"},
		{"/api/sources/{id}/streams", "/api/sources/twitch:1/streams"},
		{"/api/sources/{id}/viewers", "/api/sources/twitch:1/viewers?limit=1"},
		{"/api/sources/{id}/viewers", "/api/sources/slack:1/viewers"},
		{"/api/openapi.json", "/api/openapi.json"},
		{"/badge/{id}.svg", "/badge/twitch:1.svg"},
		{"/badge/{id}.svg", "/badge/twitch:404.svg"},
		{"/badge/{id}.svg", "/badge/twitch:1.svg?style=x"},
		{"/metrics", "/metrics"},
		{"/feed.xml", "/feed.xml"},
		{"/healthz", "/healthz"},
		{"/_debug/twitch", "/_debug/twitch"},
	}
	for _, e := range examples {
		d.check(t, e.path, get(t, h, e.target))
		d.check(t, e.path, request(t, h, http.MethodPost, e.target))
		if tag := get(t, h, e.target).Header.Get("Etag"); tag != "" && e.path != "/_debug/twitch" {
			d.check(t, e.path, with(t, h, e.target, "If-None-Match", tag))
		}
	}
	d.check(t, "/_debug/twitch", with(t, h, "/_debug/twitch", "Authorization", "Bearer "+bearer))
	h.twitch = nil
	d.check(t, "/_debug/twitch", with(t, h, "/_debug/twitch", "Authorization", "Bearer "+bearer))
	d.check(t, "/_debug/twitch", get(t, New(Config{}, keep(t), silent()), "/_debug/twitch"))
	broken := New(Config{DebugToken: bearer}, failing{errors.New("down")}, silent())
	for _, path := range slices.Sorted(maps.Keys(d.document.Object("paths"))) {
		target := strings.ReplaceAll(path, "{id}", "twitch:1")
		if path != "/healthz" && path != "/api/openapi.json" {
			d.check(t, path, with(t, broken, target, "Authorization", "Bearer "+bearer))
		}
		if path != "/_debug/twitch" {
			d.check(t, path, get(t, h, target+"?"+strings.Repeat("x", maxQuery+1)))
		}
	}

	// An event is what the API answers; the description names the schemas.
	address, _ := serving(t, h)
	heard, _ := listen(t, address, "", "").await(t, "snapshot")
	schema, err := d.compiler.Compile("openapi.json#/components/schemas/Snapshot")
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := errors.Join(json.Unmarshal([]byte(heard.Data), &value), schema.Validate(value)); err != nil {
		t.Errorf("the snapshot is otherwise than described: %v", err)
	}
	d.show(schema, value)

	shown := make(map[string]bool)
	for location := range d.shown {
		_, pointer, _ := strings.Cut(location, "#/components/schemas/")
		shown["/"+pointer] = true
	}
	var missing []string
	for _, field := range fields("", map[string]any(d.document.Object("components").Object("schemas"))) {
		if !shown[field] {
			missing = append(missing, field)
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("described, and never answered: %v", missing)
	}
}

func TestEveryRouteIsDescribedAndNoOther(t *testing.T) {
	t.Parallel()
	d := readDescription(t)
	var want []string
	for _, route := range New(Config{}, keep(t), silent()).routes() {
		pattern := strings.ReplaceAll(route.pattern, "{name}", "{id}.svg")
		page := pattern == "/" || pattern == "/{$}" || strings.HasPrefix(pattern, "/sources/") || pattern == assetRoot
		if !page {
			want = append(want, pattern)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(d.document.Object("paths")))); diff != "" {
		t.Errorf("paths (-routes +described):\n%s", diff)
	}
}

// Each parameter of a path is described, each reference leads somewhere, and each
// operation has a name of its own.
func TestTheDescriptionIsWhole(t *testing.T) {
	t.Parallel()
	d := readDescription(t)
	if got := d.document.Text("openapi"); got != "3.1.0" {
		t.Errorf("openapi %q", got)
	}
	names := make(map[string]bool)
	for path := range d.document.Object("paths") {
		operation, _ := d.at(t, "paths", path, "get")
		name := operation.Text("operationId")
		if name == "" || names[name] || operation.Text("summary") == "" {
			t.Errorf("%s: operation %q, summary %q", path, name, operation.Text("summary"))
		}
		names[name] = true
		inPath := 0
		for _, value := range operation.List("parameters") {
			parameter, _ := value.(map[string]any)
			if ref := event.Object(parameter).Text("$ref"); ref != "" {
				parameter, _ = d.at(t, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
			}
			if event.Object(parameter).Text("in") == "path" {
				inPath++
			}
		}
		if inPath != strings.Count(path, "{") {
			t.Errorf("%s: %d parameters of the path", path, inPath)
		}
	}
	for name := range d.document.Object("components").Object("schemas") {
		if _, err := d.compiler.Compile("openapi.json#/components/schemas/" + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fragment is a pointer as it stands in an address.
func fragment(pointer string) string { return (&url.URL{Fragment: pointer[len("#"):]}).String() }
