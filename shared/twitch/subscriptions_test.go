package twitch

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
)

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.String() {
		case "/helix/eventsub/subscriptions":
			answerJSON(w, 200, `{"data":[
				{"id":"a","status":"enabled","type":"stream.online","version":"1","condition":{"broadcaster_user_id":"1"},"cost":1,
				 "created_at":"2026-05-01T11:43:19.120083113Z","transport":{"method":"webhook","callback":"https://example.com/webhooks/twitch"}},
				{"id":"b","status":"something_new","type":"drop.entitlement.grant","version":"1","condition":{"organization_id":"9","category_id":"8"},"cost":0,
				 "created_at":"","transport":{"method":"conduit","conduit_id":"c"}}],
				"total":3,"total_cost":1,"max_total_cost":10000,"pagination":{"cursor":"x&y"}}`)
		case "/helix/eventsub/subscriptions?after=x%26y":
			answerJSON(w, 200, `{"data":[
				{"id":"b","status":"something_new","type":"drop.entitlement.grant","version":"1"},
				{"id":"c","status":"enabled","type":"stream.offline","version":"1","transport":null}],
				"total":3,"total_cost":2,"max_total_cost":10000,"pagination":{}}`)
		default:
			t.Errorf("asked for %s", r.URL)
		}
	})
	got, err := s.client.Subscriptions(t.Context())
	want := SubscriptionList{
		Subscriptions: []Subscription{
			{
				ID: "a", Status: "enabled", Type: "stream.online", Version: "1", Condition: event.Object{"broadcaster_user_id": "1"},
				Callback: testCallback, Cost: 1, CreatedAt: time.Date(2026, 5, 1, 11, 43, 19, 120_000_000, time.UTC),
			},
			{
				ID: "b", Status: "something_new", Type: "drop.entitlement.grant", Version: "1",
				Condition: event.Object{"organization_id": "9", "category_id": "8"},
			},
			{ID: "c", Status: "enabled", Type: "stream.offline", Version: "1"},
		},
		TotalCost: 2, MaxTotalCost: 10000,
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestSubscriptionsIsAllOrAnError(t *testing.T) {
	t.Parallel()
	row := `{"data":[{"id":"a","status":"enabled","type":"t"}],"pagination":{"cursor":"x"}}`
	for name, then := range map[string]http.HandlerFunc{
		"the second page fails":             static(400, ""),
		"the second page has no data":       static(200, `{"pagination":{}}`),
		"the pages do not end":              static(200, row),
		"a row without an id":               static(200, strings.Replace(row, `"a"`, `""`, 1)),
		"a row whose status is not a text":  static(200, strings.Replace(row, `"enabled"`, `{}`, 1)),
		"a row without a type":              static(200, strings.Replace(row, `"t"`, `null`, 1)),
		"something behind the second page":  static(200, strings.Replace(row, `"x"`, `""`, 1)+"x"),
		"the second page is a list of rows": static(200, `[{"id":"a","status":"enabled","type":"t"}]`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, inTurn(static(200, row), then))
			got, err := s.client.Subscriptions(t.Context())
			if err == nil || got.Subscriptions != nil {
				t.Errorf("error %v, list %+v", err, got)
			}
		})
	}
}

// TestSubscribe holds the request to what Twitch documents, without the empty
// fields of helix (facts/twitch.md section 5, #17).
func TestSubscribe(t *testing.T) {
	t.Parallel()
	s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		want := `{"type":"stream.online","version":"1","condition":{"broadcaster_user_id":"1"},` +
			`"transport":{"method":"webhook","callback":"https://example.com/webhooks/twitch","secret":"` + testHookSecret + `"}}`
		if diff := cmp.Diff(want, string(body)); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
		if r.Method != http.MethodPost || r.URL.String() != "/helix/eventsub/subscriptions" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s of type %s", r.Method, r.URL, r.Header.Get("Content-Type"))
		}
		answerJSON(w, 202, `{"data":[{"id":"s","status":"webhook_callback_verification_pending","type":"stream.online","version":"1",
			"condition":{"broadcaster_user_id":"1"},"created_at":"2026-05-01T12:00:00Z","cost":1,
			"transport":{"method":"webhook","callback":"https://example.com/webhooks/twitch"}}],"total":1,"total_cost":41,"max_total_cost":10000}`)
	})
	wanted := Wanted{Type: "stream.online", Version: "1", Condition: map[string]string{"broadcaster_user_id": "1"}}
	got, list, err := s.client.Subscribe(t.Context(), wanted, testCallback, testHookSecret)
	if err != nil {
		t.Fatal(err)
	}
	want := Subscription{
		ID: "s", Status: StatusPending, Type: "stream.online", Version: "1", Condition: event.Object{"broadcaster_user_id": "1"},
		Callback: testCallback, CreatedAt: testNow, Cost: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(SubscriptionList{Subscriptions: []Subscription{want}, TotalCost: 41, MaxTotalCost: 10000}, list); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	// What was created is what was wanted.
	if plan := Reconcile([]Wanted{wanted}, []Subscription{got}, testCallback); len(plan.Create)+len(plan.Delete) != 0 {
		t.Errorf("plan %+v", plan)
	}
}

// TestSubscribeRefusesASecret that Twitch would refuse, or worse, not (facts/twitch.md
// section 5, #18).
func TestSubscribeRefusesASecret(t *testing.T) {
	t.Parallel()
	s := newStand(t, static(202, `{"data":[{"id":"s","status":"enabled","type":"t"}]}`))
	for _, secret := range []string{"", "123456789", strings.Repeat("a", 101), "0123456789é"} {
		if _, _, err := s.client.Subscribe(t.Context(), Wanted{Type: "t", Version: "1"}, testCallback, secret); !errors.Is(err, ErrSecret) {
			t.Errorf("%q: error %v, want ErrSecret", secret, err)
		}
	}
	if requests, _, tokens := s.seen(); len(requests)+tokens != 0 {
		t.Errorf("requests %q, %d tokens", requests, tokens)
	}
}

func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodDelete || r.URL.String() != "/helix/eventsub/subscriptions?id=a%26b" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	if err := s.client.Unsubscribe(t.Context(), "a&b"); err != nil {
		t.Error(err)
	}
	s.seen()
	if err := s.client.Unsubscribe(t.Context(), ""); err == nil {
		t.Error("no id is taken")
	}
	if requests, _, _ := s.seen(); len(requests) != 0 {
		t.Errorf("requests %q", requests)
	}
}

func FuzzReadSubscriptions(f *testing.F) {
	f.Add([]byte(`{"data":[{"id":"a","status":"enabled","type":"t","transport":{"callback":"https://example.com/webhooks/twitch"}}],"pagination":{"cursor":"c"}}`))
	f.Add([]byte(`{"data":[{"id":"a","status":"enabled","type":"t","condition":{"a":{"b":[1e9]},"c":null},"created_at":"9999-12-31T23:59:59-23:00"},{}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, _, err := readSubscriptions(answer{status: 200, body: body})
		if err != nil {
			return
		}
		for _, s := range list.Subscriptions {
			if s.ID == "" || s.Status == "" || s.Type == "" || s.CreatedAt.Year() > 9999 || s.Cost < 0 {
				t.Errorf("%+v", s)
			}
		}
		plan := Reconcile(nil, list.Subscriptions, testCallback)
		for _, d := range plan.Delete {
			if d.Subscription.Callback != testCallback {
				t.Errorf("deletes %+v", d)
			}
		}
	})
}
