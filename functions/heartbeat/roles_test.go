package heartbeat

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

// A troupe is a suite with a bot and a channel that it is watched in.
type troupe struct {
	*suite
	bot, channel *twitchtest.User
}

func playing(t testing.TB) troupe {
	s := start(t, func(c *Config) { c.Connectors, c.Broadcasters = nil, []string{channelID} })
	return troupe{s, s.world.AddUser(botID, "examplebot", "ExampleBot"), s.world.AddUser(channelID, "examplechan", "ExampleChan")}
}

// give hands the suite a token of a user.
func (s troupe) give(user *twitchtest.User, scopes ...string) {
	s.Config.UserTokens = append(s.Config.UserTokens, UserToken{user.ID(), user.Token(60*24*time.Hour, scopes...)})
}

func (s troupe) permissions() []string { return s.document("twitch:" + channelID).Permissions }

func TestRolesComeFromWhicheverTokenTells(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tokens func(troupe)
		want   []string // nil: unknown
		note   string   // in the report
	}{
		"the bot's token tells where it moderates": {
			func(s troupe) { s.give(s.bot, "user:read:moderated_channels") }, []string{"MODERATOR"}, "",
		},
		"the broadcaster's token tells of both roles": {
			func(s troupe) { s.give(s.channel, "moderation:read", "channel:read:vips") }, []string{"MODERATOR", "VIP"}, "",
		},
		"both tokens together": {
			func(s troupe) {
				s.give(s.bot, "user:read:moderated_channels")
				s.give(s.channel, "channel:read:vips")
			}, []string{"MODERATOR", "VIP"}, "",
		},
		"without a token nothing is known": {
			func(troupe) {}, nil, "user:read:moderated_channels",
		},
		"a token without the scope tells nothing, and which scope it lacks": {
			func(s troupe) { s.give(s.bot, "chat:read") }, nil, "lacks user:read:moderated_channels",
		},
		"a broadcaster's token that lacks one scope tells of the other role": {
			func(s troupe) { s.give(s.channel, "channel:read:vips") }, []string{"VIP"}, "lacks moderation:read",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := playing(t)
			s.channel.SetModerator(s.bot, true)
			s.channel.SetVIP(s.bot, true)
			test.tokens(s)
			report := s.mustBeat()
			if diff := cmp.Diff(test.want, s.permissions()); diff != "" {
				t.Errorf("permissions (-want +got):\n%s", diff)
			}
			if notes := strings.Join(report.Steps["roles"].Notes, "\n"); !strings.Contains(notes, test.note) {
				t.Errorf("notes %q", notes)
			}
		})
	}
}

func TestARoleThatIsLostIsNoticedWithinAnHour(t *testing.T) {
	t.Parallel()
	s := playing(t)
	s.channel.SetModerator(s.bot, true)
	s.give(s.bot, "user:read:moderated_channels")
	s.mustBeat()
	s.channel.SetModerator(s.bot, false)
	for range 59 {
		s.mustBeat()
	}
	if diff := cmp.Diff([]string{"MODERATOR"}, s.permissions()); diff != "" {
		t.Errorf("permissions before the audit (-want +got):\n%s", diff)
	}
	s.mustBeat()
	if got := s.permissions(); got == nil || len(got) != 0 {
		t.Errorf("permissions %v, want known and none", got)
	}
	if got := s.world.Count("GET /helix/moderation/channels"); got != 2 {
		t.Errorf("%d audits", got)
	}
}

func TestTheBotIsTheBroadcasterOfItsOwnChannel(t *testing.T) {
	t.Parallel()
	s := playing(t)
	s.Config.Broadcasters = []string{botID}
	s.mustBeat()
	if diff := cmp.Diff([]string{source.Broadcaster}, s.document("twitch:"+botID).Permissions); diff != "" {
		t.Errorf("permissions (-want +got):\n%s", diff)
	}
}

func TestAnAuditThatFailedIsMadeAgainWithTheNextTick(t *testing.T) {
	t.Parallel()
	s := playing(t)
	s.channel.SetModerator(s.bot, true)
	s.give(s.bot, "user:read:moderated_channels")
	s.world.Inject("GET /helix/moderation/channels", 5, twitchtest.Failure(500, ""))
	if report := s.beat(); report.Status != StatusFailed {
		t.Errorf("report %+v", report.Steps["roles"])
	}
	s.world.Heal("GET /helix/moderation/channels")
	s.mustBeat()
	if diff := cmp.Diff([]string{"MODERATOR"}, s.permissions()); diff != "" {
		t.Errorf("permissions (-want +got):\n%s", diff)
	}
}
