package heartbeat

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/ledger"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

const (
	stepTokens = "tokens"
	aboutAuth  = "auth"

	// validateEvery is how often a token is validated, as Twitch requires.
	validateEvery = time.Hour
	// expiringWithin is how long before its end a token is warned of.
	expiringWithin = 72 * time.Hour
	// sameExpiry is by how much two answers about one expiry may differ: Twitch
	// tells the seconds that are left.
	sameExpiry = time.Minute
)

// A validation is what Twitch said of one token.
type validation struct {
	UserToken
	asked bool
	token twitch.Token
	err   error
}

func (u UserToken) key() source.Key { return source.Key{Platform: platform, ID: u.UserID} }

// askTokens validates the tokens that are due. Nothing is refreshed, and nothing
// of a token is kept but a digest.
func (t *tick) askTokens(ctx context.Context, report *StepReport) func(context.Context) {
	if t.Twitch == nil || len(t.Config.UserTokens) == 0 {
		return nil
	}
	validations := make([]validation, len(t.Config.UserTokens))
	var group errgroup.Group
	group.SetLimit(4)
	for i, u := range t.Config.UserTokens {
		validations[i].UserToken = u
		if !t.tokenDue(u) {
			continue
		}
		report.Looked++
		validations[i].asked = true
		group.Go(func() error {
			validations[i].token, validations[i].err = t.Twitch.Validate(ctx, u.AccessToken)
			return nil // each is judged by itself
		})
	}
	_ = group.Wait() // it has none
	return func(context.Context) {
		for _, v := range validations {
			if v.asked {
				t.judgeToken(report, v)
			}
		}
	}
}

// tokenDue reports whether a token is to be validated: once an hour, when it is
// another one, and when its end or the warning of it has come.
func (t *tick) tokenDue(u UserToken) bool {
	known := t.ledger.Entry(u.key().String()).Token
	if known == nil || known.Digest != digestOf(u.AccessToken) {
		return true
	}
	validated := time.Unix(known.Validated, 0)
	passed := func(at time.Time) bool { return known.Expires != 0 && validated.Before(at) && !t.now.Before(at) }
	end := time.Unix(known.Expires, 0)
	return t.now.Sub(validated) >= validateEvery || passed(end) || passed(end.Add(-expiringWithin))
}

// judgeToken publishes the state of the authorization of one identity. That of
// another is never touched.
func (t *tick) judgeToken(report *StepReport, v validation) {
	name := v.key().String()
	e := t.ledger.Entry(name)
	digest := digestOf(v.AccessToken)
	known := ledger.Token{Digest: digest}
	if e.Token != nil && e.Token.Digest == digest {
		known = *e.Token
	}
	known.Validated = t.now.Unix()
	auth := event.Object{}
	var status string
	switch {
	case v.err == nil && v.token.UserID != v.UserID:
		report.fail("validating the token of "+name, errors.New("it is the token of another user, or of none"))
		return
	case v.err == nil:
		status = source.Valid
		known.Known, known.Dead = true, ""
		expires := v.token.ExpiresAt
		if was := time.Unix(known.Expires, 0); known.Expires != 0 && expires.Sub(was).Abs() < sameExpiry {
			expires = was.UTC()
		}
		auth["reason"] = "validated"
		known.Expires = 0
		if !expires.IsZero() {
			known.Expires = expires.Unix()
			auth["expiresAt"] = event.FormatTime(time.Unix(known.Expires, 0))
			if expires.Sub(t.now) <= expiringWithin {
				auth["reason"] = source.ReasonExpiring
			}
		}
		scopes := slices.Sorted(slices.Values(v.token.Scopes))
		auth["scopes"] = anyList(scopes)
	case errors.Is(v.err, twitch.ErrTokenInvalid):
		status = known.Dead
		if status == "" {
			status = death(known, t.now)
		}
		known.Dead = status
		auth["reason"] = "token_" + strings.ToLower(status)
	default:
		report.fail("validating the token of "+name, v.err)
		return
	}
	e.Token = &known
	t.ledger.Note(name, e, t.now)
	t.observe(observation{
		step: stepTokens, key: v.key(), about: aboutAuth,
		digest: digestOf(status, auth.Text("reason"), auth.Text("expiresAt"), strings.Join(v.token.Scopes, " "), digest),
		event: func() *event.Event {
			return t.status(v.key(), aboutAuth, event.Object{"authStatus": status, "auth": auth})
		},
	})
	if status != source.Valid {
		report.note("the token of %s is %s", name, strings.ToLower(status))
	}
}

// death is why a token is not valid: its time was over, or somebody took it back
// before. Of one that was never seen valid nobody knows, and it is as good as
// expired.
func death(known ledger.Token, now time.Time) string {
	if known.Known && (known.Expires == 0 || now.Unix() < known.Expires) {
		return source.Revoked
	}
	return source.Expired
}

// tokenOf is the token of a user, if one was given.
func (t *tick) tokenOf(userID string) (accessToken string, ok bool) {
	for _, u := range t.Config.UserTokens {
		if u.UserID == userID {
			return u.AccessToken, true
		}
	}
	return "", false
}
