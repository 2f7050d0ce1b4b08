package heartbeat

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

// validating is a suite with the bot's token, which lasts for a time.
func validating(t testing.TB, life time.Duration) (s *suite, bot *twitchtest.User, token string) {
	s = start(t, func(c *Config) { c.Connectors = nil })
	bot = s.world.AddUser(botID, "examplebot", "ExampleBot")
	token = bot.Token(life, "user:read:moderated_channels", "chat:read")
	s.Config.UserTokens = []UserToken{{UserID: botID, AccessToken: token}}
	return s, bot, token
}

// authHistory are the changes of the authorization, "status reason".
func (s *suite) authHistory() []string {
	s.t.Helper()
	page, err := s.store.History(s.t.Context(), source.Key{Platform: "twitch", ID: botID}, store.HistoryQuery{})
	if err != nil {
		s.t.Fatal(err)
	}
	var told []string
	for _, change := range page.Changes {
		if change.Facet == source.FacetAuthStatus {
			told = append(told, string(change.To)+" "+change.Reason)
		}
	}
	return told
}

func (s *suite) hours(n int) {
	s.t.Helper()
	for range n {
		s.mustBeat()
		s.clock.advance(59 * time.Minute)
	}
}

func TestATokenIsValidatedOnceAnHour(t *testing.T) {
	t.Parallel()
	s, _, _ := validating(t, 60*24*time.Hour)
	s.mustBeat()
	d := s.bot()
	if d.AuthStatus != source.Valid || d.Auth.Reason != "validated" {
		t.Errorf("authStatus %q, auth %+v", d.AuthStatus, d.Auth)
	}
	if diff := cmp.Diff([]string{"chat:read", "user:read:moderated_channels"}, d.Auth.Scopes); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	if want := s.clock.Now().Add(60*24*time.Hour - time.Minute); d.Auth.ExpiresAt.Sub(want).Abs() > time.Minute {
		t.Errorf("expiresAt %v, want about %v", d.Auth.ExpiresAt, want)
	}
	for range 119 {
		s.mustBeat()
	}
	if got := s.world.Count("GET /oauth2/validate"); got != 2 {
		t.Errorf("validated %d times in two hours", got)
	}
	if diff := cmp.Diff([]string{"VALID validated"}, s.authHistory()); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func TestATokenIsWarnedOfAndThenExpires(t *testing.T) {
	t.Parallel()
	s, _, _ := validating(t, 74*time.Hour)
	s.hours(80)
	want := []string{"VALID validated", "VALID expiring", "EXPIRED token_expired"}
	if diff := cmp.Diff(want, s.authHistory()); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	d := s.bot()
	if d.Auth.At.Sub(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)) < 74*time.Hour {
		t.Errorf("expired at %v", d.Auth.At)
	}
}

func TestATokenThatIsTakenBackIsRevokedAndStaysSo(t *testing.T) {
	t.Parallel()
	s, bot, _ := validating(t, 10*time.Hour)
	s.hours(2)
	bot.Revoke()
	s.hours(20)
	// The expiry was near from the beginning.
	want := []string{"VALID expiring", "REVOKED token_revoked"}
	if diff := cmp.Diff(want, s.authHistory()); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func TestANewTokenIsValidatedAtOnce(t *testing.T) {
	t.Parallel()
	s, bot, _ := validating(t, 10*24*time.Hour)
	s.mustBeat()
	bot.Revoke()
	s.hours(2)
	s.Config.UserTokens[0].AccessToken = bot.Token(10*24*time.Hour, "chat:read")
	s.mustBeat()
	if got := s.bot().AuthStatus; got != source.Valid {
		t.Errorf("authStatus %q", got)
	}
}

func TestATokenThatWasNeverValidIsExpired(t *testing.T) {
	t.Parallel()
	s, _, _ := validating(t, time.Hour)
	s.Config.UserTokens[0].AccessToken = "neverissued"
	s.mustBeat()
	if got := s.bot().AuthStatus; got != source.Expired {
		t.Errorf("authStatus %q", got)
	}
}

func TestTheTokenOfOneNeverTouchesAnother(t *testing.T) {
	t.Parallel()
	s, _, _ := validating(t, 10*24*time.Hour)
	s.mustBeat()
	other := s.world.AddUser("777", "other", "Other")
	s.Config.UserTokens[0].AccessToken = other.Token(10*24*time.Hour, "chat:read")
	if report := s.beat(); report.Status != StatusFailed || len(report.Steps["tokens"].Failed) != 1 {
		t.Errorf("report %+v", report.Steps["tokens"])
	}
	if got := s.bot().AuthStatus; got != source.Valid {
		t.Errorf("authStatus %q", got)
	}
	if got := s.document("twitch:777").ID; got != "" {
		t.Error("the other has a document")
	}
}

func TestATwitchThatIsDownSaysNothingOfTokens(t *testing.T) {
	t.Parallel()
	s, _, _ := validating(t, 10*24*time.Hour)
	s.mustBeat()
	s.clock.advance(2 * time.Hour)
	s.world.Inject("GET /oauth2/validate", 10, twitchtest.Failure(503, ""))
	if report := s.beat(); report.Status != StatusFailed {
		t.Errorf("report %+v", report)
	}
	if got := s.bot().AuthStatus; got != source.Valid {
		t.Errorf("authStatus %q", got)
	}
	s.world.Heal("GET /oauth2/validate")
	s.mustBeat() // asked again without waiting for an hour
	if got := s.bot().Auth.At; s.clock.Now().Sub(got.Time) > time.Hour {
		t.Errorf("last validated %v", got)
	}
}
