package twitch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/nicklaw5/helix/v2"

	"github.com/sourcestate/sourcestate/shared/event"
)

// A Wanted is a subscription that there should be.
type Wanted struct {
	Type      string
	Version   string
	Condition map[string]string
	Scoped    bool // Twitch refuses it unless its user granted a scope
}

// A SubscriptionList is subscriptions of an app, and what all of the app's cost
// by Twitch's count.
type SubscriptionList struct {
	Subscriptions []Subscription // each once, oldest first
	TotalCost     int
	MaxTotalCost  int
}

// Subscriptions lists all subscriptions of the app, of every status and
// transport. It is all of them or an error: those that one does not see count
// for Twitch's limits all the same.
//
// It does not go through helix, which drops the keys of conditions that it does
// not know, so that different subscriptions would look the same.
func (c *Client) Subscriptions(ctx context.Context) (SubscriptionList, error) {
	var list SubscriptionList
	seen := make(map[string]bool)
	err := pages(maxPages, func(after string) (string, error) {
		address := c.apiURL + subscriptionsPath
		if after != "" {
			address += "?" + url.Values{"after": {after}}.Encode()
		}
		a, err := c.exchange(ctx, request{method: http.MethodGet, url: address, as: asApp})
		if err != nil {
			return "", err
		}
		page, next, err := readSubscriptions(a)
		if err != nil {
			return "", err
		}
		list.TotalCost, list.MaxTotalCost = page.TotalCost, page.MaxTotalCost
		for _, s := range page.Subscriptions {
			if !seen[s.ID] { // a list that changes meanwhile repeats rows
				list.Subscriptions = append(list.Subscriptions, s)
			}
			seen[s.ID] = true
		}
		return next, nil
	})
	if err != nil {
		return SubscriptionList{}, fmt.Errorf("listing subscriptions: %w", err)
	}
	return list, nil
}

const subscriptionsPath = "/eventsub/subscriptions"

// readSubscriptions reads one page and the cursor of the next.
func readSubscriptions(a answer) (page SubscriptionList, next string, err error) {
	root, err := decodeObject(a.body)
	if err != nil || root.List("data") == nil {
		return SubscriptionList{}, "", unreadable(a.status, nil, "the answer has no list of subscriptions")
	}
	for _, value := range root.List("data") {
		row, _ := value.(map[string]any)
		s := listed(row)
		if s.ID == "" || s.Status == "" || s.Type == "" {
			return SubscriptionList{}, "", errRow(a.status, "an id, a status or a type")
		}
		page.Subscriptions = append(page.Subscriptions, s)
	}
	page.TotalCost, page.MaxTotalCost = count(root, "total_cost"), count(root, "max_total_cost")
	return page, root.Object("pagination").Text("cursor"), nil
}

func listed(row event.Object) Subscription {
	if row == nil {
		return Subscription{}
	}
	s := *subscription(row)
	s.Callback = row.Object("transport").Text("callback")
	s.CreatedAt, _ = row.Time("created_at")
	s.CreatedAt = instant(s.CreatedAt)
	s.Cost = count(row, "cost")
	return s
}

func count(o event.Object, key string) int {
	n, _ := o.Count(key)
	return int(n)
}

// Subscribe asks Twitch to send events to a callback, signed with secret. The
// subscription is pending until the callback has answered the challenge, which
// may come before this returns. The list holds the new one alone, beside the cost
// of all.
//
// The error is ErrSubscriptionExists, ErrSubscriptionLimit, ErrCostLimit,
// ErrVersionRemoved or ErrScopeMissing where it is one of these, ErrSecret for a
// secret that breaks Twitch's rules. After an answer that cannot be read there
// may be a subscription all the same.
func (c *Client) Subscribe(ctx context.Context, wanted Wanted, callback, secret string) (Subscription, SubscriptionList, error) {
	list, err := c.subscribe(ctx, wanted, callback, secret)
	if err != nil {
		return Subscription{}, SubscriptionList{}, fmt.Errorf("subscribing to %s version %s: %w", wanted.Type, wanted.Version, err)
	}
	return list.Subscriptions[0], list, nil
}

func (c *Client) subscribe(ctx context.Context, wanted Wanted, callback, secret string) (SubscriptionList, error) {
	if err := checkSecret(secret); err != nil {
		return SubscriptionList{}, err
	}
	body, err := creation(wanted, callback, secret)
	if err != nil {
		return SubscriptionList{}, err
	}
	a, err := c.exchange(ctx, request{
		method: http.MethodPost, url: c.apiURL + subscriptionsPath, as: asApp,
		contentType: "application/json", body: body,
		secrets: []string{secret}, refusals: subscribeRefusal,
	})
	if err != nil {
		return SubscriptionList{}, err
	}
	list, _, err := readSubscriptions(a)
	if err != nil {
		return SubscriptionList{}, err
	}
	if len(list.Subscriptions) != 1 {
		return SubscriptionList{}, unreadable(a.status, nil, "the answer is not about one subscription")
	}
	return list, nil
}

// creation is the body that creates a subscription. Helix's has empty fields and
// every key of a condition, of which it is not known whether Twitch minds them.
func creation(wanted Wanted, callback, secret string) ([]byte, error) {
	type transport struct {
		Method   string `json:"method"`
		Callback string `json:"callback"`
		Secret   string `json:"secret"`
	}
	body, err := json.Marshal(struct {
		Type      string            `json:"type"`
		Version   string            `json:"version"`
		Condition map[string]string `json:"condition"`
		Transport transport         `json:"transport"`
	}{wanted.Type, wanted.Version, wanted.Condition, transport{"webhook", callback, secret}})
	if err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	return body, nil
}

// subscribeRefusal is what only a new subscription is refused for. A 429 is not
// always about the rate here.
func subscribeRefusal(status int, message string) error {
	switch {
	case status == http.StatusConflict:
		return ErrSubscriptionExists
	case status == http.StatusGone:
		return ErrVersionRemoved
	case status == http.StatusTooManyRequests && strings.Contains(message, "type and condition"):
		return ErrSubscriptionLimit
	case (status == http.StatusTooManyRequests || status == http.StatusForbidden || status == http.StatusBadRequest) &&
		strings.Contains(message, "cost"):
		return ErrCostLimit
	}
	return nil
}

// Unsubscribe deletes a subscription. One that is no more is no error.
func (c *Client) Unsubscribe(ctx context.Context, id string) error {
	if id == "" {
		return errors.New("deleting a subscription: no id given")
	}
	err := c.ask(ctx, asApp, func(api *helix.Client) error {
		_, err := api.RemoveEventSubSubscription(id)
		return err
	})
	var refused *APIError
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("deleting subscription %q: %w", id, err)
	}
	return nil
}
