package status

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

func ago(d time.Duration) source.Time { return source.Time{Time: now.Add(-d)} }

// served is a document whose connectors last said something long ago.
func served(platform string, connectors ...string) *source.Document {
	d := document(platform, "1")
	d.LastStatusUpdate = ago(time.Hour)
	d.Connectors = make(map[string]source.Connector)
	for _, name := range connectors {
		d.Connectors[name] = source.Connector{Status: source.Connected, At: ago(time.Hour)}
	}
	return d
}

func TestWhatIsFresh(t *testing.T) {
	t.Parallel()
	said := func(change func(*source.Document)) *source.Document {
		d := served("twitch", "irc")
		change(d)
		return d
	}
	named := said(func(d *source.Document) { d.Metadata = source.Metadata{"login": "ExampleChan"} })
	tests := []struct {
		name     string
		document *source.Document
		latest   latest
		stale    bool
		age      float64
	}{
		{name: "nothing for an hour", document: served("twitch", "irc"), stale: true, age: 3600},
		{name: "a stream event", document: said(func(d *source.Document) { d.LastStreamUpdate = ago(time.Second) }), age: 1},
		{
			name:     "a word of one of several connectors",
			document: said(func(d *source.Document) { d.Connectors["pubsub"] = source.Connector{At: ago(2 * time.Second)} }), age: 2,
		},
		{name: "an error", document: said(func(d *source.Document) { d.LastError = &source.LastError{At: ago(3 * time.Second)} }), age: 3},
		{name: "a token", document: said(func(d *source.Document) { d.Auth = &source.Auth{At: ago(4 * time.Second)} }), age: 4},
		{name: "a heartbeat of the connector", document: said(func(d *source.Document) {
			d.Metrics = &source.Metrics{LastHeartbeat: ago(5 * time.Second)}
		}), age: 5},
		{name: "an event just younger than four intervals", document: said(func(d *source.Document) {
			d.LastStatusUpdate = ago(40*time.Second - time.Millisecond)
		}), age: 39},
		{name: "an event as old as four intervals", document: said(func(d *source.Document) {
			d.LastStatusUpdate = ago(40 * time.Second)
		}), stale: true, age: 40},
		{name: "an event from the near future", document: said(func(d *source.Document) { d.LastStatusUpdate = ago(-time.Minute) }), age: 0},
		{name: "a document without any event time", document: document("slack", "1"), age: 0}, // it was stored just now
		{
			name: "a good poll of its connector", document: served("slack", "bot"), age: 6,
			latest: latest{Connectors: map[string]string{"bot": "2026-05-01T12:00:01.120Z"}},
		},
		{
			name: "a good poll of another connector", document: served("slack", "bot"), stale: true, age: 3600,
			latest: latest{Connectors: map[string]string{"other": "2026-05-01T12:00:01.120Z"}},
		},
		{
			name: "a good poll of Helix, of a watched channel", document: served("twitch", "eventsub"), age: 7,
			latest: latest{Helix: "2026-05-01T12:00:00.120Z"},
		},
		{
			name: "a good poll of Helix, of a channel that is named", document: named, age: 7,
			latest: latest{Helix: "2026-05-01T12:00:00.120Z"},
		},
		{
			name: "a good poll of Helix, of a channel that is not watched", document: served("twitch", "irc"), stale: true, age: 3600,
			latest: latest{Helix: "2026-05-01T12:00:00.120Z"},
		},
		{
			name: "a good poll of Helix, of another platform", document: served("kick", "eventsub"), stale: true, age: 3600,
			latest: latest{Helix: "2026-05-01T12:00:00.120Z"},
		},
		{
			name: "polls that were long ago themselves", document: served("twitch", "eventsub"), stale: true, age: 1207,
			latest: latest{Helix: "2026-05-01T11:40:00.120Z", Connectors: map[string]string{"eventsub": "not a time"}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := keep(t, test.document)
			if err := s.Write(t.Context(), store.Heartbeat, map[string]any{latestName: test.latest}); err != nil {
				t.Fatal(err)
			}
			h := New(Config{Interval: 10 * time.Second, Broadcasters: []string{"examplechan"}, Redact: true}, s, silent())
			h.now = func() time.Time { return now }
			one := decoded(t, get(t, h, "/api/sources/"+test.document.Key().String()), http.StatusOK)
			list, _ := decoded(t, get(t, h, "/api/sources"), http.StatusOK)["sources"].([]any)
			for what, got := range map[string]any{"the source": one, "the list": list[0]} {
				got, _ := got.(map[string]any)
				if got["stale"] != test.stale || got["ageSeconds"] != test.age {
					t.Errorf("%s: stale %v, age %v, want %v, %v", what, got["stale"], got["ageSeconds"], test.stale, test.age)
				}
			}
		})
	}
}

func TestAgesAreNumbersAndNeverLeftOut(t *testing.T) {
	t.Parallel()
	encoded, err := json.Marshal(publicSource{Document: document("twitch", "1")})
	if err != nil {
		t.Fatal(err)
	}
	h := New(Config{}, keep(t), silent())
	k, err := h.know(document("twitch", "1"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"1","platform":"twitch","stale":false,"ageSeconds":0}`
	if got := string(k.appendJSON(nil, publicSource{})); got != want || string(encoded) != want {
		t.Errorf("written as %s and %s, want %s", got, encoded, want)
	}
}

func TestFreshnessThatCannotBeReadIsNoFreshness(t *testing.T) {
	t.Parallel()
	broken := errors.New("down")
	h := New(Config{}, halfBroken{keep(t, document("twitch", "1")), broken}, silent())
	for _, path := range []string{"/api/sources", "/api/sources/twitch:1", "/metrics", "/badge/twitch:1.svg"} {
		if got := get(t, h, path).StatusCode; got != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", path, got)
		}
	}
}
