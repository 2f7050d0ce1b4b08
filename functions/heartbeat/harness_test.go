package heartbeat

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/connector"
	"github.com/sourcestate/sourcestate/shared/connectortest"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
	"github.com/sourcestate/sourcestate/shared/twitch"
	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

const botID = "555"

// A clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A suite is a heartbeat with a simulated Twitch and a service with connectors,
// whose events are merged into documents as Persistence does.
type suite struct {
	*Handler
	t       testing.TB
	clock   *clock
	world   *twitchtest.World
	bots    *connectortest.Service
	store   *bolt.Store
	records *counted

	mu        sync.Mutex // guards what follows
	published []*event.Event
	broken    error // of publishing
}

// start makes a suite. Configure changes its configuration before it is used.
func start(t testing.TB, configure func(*Config)) *suite {
	t.Helper()
	s := &suite{t: t, clock: &clock{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}}
	s.world = twitchtest.New(twitchtest.Config{Now: s.clock.Now, RateLimit: 100_000, MaxTotalCost: 100_000})
	helix := httptest.NewServer(s.world)
	t.Cleanup(helix.Close)
	s.bots = connectortest.New("bots-1")
	bots := httptest.NewServer(s.bots)
	bots.Config.ErrorLog = nil
	t.Cleanup(bots.Close)

	var err error
	if s.store, err = bolt.Open(t.TempDir(), s.clock.Now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	s.records = &counted{Store: s.store}
	secrets, err := twitch.ParseSecrets("s3cre7-heartbeat-0123")
	if err != nil {
		t.Fatal(err)
	}
	config := Config{
		Project: "test", ClientID: twitchtest.ClientID, ClientSecret: twitchtest.ClientSecret,
		APIURL: helix.URL + "/helix", AuthURL: helix.URL, Secrets: secrets, BotUserID: botID,
		Connectors: []connector.Target{{Name: "bots", URL: bots.URL + "/_debug/connectors", Timeout: 5 * time.Second}},
		Refresh:    time.Hour, Lag: 5 * time.Minute,
	}
	if configure != nil {
		configure(&config)
	}
	s.Handler = New(config, s.records, s, slog.New(slog.NewJSONHandler(io.Discard, nil)))
	s.Now = s.clock.Now
	s.Twitch = twitch.NewClient(twitch.ClientConfig{
		ClientID: config.ClientID, ClientSecret: config.ClientSecret, APIURL: config.APIURL, AuthURL: config.AuthURL,
		Now: s.clock.Now, Sleep: func(context.Context, time.Duration) error { return nil },
	})
	return s
}

// Publish merges the messages into documents.
func (s *suite) Publish(ctx context.Context, _ string, messages ...event.BusMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	for _, m := range messages {
		m.PublishTime = s.clock.Now()
		u, err := source.Read(m)
		if err != nil {
			s.t.Errorf("an event that cannot be read: %v: %s", err, m.Data)
			continue
		}
		e, err := event.Decode(m.Data)
		if err != nil {
			return err
		}
		s.published = append(s.published, e)
		err = s.store.Update(ctx, u.Key, func(d *source.Document, beside source.Parts) (source.Result, error) {
			return source.Merge(d, beside, u)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// takePublished are the events since the last call.
func (s *suite) takePublished() []*event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	published := s.published
	s.published = nil
	return published
}

// tick runs a tick by a request, and moves the clock to the next one.
func (s *suite) beat() *Report {
	s.t.Helper()
	report := s.post("/heartbeat")
	s.clock.advance(time.Minute)
	return report
}

func (s *suite) post(path string) *Report {
	s.t.Helper()
	w := s.request(http.MethodPost, path, "")
	report := new(Report)
	if err := json.Unmarshal(w.Body.Bytes(), report); err != nil {
		s.t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	if (w.Code == http.StatusOK) != (report.Status != StatusFailed) {
		s.t.Errorf("answered %d with status %q", w.Code, report.Status)
	}
	return report
}

func (s *suite) request(method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)).WithContext(s.t.Context()))
	return w
}

// mustBeat is a tick in which nothing failed.
func (s *suite) mustBeat() *Report {
	s.t.Helper()
	report := s.beat()
	if report.Status != StatusOK {
		for name, step := range report.Steps {
			if len(step.Failed) > 0 {
				s.t.Errorf("step %s: %v", name, step.Failed)
			}
		}
		s.t.Fatalf("status %q", report.Status)
	}
	return report
}

// document is what is stored of a source, the zero document for nothing.
func (s *suite) document(key string) *source.Document {
	s.t.Helper()
	k, err := source.ParseKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	d, err := s.store.Get(s.t.Context(), k)
	if errors.Is(err, store.ErrNotFound) {
		return &source.Document{}
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// tell publishes an event as another function would have.
func (s *suite) tell(kind string, body event.Object) {
	s.t.Helper()
	body["platform"], body["observedAt"] = "twitch", event.FormatTime(s.clock.Now())
	e := &event.Event{V: "2", Type: kind, CorrelationID: event.NewID(kind + s.clock.Now().String()), Payload: body}
	m, err := e.BusMessage()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.Publish(s.t.Context(), "", m); err != nil {
		s.t.Fatal(err)
	}
	s.takePublished()
}

// counted counts the documents that are read.
type counted struct {
	*bolt.Store
	mu     sync.Mutex
	reads  int
	broken error // of everything
}

func (c *counted) read(n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads += n
	return c.broken
}

// takeReads is how many documents were read since the last call.
func (c *counted) takeReads() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	reads := c.reads
	c.reads = 0
	return reads
}

func (c *counted) Get(ctx context.Context, key source.Key) (*source.Document, error) {
	if err := c.read(1); err != nil {
		return nil, err
	}
	return c.Store.Get(ctx, key)
}

func (c *counted) Record(ctx context.Context, collection store.Collection, name string, into any) error {
	if err := c.read(1); err != nil {
		return err
	}
	return c.Store.Record(ctx, collection, name, into)
}

func (c *counted) Records(ctx context.Context, collection store.Collection) (map[string]json.RawMessage, error) {
	records, err := c.Store.Records(ctx, collection)
	if broken := c.read(max(1, len(records))); broken != nil {
		return nil, broken
	}
	return records, err
}

func (c *counted) Claim(ctx context.Context, collection store.Collection, name, holder string, until time.Time) error {
	if err := c.read(1); err != nil {
		return err
	}
	return c.Store.Claim(ctx, collection, name, holder, until)
}
