package heartbeat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/twitchtest"
	"github.com/sourcestate/sourcestate/shared/watchlist"
)

var errBroken = errors.New("broken")

func TestOtherMethodsAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
		if w := s.request(method, "/", ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != http.MethodPost {
			t.Errorf("%s: %d, Allow %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
	if w := s.request(http.MethodPost, "/?dryRun=perhaps", ""); w.Code != http.StatusBadRequest {
		t.Errorf("a dryRun that is neither: %d", w.Code)
	}
}

func TestASecondTickDuringARunIsBusy(t *testing.T) {
	t.Parallel()
	s := polling(t)
	until := s.clock.Now().Add(time.Minute)
	if err := s.store.Claim(t.Context(), store.Heartbeat, leaseName, "somebody", until); err != nil {
		t.Fatal(err)
	}
	if report := s.post("/"); report.Status != StatusBusy || report.Published != 0 {
		t.Errorf("report %+v", report)
	}
	s.clock.advance(time.Minute) // the one that held it was killed
	s.mustBeat()
	s.mustBeat() // it was given up
}

func TestOneBrokenStepDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *Config) { c.Broadcasters = []string{channelID} })
	s.bots.Set("twitch", map[string]any{"state": "CONNECTED", "id": botID})
	s.world.AddUser(channelID, "examplechan", "ExampleChan")
	s.world.Inject("GET /helix/streams", 10, twitchtest.Failure(500, ""))
	report := s.beat()
	if report.Status != StatusFailed || len(report.Steps["streams"].Failed) != 1 || len(report.Steps["connectors"].Failed) != 0 {
		t.Errorf("report %+v", report)
	}
	if got := s.bot().Status; got != source.Connected {
		t.Errorf("status %q", got)
	}
}

func TestWhatWasNotPublishedIsPublishedWithTheNextTick(t *testing.T) {
	t.Parallel()
	s := polling(t)
	s.broken = errBroken
	if report := s.beat(); report.Status != StatusFailed || report.Published != 0 {
		t.Errorf("report %+v", report)
	}
	s.broken = nil
	if report := s.mustBeat(); report.Published != 1 {
		t.Errorf("published %d", report.Published)
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *Config) {
		c.Broadcasters, c.CallbackURL = []string{channelID}, "https://example.com/webhooks/twitch"
	})
	s.bots.Set("twitch", map[string]any{"state": "CONNECTED", "id": botID})
	s.world.AddUser(channelID, "examplechan", "ExampleChan")
	report := s.post("/?dryRun=true")
	if !report.DryRun || report.Status != StatusOK || report.Published != 0 || len(report.Steps["subscriptions"].Created) != 5 {
		t.Errorf("report %+v, subscriptions %+v", report, report.Steps["subscriptions"])
	}
	if got := s.world.Count("POST /helix/eventsub/subscriptions"); got != 0 {
		t.Errorf("%d subscriptions were created", got)
	}
	for _, collection := range []store.Collection{store.Heartbeat, store.Ledger} {
		if records, err := s.store.Records(t.Context(), collection); err != nil || len(records) != 0 {
			t.Errorf("%s holds %v, %v", collection, records, err)
		}
	}
	if got := s.bot().ID; got != "" {
		t.Error("a document was written")
	}
}

func TestAStoreThatIsDownIsAFailedTick(t *testing.T) {
	t.Parallel()
	s := polling(t)
	s.records.broken = errBroken
	if report := s.beat(); report.Status != StatusFailed {
		t.Errorf("report %+v", report)
	}
}

func TestALostLedgerIsRebuilt(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]any{
		"gone":    nil,
		"spoilt":  map[string]any{"entries": "{"},
		"strange": map[string]any{"entries": 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := polling(t)
			s.mustBeat()
			if err := s.store.Write(t.Context(), store.Ledger, map[string]any{"0": spoil}); err != nil {
				t.Fatal(err)
			}
			if report := s.mustBeat(); report.Published != 1 {
				t.Errorf("published %d", report.Published)
			}
			if report := s.mustBeat(); report.Published != 0 {
				t.Errorf("published %d again", report.Published)
			}
		})
	}
}

func TestTheWatchlistIsReadWhenItsMarkChanges(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *Config) { c.Connectors, c.BotUserID = nil, "" })
	s.world.AddUser(channelID, "examplechan", "ExampleChan").GoLive("Hi", chess, 5)
	key := source.Key{Platform: "twitch", ID: channelID}
	watched := func() int { return s.mustBeat().Steps["watch"].Looked }
	if got := watched(); got != 0 {
		t.Fatalf("%d are watched", got)
	}
	if err := watchlist.Add(t.Context(), s.store, key, watchlist.Entry{Login: "examplechan"}); err != nil {
		t.Fatal(err)
	}
	if got := watched(); got != 1 {
		t.Errorf("%d are watched after one was added", got)
	}
	if got := watched(); got != 1 {
		t.Errorf("%d are watched with the next tick", got)
	}
	if got := s.streamStatus(); got != source.Online {
		t.Errorf("streamStatus %q", got)
	}
	if err := watchlist.Remove(t.Context(), s.store, key); err != nil {
		t.Fatal(err)
	}
	if got := watched(); got != 0 {
		t.Errorf("%d are watched after it was removed", got)
	}
	// Written by hand, without the mark.
	if err := s.store.Write(t.Context(), store.Watchlist, map[string]any{
		"twitch:" + channelID: watchlist.Entry{}, "kick:1": watchlist.Entry{}, "twitch:login": watchlist.Entry{},
	}); err != nil {
		t.Fatal(err)
	}
	s.clock.advance(time.Hour)
	report := s.mustBeat()
	if step := report.Steps["watch"]; step.Looked != 1 || len(step.Notes) != 2 {
		t.Errorf("watch %+v", step)
	}
}

func TestAQuietTickReadsTheLedgerAndPublishesNothing(t *testing.T) {
	t.Parallel()
	sources := 10_000
	if testing.Short() {
		sources = 2_000
	}
	s := start(t, func(c *Config) {
		c.BotUserID, c.Refresh = "", 1000*time.Hour
		for i := range sources {
			c.Broadcasters = append(c.Broadcasters, fmt.Sprint(100_000+i))
		}
	})
	s.bots.Set("twitch", map[string]any{"state": "CONNECTED", "id": botID})
	for i, id := range s.Config.Broadcasters {
		user := s.world.AddUser(id, "login"+id, "Name")
		if i%2 == 0 {
			user.GoLive("Hi", chess, 5)
		}
	}
	s.Publisher = new(taken) // ten thousand documents would take their time
	for range 8 {            // until all is believed
		s.mustBeat()
	}
	s.records.takeReads()
	report := s.mustBeat()
	if report.Published != 0 {
		t.Errorf("published %d", report.Published)
	}
	if reads := s.records.takeReads(); reads > sources/500+5 {
		t.Errorf("%d documents were read", reads)
	}
}

func TestTheReportNamesEveryStep(t *testing.T) {
	t.Parallel()
	s := polling(t)
	var report map[string]any
	if err := json.Unmarshal(s.request(http.MethodPost, "/", "").Body.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	steps := report["steps"].(map[string]any)
	for _, name := range []string{"watch", "connectors", "streams", "tokens", "roles", "subscriptions", "publish"} {
		step, ok := steps[name].(map[string]any)
		if !ok {
			t.Errorf("no step %s", name)
			continue
		}
		for _, field := range []string{"looked", "changed", "tookMs"} {
			if _, ok := step[field]; !ok {
				t.Errorf("step %s lacks %s", name, field)
			}
		}
	}
	if !slices.Contains([]any{"ok"}, report["status"]) || report["at"] != "2026-05-01T12:00:00.000Z" {
		t.Errorf("report %v", report)
	}
}

func TestATickHeedsItsDeadline(t *testing.T) {
	t.Parallel()
	s := polling(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if report := s.tick(ctx, false); report.Status != StatusFailed {
		t.Errorf("report %+v", report)
	}
}
