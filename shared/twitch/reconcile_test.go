package twitch

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/event"
)

const otherCallback = "https://example.com/other"

var online = Wanted{Type: "stream.online", Version: "1", Condition: map[string]string{"broadcaster_user_id": "1"}}

// existing is a subscription for online, made at a minute.
func existing(id, status string, minute int, change ...func(*Subscription)) Subscription {
	s := Subscription{
		ID: id, Status: status, Type: "stream.online", Version: "1", Condition: event.Object{"broadcaster_user_id": "1"},
		Callback: testCallback, CreatedAt: testNow.Add(time.Duration(minute) * time.Minute),
	}
	for _, change := range change {
		change(&s)
	}
	return s
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	elsewhere := func(s *Subscription) { s.Callback = otherCallback }
	nowhere := func(s *Subscription) { s.Callback = "" }
	timeless := func(s *Subscription) { s.CreatedAt = time.Time{} }
	version2 := func(s *Subscription) { s.Version = "2" }
	broadcaster2 := func(s *Subscription) { s.Condition = event.Object{"broadcaster_user_id": "2"} }
	with := func(name string, value any) func(*Subscription) {
		return func(s *Subscription) {
			s.Condition = maps.Clone(s.Condition)
			s.Condition[name] = value
		}
	}
	for _, tt := range []struct {
		name     string
		existing []Subscription
		state    SubscriptionState
		stands   string   // id of the one that Standing tells of
		deleted  []string // id and why
	}{
		{name: "nothing is there", state: Missing},
		{name: "an enabled one stays", existing: []Subscription{existing("a", StatusEnabled, 0)}, state: Enabled, stands: "a"},
		{name: "a pending one stays", existing: []Subscription{existing("a", StatusPending, 0)}, state: Pending, stands: "a"},
		{name: "one that failed goes", existing: []Subscription{existing("a", "webhook_callback_verification_failed", 0)},
			state: Missing, stands: "a", deleted: []string{"a webhook_callback_verification_failed"}},
		{name: "a status nobody knows is an end", existing: []Subscription{existing("a", "from_the_future", 0)},
			state: Missing, stands: "a", deleted: []string{"a from_the_future"}},
		{name: "the newest that ended tells why", existing: []Subscription{existing("b", "user_removed", 2), existing("a", "authorization_revoked", 1)},
			state: Missing, stands: "b", deleted: []string{"a authorization_revoked", "b user_removed"}},
		{name: "of two enabled the older stays", existing: []Subscription{existing("b", StatusEnabled, 1), existing("a", StatusEnabled, 0)},
			state: Enabled, stands: "a", deleted: []string{"b doubled"}},
		{name: "an enabled one is better than an older pending one", existing: []Subscription{existing("a", StatusPending, 0), existing("b", StatusEnabled, 1)},
			state: Enabled, stands: "b", deleted: []string{"a doubled"}},
		{name: "at the same time the smaller id stays", existing: []Subscription{existing("b", StatusEnabled, 0), existing("a", StatusEnabled, 0)},
			state: Enabled, stands: "a", deleted: []string{"b doubled"}},
		{name: "one without a time is new", existing: []Subscription{existing("a", StatusEnabled, 0, timeless), existing("b", StatusEnabled, 1)},
			state: Enabled, stands: "b", deleted: []string{"a doubled"}},
		{name: "the same one listed twice is not doubled", existing: []Subscription{existing("a", StatusEnabled, 0), existing("a", StatusEnabled, 0)},
			state: Enabled, stands: "a"},
		{name: "a living one stays beside those that ended", existing: []Subscription{existing("a", "user_removed", 0), existing("b", StatusPending, 1)},
			state: Pending, stands: "b", deleted: []string{"a user_removed"}},
		{name: "another callback's are neither used nor touched", existing: []Subscription{
			existing("a", StatusEnabled, 0, elsewhere), existing("b", "user_removed", 0, elsewhere), existing("c", StatusEnabled, 0, nowhere)}, state: Missing},
		{name: "another version is another one", existing: []Subscription{existing("a", StatusEnabled, 0, version2)}, state: Missing},
		{name: "what lives and is not wanted stays", existing: []Subscription{existing("a", StatusEnabled, 0, broadcaster2)}, state: Missing},
		{name: "but once, and not if it ended", existing: []Subscription{
			existing("a", StatusEnabled, 0, broadcaster2), existing("b", StatusEnabled, 1, broadcaster2), existing("c", "user_removed", 2, broadcaster2)},
			state: Missing, deleted: []string{"b doubled", "c user_removed"}},
		{name: "empty keys of a condition say nothing", existing: []Subscription{existing("a", StatusEnabled, 0, with("reward_id", ""), with("x", nil))}, state: Enabled, stands: "a"},
		{name: "other keys of a condition do", existing: []Subscription{existing("a", StatusEnabled, 0, with("reward_id", "9"))}, state: Missing},
		{name: "a number is its digits", existing: []Subscription{existing("a", StatusEnabled, 0, with("broadcaster_user_id", json.Number("1")))}, state: Enabled, stands: "a"},
		{name: "values that are no text differ", existing: []Subscription{
			existing("a", StatusEnabled, 0, with("x", []any{"1"})), existing("b", StatusEnabled, 0, with("x", []any{"2"})), existing("c", StatusEnabled, 0, with("x", `["1"]`))},
			state: Missing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			plan := Reconcile([]Wanted{online}, tt.existing, testCallback)
			var deleted []string
			for _, d := range plan.Delete {
				deleted = append(deleted, d.Subscription.ID+" "+d.Why)
			}
			if diff := cmp.Diff(tt.deleted, deleted); diff != "" {
				t.Errorf("deleted (-want +got):\n%s", diff)
			}
			if len(plan.Standing) != 1 || plan.Standing[0].State != tt.state || plan.Standing[0].Subscription.ID != tt.stands {
				t.Errorf("standing %+v, want %s with %q", plan.Standing, tt.state, tt.stands)
			}
			var created []Wanted
			if tt.state == Missing {
				created = []Wanted{online}
			}
			if diff := cmp.Diff(created, plan.Create); diff != "" {
				t.Errorf("created (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReconcileWantedTwiceIsCreatedOnce(t *testing.T) {
	t.Parallel()
	same := online
	same.Scoped = true
	plan := Reconcile([]Wanted{online, same}, nil, testCallback)
	if len(plan.Create) != 1 || len(plan.Standing) != 2 {
		t.Errorf("plan %+v", plan)
	}
}

func TestReconcileWithoutACallbackTouchesNothing(t *testing.T) {
	t.Parallel()
	conduit := func(s *Subscription) { s.Callback = "" }
	plan := Reconcile([]Wanted{online}, []Subscription{existing("a", StatusEnabled, 0, conduit), existing("b", "user_removed", 0, conduit)}, "")
	if len(plan.Delete) != 0 || plan.Standing[0].State != Missing {
		t.Errorf("plan %+v", plan)
	}
}

// wantedGen draws from few, so that they meet.
var wantedGen = rapid.Custom(func(t *rapid.T) Wanted {
	return Wanted{
		Type:      rapid.SampledFrom([]string{"stream.online", "stream.offline"}).Draw(t, "type"),
		Version:   rapid.SampledFrom([]string{"1", "2"}).Draw(t, "version"),
		Condition: map[string]string{"broadcaster_user_id": rapid.SampledFrom([]string{"1", "2"}).Draw(t, "broadcaster")},
	}
})

func worldGen(t *rapid.T) []Subscription {
	n := rapid.IntRange(0, 12).Draw(t, "n")
	world := make([]Subscription, n)
	for i := range world {
		w := wantedGen.Draw(t, "like")
		world[i] = Subscription{
			ID:     strconv.Itoa(i),
			Status: rapid.SampledFrom([]string{StatusEnabled, StatusPending, "user_removed", "new"}).Draw(t, "status"),
			Type:   w.Type, Version: w.Version, Condition: event.Object{"broadcaster_user_id": w.Condition["broadcaster_user_id"]},
			Callback: rapid.SampledFrom([]string{testCallback, testCallback, otherCallback, ""}).Draw(t, "callback"),
		}
		if minute := rapid.IntRange(-1, 3).Draw(t, "minute"); minute >= 0 {
			world[i].CreatedAt = testNow.Add(time.Duration(minute) * time.Minute)
		}
	}
	return world
}

// apply does to a world what a plan says. What it creates is enabled at once, or
// not.
func apply(t *rapid.T, world []Subscription, plan Plan) []Subscription {
	gone := make(map[string]bool)
	for _, d := range plan.Delete {
		gone[d.Subscription.ID] = true
	}
	world = slices.DeleteFunc(slices.Clone(world), func(s Subscription) bool { return gone[s.ID] })
	for i, w := range plan.Create {
		world = append(world, Subscription{
			ID: fmt.Sprintf("new-%d", i), Status: rapid.SampledFrom([]string{StatusEnabled, StatusPending}).Draw(t, "status of new"),
			Type: w.Type, Version: w.Version, Condition: event.Object{"broadcaster_user_id": w.Condition["broadcaster_user_id"]},
			Callback: testCallback, CreatedAt: testNow.Add(time.Hour),
		})
	}
	return world
}

func TestReconcileProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		wanted := rapid.SliceOfN(wantedGen, 0, 6).Draw(t, "wanted")
		world := worldGen(t)
		plan := Reconcile(wanted, world, testCallback)

		deleted := make(map[string]bool)
		for _, d := range plan.Delete {
			if d.Subscription.Callback != testCallback {
				t.Errorf("deletes another callback's %+v", d)
			}
			if deleted[d.Subscription.ID] {
				t.Errorf("deletes %s twice", d.Subscription.ID)
			}
			deleted[d.Subscription.ID] = true
		}

		// Neither the order nor a repetition of what exists matters.
		shuffled := rapid.Permutation(slices.Concat(world, world)).Draw(t, "shuffled")
		if diff := cmp.Diff(plan, Reconcile(wanted, shuffled, testCallback)); diff != "" {
			t.Errorf("in another order (-first +second):\n%s", diff)
		}

		// Who had an enabled one keeps exactly one, an enabled one.
		after := apply(t, world, plan)
		count := func(world []Subscription, w Wanted, statuses ...string) (n int) {
			for _, s := range world {
				if s.key() == w.key() && s.Callback == testCallback && slices.Contains(statuses, s.Status) {
					n++
				}
			}
			return n
		}
		if len(plan.Standing) != len(wanted) {
			t.Fatalf("%d standings for %d", len(plan.Standing), len(wanted))
		}
		for i, w := range wanted {
			if n := count(after, w, StatusEnabled, StatusPending); n != 1 {
				t.Errorf("%d live for %+v", n, w)
			}
			state := Missing
			if count(world, w, StatusEnabled) > 0 {
				state = Enabled
				if n := count(after, w, StatusEnabled); n != 1 {
					t.Errorf("%d enabled for %+v, of which there was one", n, w)
				}
			} else if count(world, w, StatusPending) > 0 {
				state = Pending
			}
			if plan.Standing[i].State != state {
				t.Errorf("%+v stands %s, want %s", w, plan.Standing[i].State, state)
			}
		}

		// All that lives elsewhere, or is not wanted, is still there in one.
		for _, s := range world {
			if s.Callback != testCallback && deleted[s.ID] || s.lives() && s.Callback == testCallback &&
				!slices.ContainsFunc(after, func(other Subscription) bool {
					return other.key() == s.key() && other.Callback == s.Callback && other.lives()
				}) {
				t.Errorf("%+v is lost", s)
			}
		}

		if second := Reconcile(wanted, after, testCallback); len(second.Create)+len(second.Delete) != 0 {
			t.Errorf("a second plan %+v", second)
		}
	})
}
