package heartbeat

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/twitch"
	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

// subscribing is a suite with a callback that answers challenges, which watches
// one channel.
func subscribing(t testing.TB, ids ...string) *suite {
	callback := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Challenge string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Challenge == "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", fmt.Sprint(len(body.Challenge)))
		_, _ = io.WriteString(w, body.Challenge)
	}))
	t.Cleanup(callback.Close)
	s := start(t, func(c *Config) {
		c.Connectors, c.BotUserID, c.Broadcasters, c.CallbackURL = nil, "", ids, callback.URL
	})
	for _, id := range ids {
		s.world.AddUser(id, "login"+id, "Name"+id)
	}
	return s
}

// verify lets the world send its challenges.
func (s *suite) verify() {
	s.t.Helper()
	s.world.Deliver(s.t.Context())
}

// subscriptions are those of the world, "type status", sorted.
func (s *suite) subscriptions() []string {
	var all []string
	for _, sub := range s.world.Subscriptions() {
		all = append(all, sub.Type+" "+sub.Status)
	}
	slices.Sort(all)
	return all
}

var allEnabled = []string{
	"channel.update enabled", "stream.offline enabled", "stream.online enabled",
	"user.authorization.grant enabled", "user.authorization.revoke enabled",
}

const created = "POST /helix/eventsub/subscriptions"

func TestATickCreatesWhatIsMissingAndASecondNothing(t *testing.T) {
	t.Parallel()
	s := subscribing(t, channelID)
	report := s.mustBeat()
	s.verify()
	if diff := cmp.Diff(allEnabled, s.subscriptions()); diff != "" {
		t.Errorf("subscriptions (-want +got):\n%s", diff)
	}
	if step := report.Steps["subscriptions"]; len(step.Created) != 5 || step.Cost == nil || step.Cost.Max != 100_000 {
		t.Errorf("report %+v", step)
	}
	if got := s.document("twitch:" + channelID).Status; got != "" {
		t.Errorf("status %q while the verification is open", got)
	}
	s.mustBeat()
	if got := s.world.Count(created); got != 5 {
		t.Errorf("%d creations", got)
	}
	d := s.document("twitch:" + channelID)
	if d.Status != source.Connected || d.Connectors["eventsub"].Status != source.Connected || d.LastError != nil {
		t.Errorf("document %+v", d)
	}
}

func TestARevokedSubscriptionIsBackAfterTheNextTick(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"notification_failures_exceeded", "authorization_revoked", "something_new"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			s := subscribing(t, channelID)
			s.mustBeat()
			s.verify()
			s.mustBeat()
			for _, sub := range s.world.Subscriptions() {
				if sub.Type == "stream.online" {
					if err := s.world.Revoke(sub.ID, status); err != nil {
						t.Fatal(err)
					}
				}
			}
			s.tell(event.TypeSourceStatus, event.Object{ // as EventSub does
				"id": channelID, "connector": "eventsub", "status": "DISCONNECTED", "lastError": event.Object{"code": status},
			})
			report := s.mustBeat()
			if step := report.Steps["subscriptions"]; len(step.Deleted) != 1 || !strings.Contains(step.Deleted[0], status) || len(step.Created) != 1 {
				t.Errorf("report %+v", step)
			}
			s.verify()
			s.mustBeat()
			if diff := cmp.Diff(allEnabled, s.subscriptions()); diff != "" {
				t.Errorf("subscriptions (-want +got):\n%s", diff)
			}
			if d := s.document("twitch:" + channelID); d.Status != source.Connected || d.LastError != nil {
				t.Errorf("status %q, error %+v", d.Status, d.LastError)
			}
		})
	}
}

func TestSubscriptionsOfOthersAreNeverTouched(t *testing.T) {
	t.Parallel()
	s := subscribing(t, channelID)
	condition := map[string]string{"broadcaster_user_id": channelID}
	for _, other := range []twitchtest.Subscription{
		{Type: "stream.online", Condition: condition, Callback: "https://other.example/webhook"},
		{Type: "stream.offline", Condition: condition, Callback: "https://other.example/webhook", Status: "authorization_revoked"},
	} {
		s.world.Subscribe(other, "another-secret")
	}
	own := twitchtest.Subscription{Type: "stream.online", Condition: condition, Callback: s.Config.CallbackURL}
	s.world.Subscribe(own, s.Config.Secrets.Newest())
	s.world.Subscribe(own, s.Config.Secrets.Newest())
	report := s.mustBeat()
	s.verify()
	if step := report.Steps["subscriptions"]; len(step.Deleted) != 1 || !strings.Contains(step.Deleted[0], twitch.Doubled) {
		t.Errorf("report %+v", step)
	}
	s.mustBeat()
	want := slices.Concat(allEnabled, []string{"stream.offline authorization_revoked", "stream.online enabled"})
	slices.Sort(want)
	if diff := cmp.Diff(want, s.subscriptions()); diff != "" {
		t.Errorf("subscriptions (-want +got):\n%s", diff)
	}
}

func TestRoleEventsAreSubscribedToWhereTheyWereGranted(t *testing.T) {
	t.Parallel()
	s := subscribing(t, channelID)
	s.world.User(channelID).Grant("moderation:read", "channel:manage:vips")
	s.mustBeat()
	s.verify()
	want := append([]string{
		"channel.moderator.add enabled", "channel.moderator.remove enabled", "channel.vip.add enabled", "channel.vip.remove enabled",
	}, allEnabled...)
	slices.Sort(want)
	if diff := cmp.Diff(want, s.subscriptions()); diff != "" {
		t.Errorf("subscriptions (-want +got):\n%s", diff)
	}
}

func TestCreatingStopsAtTheCostLimitAndSaysSo(t *testing.T) {
	t.Parallel()
	s := subscribing(t, "1", "2", "3")
	limited := twitchtest.New(twitchtest.Config{Now: s.clock.Now, MaxTotalCost: 6})
	server := httptest.NewServer(limited)
	t.Cleanup(server.Close)
	s.world = limited
	for _, id := range []string{"1", "2", "3"} {
		limited.AddUser(id, "login"+id, "Name"+id)
	}
	s.Config.APIURL, s.Config.AuthURL = server.URL+"/helix", server.URL
	s.Twitch = twitch.NewClient(twitch.ClientConfig{
		ClientID: s.Config.ClientID, ClientSecret: s.Config.ClientSecret, APIURL: s.Config.APIURL, AuthURL: s.Config.AuthURL, Now: s.clock.Now,
	})
	report := s.beat()
	step := report.Steps["subscriptions"]
	if len(step.Failed) != 0 || !strings.Contains(strings.Join(step.Notes, "\n"), "cost limit") || step.Cost.Total != 6 {
		t.Errorf("report %+v, cost %+v", step, step.Cost)
	}
	s.verify()
	s.beat()
	connected := 0
	for _, id := range []string{"1", "2", "3"} {
		if d := s.document("twitch:" + id); d.Status == source.Connected {
			connected++
		} else if d.LastError == nil || d.LastError.Code != "missing" {
			t.Errorf("error %+v", d.LastError)
		}
	}
	if connected > 1 { // which are created first is not settled
		t.Errorf("%d channels are connected", connected)
	}
}

func TestRefusalsOfACreationAreToldApart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault  twitchtest.Fault
		failed bool
		says   string
	}{
		"409 is adopted with the next tick": {twitchtest.Failure(409, "subscription already exists"), false, "exists already"},
		"429 for the limit of three does not wait": {
			twitchtest.Failure(429, "maximum subscriptions with type and condition exceeded"), true, "other callbacks",
		},
		"a version that was removed":  {twitchtest.Failure(410, "version removed"), true, "version removed"},
		"a server error is a failure": {twitchtest.Failure(500, ""), true, "500"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := subscribing(t, channelID)
			s.world.Inject(created, 20, test.fault)
			step := s.beat().Steps["subscriptions"]
			if (len(step.Failed) > 0) != test.failed || !strings.Contains(fmt.Sprint(step.Failed, step.Notes), test.says) {
				t.Errorf("report %+v", step)
			}
			s.world.Heal(created)
			s.mustBeat()
			s.verify()
			if diff := cmp.Diff(allEnabled, s.subscriptions()); diff != "" {
				t.Errorf("subscriptions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWithoutACallbackSubscriptionsAreLeftAlone(t *testing.T) {
	t.Parallel()
	s, _ := watching(t)
	s.mustBeat()
	if got := s.world.Count("GET /helix/eventsub/subscriptions"); got != 0 {
		t.Errorf("listed %d times", got)
	}
}

func TestManySubscriptionsAreListedOverAllPages(t *testing.T) {
	t.Parallel()
	var ids []string
	for i := range 120 {
		ids = append(ids, fmt.Sprint(5000+i))
	}
	s := subscribing(t, ids...)
	s.mustBeat()
	s.verify()
	s.mustBeat()
	if got := s.world.Count(created); got != 362 {
		t.Errorf("%d creations", got)
	}
	for _, id := range ids {
		if got := s.document("twitch:" + id).Status; got != source.Connected {
			t.Fatalf("status %q of %s", got, id)
		}
	}
}
