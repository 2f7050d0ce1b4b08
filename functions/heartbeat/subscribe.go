package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/sourcestate/sourcestate/shared/twitch"
)

// apply deletes what is dead or doubled and creates what is missing, deletions
// first, because they make room. It reports whether anything changed.
func (t *tick) apply(ctx context.Context, report *StepReport, plan twitch.Plan, list *twitch.SubscriptionList) (changed bool) {
	if unwanted := unwanted(plan, *list, t.Config.CallbackURL); unwanted > 0 {
		report.note("%d living subscriptions of this callback are for channels that are not watched", unwanted)
	}
	var mu sync.Mutex // guards what follows, and the report's own lists
	var group errgroup.Group
	group.SetLimit(4)
	for _, d := range plan.Delete {
		group.Go(func() error {
			if err := t.unsubscribe(ctx, d); err != nil {
				report.fail("deleting the subscription to "+describe(d.Subscription.Type, d.Subscription.Condition), err)
				return nil // the others are deleted all the same
			}
			mu.Lock()
			defer mu.Unlock()
			changed = true
			report.Deleted = listed(report.Deleted, describe(d.Subscription.Type, d.Subscription.Condition)+": "+d.Why)
			return nil
		})
	}
	_ = group.Wait() // it has none
	c := creation{tick: t, report: report, total: list.TotalCost, limit: list.MaxTotalCost}
	for _, w := range plan.Create {
		group.Go(func() error {
			c.create(ctx, w)
			return nil
		})
	}
	_ = group.Wait()
	if c.left > 0 {
		report.note("%d subscriptions were not created: %s", c.left, c.stopped)
	}
	list.TotalCost = max(list.TotalCost, c.total)
	return changed || c.created > 0
}

func (t *tick) unsubscribe(ctx context.Context, d twitch.Deletion) error {
	if t.report.DryRun {
		return nil
	}
	return t.Twitch.Unsubscribe(ctx, d.Subscription.ID)
}

// A creation creates subscriptions until something stops it.
type creation struct {
	*tick
	report *StepReport

	mu      sync.Mutex // guards what follows
	total   int        // cost, by Twitch's last word
	limit   int        // 0: not known
	created int
	left    int    // how many were not tried
	stopped string // why; "" while it goes on
}

// create creates one subscription, unless it is no use to try.
func (c *creation) create(ctx context.Context, w twitch.Wanted) {
	if !c.mayTry(ctx, w) {
		return
	}
	if c.tick.report.DryRun {
		c.note(w, twitch.SubscriptionList{})
		return
	}
	_, costs, err := c.Twitch.Subscribe(ctx, w, c.Config.CallbackURL, c.Config.Secrets.Newest())
	switch what := describeWanted(w); {
	case err == nil:
		c.note(w, costs)
	case errors.Is(err, twitch.ErrSubscriptionExists):
		c.report.note("%s exists already; it is seen with the next tick", what)
	case errors.Is(err, twitch.ErrSubscriptionLimit):
		// Waiting does not help, and those of others are not ours to delete.
		c.report.fail("creating "+what, fmt.Errorf("other callbacks have used up the three that Twitch allows: %w", err))
	case errors.Is(err, twitch.ErrCostLimit):
		c.stop("the cost limit of the app is reached")
	case errors.Is(err, twitch.ErrRateLimited):
		c.stop("Twitch asks to wait")
	default:
		c.report.fail("creating "+what, err)
	}
}

// mayTry reports whether a subscription may be created as far as is known: what
// nobody consented to costs, and the sum is limited.
func (c *creation) mayTry(ctx context.Context, w twitch.Wanted) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped == "" && ctx.Err() != nil {
		c.stopped = "time was up"
	}
	if c.stopped == "" && !w.Scoped && c.limit > 0 && c.total >= c.limit {
		c.stopped = "the cost limit of the app is reached"
	}
	if c.stopped != "" {
		c.left++
		return false
	}
	return true
}

func (c *creation) note(w twitch.Wanted, costs twitch.SubscriptionList) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.created++
	c.total = max(c.total, costs.TotalCost)
	if costs.MaxTotalCost > 0 {
		c.limit = costs.MaxTotalCost
	}
	c.report.Created = listed(c.report.Created, describeWanted(w))
}

func (c *creation) stop(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left++
	if c.stopped == "" {
		c.stopped = why
	}
}

// unwanted counts what lives under our callback and nobody wants. It is left
// alone: an operator may have made it by hand.
func unwanted(plan twitch.Plan, list twitch.SubscriptionList, callback string) int {
	kept := make(map[string]bool)
	for _, s := range plan.Standing {
		kept[s.Subscription.ID] = true
	}
	for _, d := range plan.Delete {
		kept[d.Subscription.ID] = true
	}
	count := 0
	for _, s := range list.Subscriptions {
		if s.Callback == callback && !kept[s.ID] {
			count++
		}
	}
	return count
}

func describeWanted(w twitch.Wanted) string {
	condition := make(map[string]any, len(w.Condition))
	for name, value := range w.Condition {
		condition[name] = value
	}
	return describe(w.Type, condition)
}

// describe names a subscription for a report. Conditions hold ids only.
func describe(kind string, condition map[string]any) string {
	for _, name := range []string{"broadcaster_user_id", "user_id", "client_id"} {
		if id, ok := condition[name].(string); ok {
			return kind + " of " + id
		}
	}
	return kind
}
