package status

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

// A debugAnswer is what an operator may want to know of Twitch when something is
// odd. Nothing is hidden in it but secrets, which it has none of.
type debugAnswer struct {
	Subscriptions      *debugSubscriptions `json:"subscriptions,omitempty"`
	SubscriptionsError string              `json:"subscriptionsError,omitempty"` // why there are none
	Tokens             []debugToken        `json:"tokens"`
	Webhooks           []json.RawMessage   `json:"webhooks"`         // the last of each type that Persistence saw, to within a minute
	Channels           []*source.Document  `json:"channels"`         // of Twitch, with what their connectors say
	Latest             json.RawMessage     `json:"latest,omitempty"` // heartbeat/latest
	Report             json.RawMessage     `json:"report,omitempty"` // of the last tick of the heartbeat
	Connectors         map[string]any      `json:"connectors"`       // what each answered then: JSON, or a text where it is none or too long
}

// debugSubscriptions are the app's subscriptions as Twitch lists them now.
type debugSubscriptions struct {
	Total         int                 `json:"total"`
	TotalCost     int                 `json:"totalCost"`
	MaxTotalCost  int                 `json:"maxTotalCost"`
	ByStatus      map[string]int      `json:"byStatus"`
	Subscriptions []debugSubscription `json:"subscriptions"`
}

type debugSubscription struct {
	ID        string       `json:"id"`
	Type      string       `json:"type"`
	Version   string       `json:"version"`
	Status    string       `json:"status"`
	Condition event.Object `json:"condition"`
	Cost      int          `json:"cost"`
	Callback  string       `json:"callback,omitempty"`
	CreatedAt source.Time  `json:"createdAt,omitzero"`
}

// A debugToken is what is known of the authorization of a source.
type debugToken struct {
	Source     string       `json:"source"`
	AuthStatus string       `json:"authStatus"`
	Auth       *source.Auth `json:"auth,omitempty"`
}

// debugTwitch answers whoever has the token. Where there is none, there is no
// such page.
func (h *Handler) debugTwitch(w http.ResponseWriter, r *http.Request) {
	if h.config.DebugToken == "" {
		h.nothing(w, r)
		return
	}
	if !h.mayDebug(r) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="debug"`)
		h.refuse(w, r, problem{status: http.StatusUnauthorized, detail: "This page is for bearers of the debug token."})
		return
	}
	found, err := h.debugging(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	body, err := json.MarshalIndent(found, "", "  ")
	if err != nil { // cannot be: it came from JSON
		h.fail(w, r, err)
		return
	}
	h.send(w, r, answer{status: http.StatusOK, kind: "application/json", body: append(body, '\n')})
}

// mayDebug compares digests, in a time that tells neither the token nor its length.
func (h *Handler) mayDebug(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	got, want := sha256.Sum256([]byte(strings.TrimSpace(token))), sha256.Sum256([]byte(h.config.DebugToken))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}

func (h *Handler) debugging(ctx context.Context) (found debugAnswer, err error) {
	found = debugAnswer{Tokens: []debugToken{}, Connectors: map[string]any{}, Webhooks: []json.RawMessage{}, Channels: []*source.Document{}}
	if found.Latest, err = h.record(ctx, latestName); err != nil {
		return debugAnswer{}, err
	}
	if err = h.debugReport(ctx, &found); err != nil {
		return debugAnswer{}, err
	}
	webhooks, err := h.documents.Records(ctx, store.Webhooks)
	if err != nil {
		return debugAnswer{}, err
	}
	for _, kind := range slices.Sorted(maps.Keys(webhooks)) {
		found.Webhooks = append(found.Webhooks, webhooks[kind])
	}
	for filter := (store.Filter{Platform: twitchPlatform, Limit: store.MaxLimit}); ; {
		page, err := h.documents.List(ctx, filter)
		if err != nil {
			return debugAnswer{}, err
		}
		for _, d := range page.Sources {
			found.Channels = append(found.Channels, d)
			if d.AuthStatus != "" {
				found.Tokens = append(found.Tokens, debugToken{d.Key().String(), d.AuthStatus, d.Auth})
			}
		}
		if filter.Cursor = page.NextCursor; filter.Cursor == "" {
			break
		}
	}
	h.debugSubscriptions(ctx, &found)
	return found, nil
}

// debugReport parts the last report from the answers of connectors that are kept
// with it.
func (h *Handler) debugReport(ctx context.Context, found *debugAnswer) error {
	raw, err := h.record(ctx, reportName)
	if raw == nil || err != nil {
		return err
	}
	var answers struct {
		Answers []struct{ Connector, Body string }
	}
	var report map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(raw, &answers), json.Unmarshal(raw, &report)); err != nil {
		found.Report = raw // of another version
		return nil
	}
	for _, a := range answers.Answers {
		found.Connectors[a.Connector] = a.Body
		if json.Valid([]byte(a.Body)) {
			found.Connectors[a.Connector] = json.RawMessage(a.Body)
		}
	}
	delete(report, "answers")
	found.Report, err = json.Marshal(report)
	return err
}

// record is a record of the heartbeat as it is, nil if there is none.
func (h *Handler) record(ctx context.Context, name string) (json.RawMessage, error) {
	var raw json.RawMessage
	err := h.documents.Record(ctx, store.Heartbeat, name, &raw)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return raw, err
}

// debugSubscriptions asks Twitch. That it does not answer is part of the answer.
func (h *Handler) debugSubscriptions(ctx context.Context, found *debugAnswer) {
	if h.twitch == nil {
		found.SubscriptionsError = "TWITCH_CLIENT_ID and TWITCH_CLIENT_SECRET are not set"
		return
	}
	list, err := h.twitch.Subscriptions(ctx)
	if err != nil {
		found.SubscriptionsError = err.Error() // without secrets, as all errors of that package
		return
	}
	found.Subscriptions = newDebugSubscriptions(list)
}

func newDebugSubscriptions(list twitch.SubscriptionList) *debugSubscriptions {
	found := &debugSubscriptions{
		Total: len(list.Subscriptions), TotalCost: list.TotalCost, MaxTotalCost: list.MaxTotalCost,
		ByStatus: make(map[string]int), Subscriptions: make([]debugSubscription, len(list.Subscriptions)),
	}
	for i, s := range list.Subscriptions {
		found.ByStatus[s.Status]++
		found.Subscriptions[i] = debugSubscription{
			ID: s.ID, Type: s.Type, Version: s.Version, Status: s.Status, Condition: s.Condition,
			Cost: s.Cost, Callback: s.Callback, CreatedAt: source.Time{Time: s.CreatedAt},
		}
	}
	slices.SortStableFunc(found.Subscriptions, func(a, b debugSubscription) int { return strings.Compare(a.Type, b.Type) })
	return found
}
