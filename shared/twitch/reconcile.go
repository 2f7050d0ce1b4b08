package twitch

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/sourcestate/sourcestate/shared/event"
)

// The statuses of a subscription that lives. All others, an open set, are ends.
const (
	StatusEnabled = "enabled"
	StatusPending = "webhook_callback_verification_pending"
)

// A Plan is what makes the subscriptions of a callback those that are wanted.
type Plan struct {
	Create   []Wanted   // each once
	Delete   []Deletion // all of them of our callback
	Standing []Standing // one for each wanted, in their order
}

// A Deletion is a subscription that is no use.
type Deletion struct {
	Subscription Subscription
	Why          string // its status, or Doubled
}

// Doubled is why a living subscription is deleted: there is a better one.
const Doubled = "doubled"

// A Standing is how a wanted subscription stands before the plan is applied.
type Standing struct {
	Wanted Wanted
	State  SubscriptionState
	// Subscription is the one that stays, or, when Missing, the newest of those
	// that ended, whose status says why; zero if there is none.
	Subscription Subscription
}

// A SubscriptionState is what a wanted subscription is worth.
type SubscriptionState string

// The states of a wanted subscription.
const (
	Enabled SubscriptionState = "enabled" // events come
	Pending SubscriptionState = "pending" // created, not yet verified
	Missing SubscriptionState = "missing" // none, or only such as ended
)

// Reconcile compares what is wanted with what exists. Subscriptions are the same
// when type, version, condition and callback are. Of the same ones that live the
// best stays, enabled before pending, then the oldest; the others go, and those
// that ended. What has another callback, or none, is never touched, nor what
// lives and is not wanted. Without a callback nothing is ours.
func Reconcile(wanted []Wanted, existing []Subscription, callback string) Plan {
	var (
		plan   Plan
		living = make(map[string]Subscription)
		ended  = make(map[string]Subscription)
	)
	for _, s := range ours(existing, callback) {
		key := s.key()
		best, doubled := living[key]
		switch {
		case !s.lives():
			ended[key] = s // the newest comes last
			plan.Delete = append(plan.Delete, Deletion{s, s.Status})
		case doubled && (best.Status == StatusEnabled || s.Status != StatusEnabled):
			plan.Delete = append(plan.Delete, Deletion{s, Doubled})
		case doubled:
			plan.Delete = append(plan.Delete, Deletion{best, Doubled})
			fallthrough
		default:
			living[key] = s
		}
	}
	planned := make(map[string]bool)
	for _, w := range wanted {
		key := w.key()
		standing := Standing{Wanted: w, State: Missing, Subscription: ended[key]}
		if s, ok := living[key]; ok {
			standing.Subscription = s
			standing.State = Pending
			if s.Status == StatusEnabled {
				standing.State = Enabled
			}
		} else if !planned[key] {
			plan.Create = append(plan.Create, w)
			planned[key] = true
		}
		plan.Standing = append(plan.Standing, standing)
	}
	return plan
}

// ours are the subscriptions of a callback, each once, oldest first; whose time
// cannot be read is as good as new.
func ours(existing []Subscription, callback string) []Subscription {
	seen := make(map[string]bool)
	var own []Subscription
	for _, s := range existing {
		if callback != "" && s.Callback == callback && !seen[s.ID] {
			own = append(own, s)
			seen[s.ID] = true
		}
	}
	slices.SortFunc(own, func(a, b Subscription) int {
		if a.CreatedAt.IsZero() != b.CreatedAt.IsZero() {
			if a.CreatedAt.IsZero() {
				return 1
			}
			return -1
		}
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return own
}

func (s Subscription) lives() bool { return s.Status == StatusEnabled || s.Status == StatusPending }

func (s Subscription) key() string { return subscriptionKey(s.Type, s.Version, s.Condition) }

func (w Wanted) key() string {
	condition := make(event.Object, len(w.Condition))
	for name, value := range w.Condition {
		condition[name] = value
	}
	return subscriptionKey(w.Type, w.Version, condition)
}

// subscriptionKey is equal for equal subscriptions of one callback. A key of a
// condition that is empty says nothing, a number says what its digits do.
func subscriptionKey(kind, version string, condition event.Object) string {
	said := make(map[string]any, len(condition))
	for name, value := range condition {
		if text := event.Text(value); text != "" {
			said[name] = text
		} else if value != nil && value != "" {
			said[name] = value
		}
	}
	// Maps are encoded in the order of their keys. There is nothing here that
	// cannot be encoded: it was decoded before.
	key, _ := json.Marshal([]any{kind, version, said})
	return string(key)
}
