package heartbeat

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

const channelID = "1337"

var chess = twitchtest.Category{ID: "743", Name: "Chess"}

// watching is a suite that watches one channel, which is in the world.
func watching(t testing.TB) (*suite, *twitchtest.User) {
	s := start(t, func(c *Config) {
		c.Broadcasters, c.Connectors, c.BotUserID = []string{channelID}, nil, ""
	})
	return s, s.world.AddUser(channelID, "examplechan", "ExampleChan")
}

// webhook tells an online or an offline as EventSub does.
func (s *suite) webhook(kind, stream string) {
	s.t.Helper()
	body := event.Object{"broadcasterId": channelID, "streamId": stream}
	if kind == event.TypeStreamOnline {
		body["startedAt"] = event.FormatTime(s.clock.Now())
	}
	s.tell(kind, body)
}

func (s *suite) streamStatus() string {
	s.t.Helper()
	return s.document("twitch:" + channelID).StreamStatus
}

func TestAMissedOnlineIsFoundByTwoPolls(t *testing.T) {
	t.Parallel()
	s, channel := watching(t)
	s.mustBeat()
	s.mustBeat()
	if got := s.streamStatus(); got != source.Offline {
		t.Fatalf("streamStatus %q of a channel that two polls found offline", got)
	}
	s.clock.advance(10 * time.Minute)
	stream := channel.GoLive("First light", chess, 12)
	s.mustBeat()
	if got := s.streamStatus(); got != source.Offline {
		t.Fatalf("streamStatus %q after one poll", got)
	}
	s.mustBeat()
	d := s.document("twitch:" + channelID)
	if d.StreamStatus != source.Online || d.Stream.ID != stream || d.ViewerCount == nil || *d.ViewerCount != 12 {
		t.Errorf("document %+v, stream %+v", d, d.Stream)
	}
	if d.Metadata["title"] != "First light" || d.Metadata["categoryName"] != "Chess" || d.DisplayName != "ExampleChan" {
		t.Errorf("metadata %v, name %q", d.Metadata, d.DisplayName)
	}
	page, err := s.store.History(t.Context(), source.Key{Platform: "twitch", ID: channelID}, store.HistoryQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range page.Changes {
		if change.Reason != "poll" || change.By != "ingress.heartbeat" {
			t.Errorf("change %+v", change)
		}
	}
}

func TestAMissedOfflineIsFoundByTwoPolls(t *testing.T) {
	t.Parallel()
	s, channel := watching(t)
	stream := channel.GoLive("First light", chess, 12)
	s.webhook(event.TypeStreamOnline, stream)
	for range 10 {
		s.mustBeat()
	}
	channel.GoOffline()
	gone := s.clock.Now()
	s.mustBeat()
	if got := s.streamStatus(); got != source.Online {
		t.Fatalf("streamStatus %q after one poll", got)
	}
	s.mustBeat()
	d := s.document("twitch:" + channelID)
	if d.StreamStatus != source.Offline || !d.Stream.EndedAt.Equal(gone) || d.ViewerCount != nil {
		t.Errorf("streamStatus %q, stream %+v, viewers %v", d.StreamStatus, d.Stream, d.ViewerCount)
	}
	page, err := s.store.Sessions(t.Context(), d.Key(), store.SessionQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Sessions) != 1 || page.Sessions[0].EndReason != "poll" || page.Sessions[0].Minutes != 10 {
		t.Errorf("sessions %+v", page.Sessions)
	}
}

func TestASingleEmptyPollChangesNothing(t *testing.T) {
	t.Parallel()
	s, channel := watching(t)
	stream := channel.GoLive("First light", chess, 12)
	s.webhook(event.TypeStreamOnline, stream)
	for range 10 {
		s.mustBeat()
	}
	s.takePublished()
	for _, flicker := range []func(){
		func() { s.world.Flicker(1) },
		func() { s.world.Inject("GET /helix/streams", 1, twitchtest.Body("")) },
		func() { s.world.Inject("GET /helix/streams", 1, twitchtest.Body(`{"data":null}`)) },
		func() { s.world.Inject("GET /helix/streams", 1, twitchtest.HTML(502)) },
	} {
		flicker()
		s.beat()
		s.mustBeat()
		if got := s.streamStatus(); got != source.Online {
			t.Errorf("streamStatus %q", got)
		}
	}
	for _, e := range s.takePublished() {
		if e.Type != event.TypeStreamUpdate {
			t.Errorf("published %s", e.Type)
		}
	}
}

func TestAFailedPollSaysNothingHoweverOften(t *testing.T) {
	t.Parallel()
	s, channel := watching(t)
	stream := channel.GoLive("First light", chess, 12)
	s.webhook(event.TypeStreamOnline, stream)
	for range 10 {
		s.mustBeat()
	}
	s.world.Inject("GET /helix/streams", 100, twitchtest.Failure(500, ""))
	for range 4 {
		if report := s.beat(); report.Status != StatusFailed || len(report.Steps["streams"].Failed) == 0 {
			t.Errorf("report %+v", report)
		}
	}
	if got := s.streamStatus(); got != source.Online {
		t.Errorf("streamStatus %q", got)
	}
}

func TestPollsAreNotBelievedRightAfterAnEvent(t *testing.T) {
	t.Parallel()
	s, channel := watching(t)
	channel.SetLag(4 * time.Minute)
	stream := channel.GoLive("First light", chess, 12)
	s.webhook(event.TypeStreamOnline, stream)
	for minute := range 4 { // Helix does not know of it yet
		s.mustBeat()
		if got := s.streamStatus(); got != source.Online {
			t.Fatalf("minute %d: streamStatus %q", minute, got)
		}
	}
	s.clock.advance(30 * time.Minute)
	s.mustBeat()
	s.webhook(event.TypeStreamOffline, stream)
	channel.GoOffline()
	for minute := range 20 { // Helix shows the dead
		s.mustBeat()
		if got := s.streamStatus(); got != source.Offline {
			t.Fatalf("minute %d after the end: streamStatus %q", minute, got)
		}
	}
}

func TestAStaleLiveDoesNotReopenAStreamForAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	s, channel := watching(t)
	channel.SetLag(14 * time.Minute)
	stream := channel.GoLive("First light", chess, 12)
	s.webhook(event.TypeStreamOnline, stream)
	for range 40 {
		s.mustBeat()
	}
	s.webhook(event.TypeStreamOffline, stream)
	channel.GoOffline()
	for minute := range 30 {
		s.mustBeat()
		if got := s.streamStatus(); got != source.Offline {
			t.Fatalf("minute %d after the end: streamStatus %q", minute, got)
		}
	}
}

func TestAnEventThatContradictsAllPollsIsCorrectedWithinARefresh(t *testing.T) {
	t.Parallel()
	s, _ := watching(t)
	s.mustBeat()
	s.mustBeat()
	s.webhook(event.TypeStreamOnline, "ghost")
	for range 70 {
		s.mustBeat()
	}
	if got := s.streamStatus(); got != source.Offline {
		t.Errorf("streamStatus %q", got)
	}
}

func TestAHundredAndOneChannelsAreTwoRequests(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *Config) {
		c.Connectors, c.BotUserID = nil, ""
		for i := range 101 {
			c.Broadcasters = append(c.Broadcasters, fmt.Sprint(1000+i))
		}
	})
	for i := range 101 {
		s.world.AddUser(fmt.Sprint(1000+i), fmt.Sprint("login", i), "Name").GoLive("Hi", chess, 5)
	}
	s.mustBeat()
	s.mustBeat()
	if got := s.world.Count("GET /helix/streams"); got != 4 {
		t.Errorf("%d requests in two ticks", got)
	}
	live := 0
	for i := range 101 {
		if s.document(fmt.Sprint("twitch:", 1000+i)).StreamStatus == source.Online {
			live++
		}
	}
	if live != 101 {
		t.Errorf("%d are live", live)
	}
}

func TestViewersAreLeftOutWhileTheyAreNotCountedYet(t *testing.T) {
	t.Parallel()
	s, channel := watching(t)
	s.webhook(event.TypeStreamOnline, channel.GoLive("Hi", chess, 0))
	s.mustBeat()
	if d := s.document("twitch:" + channelID); d.ViewerCount != nil {
		t.Errorf("viewers %d at the start", *d.ViewerCount)
	}
	for range 7 {
		s.mustBeat()
	}
	if d := s.document("twitch:" + channelID); d.ViewerCount == nil || *d.ViewerCount != 0 {
		t.Errorf("viewers %v of a stream that nobody watches", d.ViewerCount)
	}
}

func TestLoginsAreResolvedOnceAndRemembered(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *Config) {
		c.Broadcasters, c.Connectors, c.BotUserID = []string{"examplechan"}, nil, ""
	})
	s.world.AddUser(channelID, "ExampleChan", "ExampleChan").GoLive("Hi", chess, 5)
	for range 3 {
		s.mustBeat()
	}
	if got := s.world.Count("GET /helix/users"); got != 1 {
		t.Errorf("%d requests for users", got)
	}
	if got := s.streamStatus(); got != source.Online {
		t.Errorf("streamStatus %q", got)
	}
}

// A stream of two hours, seen through a Helix that lags and flickers, with a drop
// of three minutes in the middle: sessions, averages and minutes are right.
func TestALongStreamLeavesItsSessions(t *testing.T) {
	t.Parallel()
	s, channel := watching(t)
	channel.SetLag(2 * time.Minute)
	first := channel.GoLive("Hello", chess, 100)
	s.webhook(event.TypeStreamOnline, first)
	live := func(minutes int) {
		for i := range minutes {
			if i%20 == 7 {
				channel.Flicker(1)
			}
			channel.SetViewers(100 + i)
			s.mustBeat()
		}
	}
	live(60)
	channel.GoOffline()
	s.webhook(event.TypeStreamOffline, first)
	for range 3 {
		s.mustBeat()
	}
	second := channel.GoLive("Again", chess, 200)
	s.webhook(event.TypeStreamOnline, second)
	live(60)
	channel.GoOffline() // of which no event tells
	for range 10 {
		s.mustBeat()
	}
	page, err := s.store.Sessions(t.Context(), source.Key{Platform: "twitch", ID: channelID}, store.SessionQuery{})
	if err != nil {
		t.Fatal(err)
	}
	type session struct {
		ID, Resumes, Reason string
		Minutes             int64
	}
	var got []session
	for _, p := range page.Sessions {
		got = append(got, session{p.ID, p.Resumes, p.EndReason, p.Minutes})
		if p.AverageViewers == nil || *p.AverageViewers < 125 || *p.AverageViewers > 131 {
			t.Errorf("average %v of %s", p.AverageViewers, p.ID)
		}
		// Helix lags by two minutes, so the last counts were not seen in time.
		if *p.PeakViewers < 156 || *p.PeakViewers > 159 {
			t.Errorf("peak %d of %s", *p.PeakViewers, p.ID)
		}
	}
	want := []session{{first, "", "", 60}, {second, first, "poll", 62}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sessions (-want +got):\n%s", diff)
	}
}
