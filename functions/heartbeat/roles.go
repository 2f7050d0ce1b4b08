package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

const (
	stepRoles  = "roles"
	aboutRoles = "roles"

	// auditEvery is how often roles are audited; events tell of changes meanwhile.
	auditEvery = time.Hour
)

// An audit is what could be found out of the bot's roles in one channel.
type audit struct {
	broadcaster broadcaster
	roles       map[string]bool
	failed      bool // not all answers came, so it is to be made again soon
}

// askRoles finds out what the bot may do in each watched channel, from whichever
// tokens there are.
func (t *tick) askRoles(ctx context.Context, report *StepReport) func(context.Context) {
	if t.Twitch == nil || t.Config.BotUserID == "" {
		return nil
	}
	var audits []*audit
	for _, b := range t.broadcasters {
		if t.now.Unix()-t.ledger.Entry(b.key().String()).Roles >= int64(auditEvery/time.Second) {
			audits = append(audits, &audit{broadcaster: b, roles: make(map[string]bool)})
		}
	}
	report.Looked = len(audits)
	if len(audits) == 0 {
		return nil
	}
	t.askBot(ctx, report, audits)
	t.askBroadcasters(ctx, report, audits)
	return func(context.Context) { t.judgeRoles(report, audits) }
}

// askBot asks with the bot's own token where it moderates.
func (t *tick) askBot(ctx context.Context, report *StepReport, audits []*audit) {
	token, ok := t.tokenOf(t.Config.BotUserID)
	if !ok {
		report.note("the bot has no token in TWITCH_USER_TOKENS: where it moderates cannot be asked (user:read:moderated_channels)")
		return
	}
	channels, err := t.Twitch.ModeratedChannels(ctx, token, t.Config.BotUserID)
	if err != nil {
		failed := t.roleFailure(report, "the bot's token", "user:read:moderated_channels", err)
		for _, a := range audits {
			a.failed = a.failed || failed
		}
		return
	}
	moderated := make(map[string]bool, len(channels))
	for _, id := range channels {
		moderated[id] = true
	}
	for _, a := range audits {
		a.roles[source.Moderator] = moderated[a.broadcaster.id]
	}
}

// askBroadcasters asks with the tokens of broadcasters what the bot is there.
func (t *tick) askBroadcasters(ctx context.Context, report *StepReport, audits []*audit) {
	var group errgroup.Group
	group.SetLimit(4)
	for _, a := range audits {
		token, ok := t.tokenOf(a.broadcaster.id)
		if !ok || a.broadcaster.id == t.Config.BotUserID {
			continue
		}
		group.Go(func() error {
			t.askBroadcaster(ctx, report, a, token)
			return nil // each is judged by itself
		})
	}
	_ = group.Wait() // it has none
}

func (t *tick) askBroadcaster(ctx context.Context, report *StepReport, a *audit, token string) {
	for _, question := range []struct {
		role, scope string
		ask         func(context.Context, string, string, string) (bool, error)
	}{
		{source.Moderator, "moderation:read", t.Twitch.IsModerator},
		{source.VIP, "channel:read:vips", t.Twitch.IsVIP},
	} {
		if _, known := a.roles[question.role]; known {
			continue
		}
		has, err := question.ask(ctx, token, a.broadcaster.id, t.Config.BotUserID)
		if err != nil {
			failed := t.roleFailure(report, "the token of "+a.broadcaster.key().String(), question.scope, err)
			a.failed = a.failed || failed
			continue
		}
		a.roles[question.role] = has
	}
}

// roleFailure reports whether asking again soon may help: a missing scope and a
// dead token stay what they are.
func (t *tick) roleFailure(report *StepReport, whose, scope string, err error) (transient bool) {
	switch {
	case errors.Is(err, twitch.ErrScopeMissing):
		report.note("%s lacks %s", whose, scope)
		return false
	case errors.Is(err, twitch.ErrTokenInvalid):
		report.note("%s is not valid", whose)
		return false
	}
	report.fail("asking for roles with "+whose, err)
	return true
}

// judgeRoles publishes what is known; what nobody may say stays unsaid.
func (t *tick) judgeRoles(report *StepReport, audits []*audit) {
	for _, a := range audits {
		name := a.broadcaster.key().String()
		own := a.broadcaster.id == t.Config.BotUserID
		if len(a.roles) > 0 || own {
			a.roles[source.Broadcaster] = own
			t.observeRoles(a)
		} else if !a.failed {
			report.note("no token tells what the bot is in %s", name)
		}
		if !a.failed {
			e := t.ledger.Entry(name)
			e.Roles = t.now.Unix()
			t.ledger.Note(name, e, t.now)
		}
	}
}

func (t *tick) observeRoles(a *audit) {
	roles, digest := make(event.Object, len(a.roles)), ""
	for _, role := range slices.Sorted(maps.Keys(a.roles)) {
		roles[role] = a.roles[role]
		digest += fmt.Sprint(role, a.roles[role])
	}
	key := a.broadcaster.key()
	t.observe(observation{
		step: stepRoles, key: key, about: aboutRoles, digest: digestOf(digest),
		event: func() *event.Event {
			return t.status(key, aboutRoles, event.Object{"roles": roles})
		},
	})
}
