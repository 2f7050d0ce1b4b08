package twitchtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// The statuses that a subscription has without a script. Others say why it was
// revoked.
const (
	StatusPending = "webhook_callback_verification_pending"
	StatusEnabled = "enabled"
	StatusFailed  = "webhook_callback_verification_failed"
)

var errNoSubscription = errors.New("no such subscription")

// A Subscription is an EventSub subscription of the client by webhook.
type Subscription struct {
	ID        string
	Status    string
	Type      string
	Version   string
	Condition map[string]string
	Callback  string
	CreatedAt time.Time
	Cost      int
}

// subscription is one of the world. Its key is that of its condition.
type subscription struct {
	id, status string
	name       string // of the type
	kind       kind
	condition  map[string]string
	key        string
	callback   string
	secret     string
	createdAt  time.Time
	cost       int
}

// live reports whether a subscription counts against limits and costs. Those
// that failed or were revoked are only listed.
func (s *subscription) live() bool { return s.status == StatusEnabled || s.status == StatusPending }

// subscriptions are those of a world.
type subscriptions struct {
	byID        map[string]*subscription
	byCondition map[string][]*subscription // type and condition
	order       []*subscription            // oldest first
	totalCost   int
	retired     map[string]bool // type and version
}

func newSubscriptions() subscriptions {
	return subscriptions{
		byID:        make(map[string]*subscription),
		byCondition: make(map[string][]*subscription),
		retired:     make(map[string]bool),
	}
}

func (l *subscriptions) add(s *subscription) {
	s.key = conditionKey(s.name, s.condition)
	l.byID[s.id] = s
	l.byCondition[s.key] = append(l.byCondition[s.key], s)
	l.order = append(l.order, s)
	if s.live() {
		l.totalCost += s.cost
	}
}

func (l *subscriptions) remove(s *subscription) {
	same := func(other *subscription) bool { return other == s }
	delete(l.byID, s.id)
	l.byCondition[s.key] = slices.DeleteFunc(l.byCondition[s.key], same)
	l.order = slices.DeleteFunc(l.order, same)
	if s.live() {
		l.totalCost -= s.cost
	}
}

func (l *subscriptions) set(s *subscription, status string) {
	if s.live() {
		l.totalCost -= s.cost
	}
	s.status = status
	if s.live() {
		l.totalCost += s.cost
	}
}

func conditionKey(name string, condition map[string]string) string {
	// A map of strings cannot fail, and its keys are sorted.
	text, _ := json.Marshal(condition)
	return name + " " + string(text)
}

// cost is 0 for what needs an authorization or is about a user who gave one. It
// is settled at creation: what a later grant does to it is not known.
func (w *World) cost(k kind, condition map[string]string) int {
	if u := w.people.byID[condition[k.about]]; len(k.scopes) > 0 || u != nil && u.scopes != nil {
		return 0
	}
	return 1
}

// Subscriptions are all that exist, oldest first, live or not.
func (w *World) Subscriptions() []Subscription {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]Subscription, 0, len(w.subscriptions.order))
	for _, s := range w.subscriptions.order {
		all = append(all, Subscription{
			ID: s.id, Status: s.status, Type: s.name, Version: s.kind.version, Condition: maps.Clone(s.condition),
			Callback: s.callback, CreatedAt: s.createdAt, Cost: s.cost,
		})
	}
	return all
}

// Subscribe puts a subscription into the world as if it had been created long
// ago: no rule is applied to it and no challenge sent. It gives the id. What s
// says of ID, Version, CreatedAt and Cost does not count; an empty Status is
// enabled.
func (w *World) Subscribe(s Subscription, secret string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.Status == "" {
		s.Status = StatusEnabled
	}
	k := kinds[s.Type]
	made := &subscription{
		id: w.newID("subscription"), status: s.Status, name: s.Type, kind: k, condition: maps.Clone(s.Condition),
		callback: s.Callback, secret: secret, createdAt: w.config.Now(), cost: w.cost(k, s.Condition),
	}
	w.subscriptions.add(made)
	return made.id
}

// Revoke ends a subscription and tells its callback: the status is the reason.
// Of one that has ended already only the status changes.
func (w *World) Revoke(id, status string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, ok := w.subscriptions.byID[id]
	if !ok {
		return fmt.Errorf("revoking %q: %w", id, errNoSubscription)
	}
	w.revoke(s, status)
	return nil
}

func (w *World) revoke(s *subscription, status string) {
	tell := s.live()
	w.subscriptions.set(s, status)
	if tell {
		w.queue(s, messageBody{Subscription: s.body()})
	}
}

// RetireVersion removes the version of a type: creating is answered 410 from now
// on, and its subscriptions are revoked with version_removed.
func (w *World) RetireVersion(name, version string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.subscriptions.retired[name+" "+version] = true
	for _, s := range w.subscriptions.order {
		if s.name == name && s.kind.version == version && s.live() {
			w.revoke(s, "version_removed")
		}
	}
}
