package twitchtest

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	maxSame   = 3 // subscriptions of one type and condition
	minSecret = 10
	maxSecret = 100
)

type subscriptionBody struct {
	ID        string            `json:"id"`
	Status    string            `json:"status"`
	Type      string            `json:"type"`
	Version   string            `json:"version"`
	Condition map[string]string `json:"condition"`
	Transport transportBody     `json:"transport"`
	CreatedAt string            `json:"created_at"`
	Cost      int               `json:"cost"`
}

type transportBody struct {
	Method   string `json:"method"`
	Callback string `json:"callback"`
	Secret   string `json:"secret,omitempty"` // in requests alone
}

// body is what Twitch shows of a subscription. Conditions never change, so it may
// be shared.
func (s *subscription) body() subscriptionBody {
	return subscriptionBody{
		ID: s.id, Status: s.status, Type: s.name, Version: s.kind.version, Condition: s.condition,
		Transport: transportBody{Method: "webhook", Callback: s.callback},
		CreatedAt: s.createdAt.UTC().Format(time.RFC3339Nano), Cost: s.cost,
	}
}

type subscriptionList struct {
	Total        int                `json:"total"`
	Data         []subscriptionBody `json:"data"`
	TotalCost    int                `json:"total_cost"`
	MaxTotalCost int                `json:"max_total_cost"`
	Pagination   *pagination        `json:"pagination,omitempty"`
}

func (w *World) subscriptionList(total int, data []subscriptionBody, p *pagination) subscriptionList {
	return subscriptionList{total, data, w.subscriptions.totalCost, w.config.MaxTotalCost, p}
}

// listSubscriptions is Get EventSub Subscriptions: oldest first. The total is of
// what the filter lets through.
func (w *World) listSubscriptions(c *call) answer {
	among := w.subscriptions.order
	filters := 0
	for name, of := range map[string]func(*subscription) string{
		"status":  func(s *subscription) string { return s.status },
		"type":    func(s *subscription) string { return s.name },
		"user_id": func(s *subscription) string { return s.condition[s.kind.about] },
	} {
		if !c.query.Has(name) {
			continue
		}
		filters++
		var kept []*subscription
		for _, s := range among {
			if of(s) == c.query.Get(name) {
				kept = append(kept, s)
			}
		}
		among = kept
	}
	if filters > 1 {
		return badRequest("only one of status, type and user_id may be specified")
	}
	page, refusal := paged(c, among, (*subscription).body)
	if refusal != nil {
		return *refusal
	}
	return ok(w.subscriptionList(len(among), page.Data, page.Pagination))
}

type creation struct {
	Type      string            `json:"type"`
	Version   string            `json:"version"`
	Condition map[string]string `json:"condition"`
	Transport transportBody     `json:"transport"`
}

// createSubscription is Create EventSub Subscription. The challenge is queued.
func (w *World) createSubscription(c *call) answer {
	var wanted creation
	if json.Unmarshal(c.body, &wanted) != nil {
		return badRequest("the body is not the JSON of a subscription")
	}
	condition := make(map[string]string)
	for name, value := range wanted.Condition {
		// Clients that send all keys, most of them empty, mean those that are not.
		if value != "" {
			condition[name] = value
		}
	}
	if refusal := w.refuse(wanted, condition); refusal != nil {
		return *refusal
	}
	k := kinds[wanted.Type]
	s := &subscription{
		id: w.newID("subscription"), status: StatusPending, name: wanted.Type, kind: k, condition: condition,
		callback: wanted.Transport.Callback, secret: wanted.Transport.Secret, createdAt: c.now, cost: w.cost(k, condition),
	}
	if w.subscriptions.totalCost+s.cost > w.config.MaxTotalCost {
		return fail(http.StatusTooManyRequests, "maximum total cost exceeded")
	}
	w.subscriptions.add(s)
	w.queue(s, messageBody{Challenge: w.newID("challenge"), Subscription: s.body()})
	created := w.subscriptionList(len(w.subscriptions.order), []subscriptionBody{s.body()}, nil)
	return answer{status: http.StatusAccepted, body: created}
}

// refuse says why a subscription may not be created, if so.
func (w *World) refuse(wanted creation, condition map[string]string) *answer {
	refuse := func(status int, message string) *answer {
		a := fail(status, message)
		return &a
	}
	if w.subscriptions.retired[wanted.Type+" "+wanted.Version] {
		return refuse(http.StatusGone, "the version of the subscription type is no longer supported")
	}
	k, known := kinds[wanted.Type]
	if !known || k.version != wanted.Version {
		return refuse(http.StatusBadRequest, "invalid subscription type and version")
	}
	about := condition[k.about]
	if about == "" || len(condition) != 1 {
		return refuse(http.StatusBadRequest, "the condition of "+wanted.Type+" must be "+k.about+" and nothing else")
	}
	if fault := wrongTransport(wanted.Transport); fault != "" {
		return refuse(http.StatusBadRequest, fault)
	}
	switch u := w.people.byID[about]; {
	case k.about == "client_id":
		if about != ClientID {
			return refuse(http.StatusForbidden, "the client_id must match that of the token")
		}
	case u == nil:
		return refuse(http.StatusBadRequest, "invalid condition: no such user")
	case len(k.scopes) > 0 && !u.granted(k.scopes):
		return refuse(http.StatusForbidden, "subscription missing proper authorization")
	}
	same := 0
	for _, other := range w.subscriptions.byCondition[conditionKey(wanted.Type, condition)] {
		if !other.live() {
			continue
		}
		if other.callback == wanted.Transport.Callback {
			return refuse(http.StatusConflict, "subscription already exists")
		}
		same++
	}
	if same >= maxSame {
		return refuse(http.StatusTooManyRequests, "maximum subscriptions with type and condition exceeded")
	}
	return nil
}

// wrongTransport says what Twitch minds about a transport. A callback at an
// address of this machine may do without TLS and with any port, because nobody
// else can be behind it.
func wrongTransport(t transportBody) string {
	if t.Method != "webhook" {
		return "the simulated Twitch has no transport but webhook"
	}
	callback, err := url.Parse(t.Callback)
	if err != nil || callback.Host == "" {
		return "invalid callback"
	}
	ip := net.ParseIP(callback.Hostname())
	local := callback.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	secure := callback.Scheme == "https" && (callback.Port() == "" || callback.Port() == "443")
	if !secure && (!local || callback.Scheme != "http") {
		return "the callback must be https on port 443"
	}
	if len(t.Secret) < minSecret || len(t.Secret) > maxSecret {
		return "the secret must have 10 to 100 characters"
	}
	for i := range len(t.Secret) {
		if t.Secret[i] > '\x7f' {
			return "the secret must be ASCII"
		}
	}
	return ""
}

// deleteSubscription is Delete EventSub Subscription.
func (w *World) deleteSubscription(c *call) answer {
	id := c.query.Get("id")
	if id == "" {
		return badRequest(`The parameter "id" is required`)
	}
	s, found := w.subscriptions.byID[id]
	if !found {
		return fail(http.StatusNotFound, "subscription not found")
	}
	w.subscriptions.remove(s)
	return answer{status: http.StatusNoContent}
}
