package heartbeat

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/ledger"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

const (
	stepSubscriptions = "subscriptions"
	aboutEventSub     = "eventsub"
	connectorEventSub = "eventsub"

	perPage = 100 // subscriptions of one page of a list

	// grantsEvery is how often a broadcaster's grants are asked for, and maxGrants
	// for how many broadcasters at a time.
	grantsEvery = time.Hour
	maxGrants   = 1000
)

// wantedOfChannel are the subscriptions that need nobody's consent.
var wantedOfChannel = []struct{ kind, version string }{
	{"stream.online", "1"}, {"stream.offline", "1"}, {"channel.update", "2"},
}

// wantedByScope are those that need one of the scopes.
var wantedByScope = []struct {
	kind   string
	scopes []string
}{
	{"channel.moderator.add", []string{"moderation:read"}},
	{"channel.moderator.remove", []string{"moderation:read"}},
	{"channel.vip.add", []string{"channel:read:vips", "channel:manage:vips"}},
	{"channel.vip.remove", []string{"channel:read:vips", "channel:manage:vips"}},
}

// wantedOfClient are those of the app itself.
var wantedOfClient = []string{"user.authorization.grant", "user.authorization.revoke"}

// A claim is a wanted subscription and whose it is: "" the app's.
type claim struct {
	twitch.Wanted
	broadcasterID string
}

// askSubscriptions lists the subscriptions that there are and makes them those
// that are wanted. It is the one step that changes something at Twitch.
func (t *tick) askSubscriptions(ctx context.Context, report *StepReport) func(context.Context) {
	if t.Twitch == nil || t.Config.CallbackURL == "" || len(t.broadcasters) == 0 || !t.listDue() {
		return nil
	}
	grants := t.askGrants(ctx, report)
	list, err := t.Twitch.Subscriptions(ctx)
	if err != nil {
		report.fail("listing subscriptions", err)
		return func(context.Context) { t.noteGrants(grants) }
	}
	claims := t.wanted(grants)
	wanted := make([]twitch.Wanted, len(claims))
	for i, c := range claims {
		wanted[i] = c.Wanted
	}
	report.Looked = len(list.Subscriptions)
	plan := twitch.Reconcile(wanted, list.Subscriptions, t.Config.CallbackURL)
	ended := plan.Create
	changed := t.apply(ctx, report, plan, &list)
	if changed && len(list.Subscriptions) <= 10*perPage && ctx.Err() == nil {
		// What was created is verified by now, or soon.
		if again, err := t.Twitch.Subscriptions(ctx); err != nil {
			report.fail("listing subscriptions again", err)
		} else {
			list = again
			plan = twitch.Reconcile(wanted, list.Subscriptions, t.Config.CallbackURL)
		}
	}
	report.Cost = &Cost{Total: list.TotalCost, Max: list.MaxTotalCost}
	return func(context.Context) {
		t.noteGrants(grants)
		t.latest.Subscriptions = len(list.Subscriptions)
		t.latest.SubscriptionsListed = event.FormatTime(t.now)
		t.doubt(ended)
		t.judgeSubscriptions(claims, plan)
	}
}

// listDue reports whether the subscriptions are to be listed: with each tick,
// unless they are so many that a second a page goes by in between.
func (t *tick) listDue() bool {
	listed, err := event.ParseTime(t.latest.SubscriptionsListed)
	if err != nil {
		return true
	}
	pages := (t.latest.Subscriptions + perPage - 1) / perPage
	return pages <= 10 || t.now.Sub(listed) >= time.Duration(pages)*time.Second
}

// askGrants asks what broadcasters granted, of those of whom it was not asked for
// long.
func (t *tick) askGrants(ctx context.Context, report *StepReport) map[string]ledger.Grant {
	var due []string
	for _, b := range t.broadcasters {
		g := t.ledger.Entry(b.key().String()).Grant
		if (g == nil || t.now.Unix()-g.Asked >= int64(grantsEvery/time.Second)) && len(due) < maxGrants {
			due = append(due, b.id)
		}
	}
	if len(due) == 0 {
		return nil
	}
	granted, err := t.Twitch.Grants(ctx, due)
	if err != nil {
		report.fail("asking for grants", err)
	}
	grants := make(map[string]ledger.Grant, len(due))
	for _, id := range due {
		if scopes, ok := granted[id]; ok || err == nil {
			grants[id] = ledger.Grant{Asked: t.now.Unix(), Scopes: slices.Sorted(slices.Values(scopes))}
		}
	}
	return grants
}

func (t *tick) noteGrants(grants map[string]ledger.Grant) {
	for id, g := range grants {
		name := broadcaster{id: id}.key().String()
		e := t.ledger.Entry(name)
		e.Grant = &g
		t.ledger.Note(name, e, t.now)
	}
}

// wanted are the subscriptions that there should be.
func (t *tick) wanted(grants map[string]ledger.Grant) []claim {
	claims := make([]claim, 0, len(wantedOfClient)+len(wantedOfChannel)*len(t.broadcasters))
	for _, kind := range wantedOfClient {
		claims = append(claims, claim{Wanted: twitch.Wanted{
			Type: kind, Version: "1", Condition: map[string]string{"client_id": t.Config.ClientID},
		}})
	}
	for _, b := range t.broadcasters {
		condition := map[string]string{"broadcaster_user_id": b.id}
		for _, w := range wantedOfChannel {
			claims = append(claims, claim{twitch.Wanted{Type: w.kind, Version: w.version, Condition: condition}, b.id})
		}
		scopes := grants[b.id].Scopes
		if g := t.ledger.Entry(b.key().String()).Grant; g != nil && scopes == nil {
			scopes = g.Scopes
		}
		for _, w := range wantedByScope {
			if slices.ContainsFunc(w.scopes, func(scope string) bool { return slices.Contains(scopes, scope) }) {
				claims = append(claims, claim{
					twitch.Wanted{Type: w.kind, Version: "1", Condition: condition, Scoped: true}, b.id,
				})
			}
		}
	}
	return claims
}

// doubt makes what was said of channels count as not published whose subscriptions
// ended: the revocation has told that they are not connected, so that they are
// connected again will be news.
func (t *tick) doubt(ended []twitch.Wanted) {
	for _, w := range ended {
		if id := w.Condition["broadcaster_user_id"]; id != "" {
			t.unpublish(broadcaster{id: id}.key().String(), aboutEventSub)
		}
	}
}

// judgeSubscriptions makes the connector "eventsub" of each channel what its
// subscriptions are: connected when all are enabled. While one waits for its
// verification nothing is said.
func (t *tick) judgeSubscriptions(claims []claim, plan twitch.Plan) {
	type health struct {
		pending bool
		missing []string // type and why
		code    string   // of the first
	}
	channels := make(map[string]*health, len(t.broadcasters))
	for i, standing := range plan.Standing {
		id := claims[i].broadcasterID
		if id == "" {
			continue
		}
		h := channels[id]
		if h == nil {
			h = &health{}
			channels[id] = h
		}
		switch standing.State {
		case twitch.Pending:
			h.pending = true
		case twitch.Missing:
			why := standing.Subscription.Status
			if why == "" {
				why = "missing"
			}
			if h.code == "" {
				h.code = why
			}
			h.missing = append(h.missing, standing.Wanted.Type+": "+why)
		}
	}
	for _, b := range t.broadcasters {
		switch h := channels[b.id]; {
		case h == nil:
		case len(h.missing) > 0:
			t.observeEventSub(b, event.Object{
				"status":    "DISCONNECTED",
				"lastError": event.Object{"code": h.code, "message": strings.Join(h.missing, ", ")},
			}, h.missing...)
		case !h.pending:
			t.observeEventSub(b, event.Object{"status": "CONNECTED", "lastError": nil})
		}
	}
}

func (t *tick) observeEventSub(b broadcaster, payload event.Object, digest ...string) {
	t.observe(observation{
		step: stepSubscriptions, key: b.key(), about: aboutEventSub, digest: digestOf(digest...),
		event: func() *event.Event {
			payload["connector"] = connectorEventSub
			if b.login != "" {
				payload["metadata"] = event.Object{"login": b.login}
			}
			return t.status(b.key(), aboutEventSub, payload)
		},
	})
}
