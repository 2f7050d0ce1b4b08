package twitchtest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

const secret = "s3cr3t-0123456789"

// creation is the body of a request for a subscription.
func creation(kind, version, callback string, condition map[string]string) string {
	body, err := json.Marshal(map[string]any{
		"type": kind, "version": version, "condition": condition,
		"transport": map[string]string{"method": "webhook", "callback": callback, "secret": secret},
	})
	if err != nil {
		panic(err) // strings cannot fail
	}
	return string(body)
}

func of(id string) map[string]string { return map[string]string{"broadcaster_user_id": id} }

// create creates a subscription and gives its id and the whole answer.
func (r *rig) create(t *testing.T, body string) (string, map[string]any) {
	t.Helper()
	answer := r.do(t, http.MethodPost, "/helix/eventsub/subscriptions", r.app, body)
	if answer.Code != http.StatusAccepted {
		t.Fatalf("create = %d %s", answer.Code, answer.Body)
	}
	whole := decoded(t, answer.Body.String()).(map[string]any)
	return whole["data"].([]any)[0].(map[string]any)["id"].(string), whole
}

func TestCreateListDelete(t *testing.T) {
	t.Parallel()
	r := newRig()
	r.AddUser("1337", "examplechan", "ExampleChan")
	id, created := r.create(t, creation("stream.online", "1", "https://example.com/hook", map[string]string{"broadcaster_user_id": "1337", "user_id": ""}))
	data := `[{"id":"` + id + `","status":"webhook_callback_verification_pending","type":"stream.online","version":"1",
		"condition":{"broadcaster_user_id":"1337"},"transport":{"method":"webhook","callback":"https://example.com/hook"},
		"created_at":"2026-05-01T12:00:00Z","cost":1}]`
	totals := `"total":1,"total_cost":1,"max_total_cost":10000`
	if diff := cmp.Diff(decoded(t, `{"data":`+data+`,`+totals+`}`), any(created)); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	for _, target := range []string{
		"/helix/eventsub/subscriptions", "/eventsub/subscriptions", "/helix/eventsub/subscriptions?user_id=1337",
		"/helix/eventsub/subscriptions?type=stream.online", "/helix/eventsub/subscriptions?status=" + twitchtest.StatusPending,
	} {
		if diff := cmp.Diff(decoded(t, `{"data":`+data+`,`+totals+`,"pagination":{}}`), r.get(t, target, r.app)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
	}
	empty := decoded(t, `{"data":[],"total":0,"total_cost":1,"max_total_cost":10000,"pagination":{}}`)
	if diff := cmp.Diff(empty, r.get(t, "/helix/eventsub/subscriptions?status=enabled", r.app)); diff != "" {
		t.Errorf("enabled ones (-want +got):\n%s", diff)
	}
	for _, tt := range []struct {
		id     string
		status int
	}{{"", http.StatusBadRequest}, {"x", http.StatusNotFound}, {id, http.StatusNoContent}, {id, http.StatusNotFound}} {
		if answer := r.do(t, http.MethodDelete, "/helix/eventsub/subscriptions?id="+tt.id, r.app, ""); answer.Code != tt.status {
			t.Errorf("deleting %q = %d, want %d", tt.id, answer.Code, tt.status)
		}
	}
	if diff := cmp.Diff([]twitchtest.Subscription{}, r.Subscriptions()); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	if sent := r.Deliver(t.Context()); len(sent) > 0 {
		t.Errorf("sent for a deleted subscription: %v", sent)
	}
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	const hook = "https://example.com/hook"
	client := func(id string) map[string]string { return map[string]string{"client_id": id} }
	good := creation("stream.online", "1", hook, of("1"))
	for _, tt := range []struct {
		name, body string
		status     int
	}{
		{"nothing wrong", good, 202},
		{"a callback on this machine", creation("stream.online", "1", "http://127.0.0.1:8080/hook", of("1")), 202},
		{"no JSON", "type=stream.online", 400},
		{"a type that does not exist", creation("stream.on", "1", hook, of("1")), 400},
		{"a version that does not exist", creation("stream.online", "2", hook, of("1")), 400},
		{"a version that was retired", creation("stream.offline", "1", hook, of("1")), 410},
		{"no condition", creation("stream.online", "1", hook, nil), 400},
		{"another type's condition", creation("stream.online", "1", hook, client(twitchtest.ClientID)), 400},
		{"nobody's condition", creation("stream.online", "1", hook, of("404")), 400},
		{"another client's condition", creation("user.authorization.grant", "1", hook, client("x")), 403},
		{"the client's condition", creation("user.authorization.grant", "1", hook, client(twitchtest.ClientID)), 202},
		{"a scope that was not granted", creation("channel.moderator.add", "1", hook, of("1")), 403},
		{"a scope that was granted", creation("channel.moderator.add", "1", hook, of("2")), 202},
		{"a plain callback", creation("stream.online", "1", "http://example.com/hook", of("1")), 400},
		{"a callback on another port", creation("stream.online", "1", "https://example.com:8443/hook", of("1")), 400},
		{"a callback on the right port", creation("stream.online", "1", "https://example.com:443/hook", of("1")), 202},
		{"a callback that is no URL", creation("stream.online", "1", "%", of("1")), 400},
		{"another transport", strings.Replace(good, "webhook", "conduit", 1), 400},
		{"a secret that is too short", strings.Replace(good, secret, "123456789", 1), 400},
		{"a secret that is too long", strings.Replace(good, secret, strings.Repeat("x", 101), 1), 400},
		{"a secret that is not ASCII", strings.Replace(good, secret, "0123456789é", 1), 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig()
			r.AddUser("1", "one", "One").Grant("user:read:email")
			r.AddUser("2", "two", "Two").Grant("channel:manage:moderators")
			r.RetireVersion("stream.offline", "1")
			answer := r.do(t, http.MethodPost, "/helix/eventsub/subscriptions", r.app, tt.body)
			if answer.Code != tt.status {
				t.Errorf("%d %s, want %d", answer.Code, answer.Body, tt.status)
			}
			if n := len(r.Subscriptions()); (n == 1) != (tt.status == 202) {
				t.Errorf("%d subscriptions", n)
			}
		})
	}
}

func TestSameSubscriptions(t *testing.T) {
	t.Parallel()
	r := newRig()
	r.AddUser("1", "one", "One")
	hook := func(i int) string {
		return creation("stream.online", "1", fmt.Sprint("https://example.com/", i), of("1"))
	}
	status := func(body string) (int, string) {
		answer := r.do(t, http.MethodPost, "/helix/eventsub/subscriptions", r.app, body)
		return answer.Code, answer.Body.String()
	}
	first, _ := r.create(t, hook(0))
	if code, _ := status(hook(0)); code != http.StatusConflict {
		t.Errorf("an equal one = %d", code)
	}
	r.create(t, hook(1))
	r.create(t, hook(2))
	if code, body := status(hook(3)); code != http.StatusTooManyRequests || !strings.Contains(body, "maximum subscriptions with type and condition exceeded") {
		t.Errorf("a fourth = %d %s", code, body)
	}
	if err := r.Revoke(first, "notification_failures_exceeded"); err != nil {
		t.Fatal(err)
	}
	if code, _ := status(hook(0)); code != http.StatusAccepted {
		t.Errorf("an equal one after the first has ended = %d", code)
	}
	if err := r.Revoke("x", "user_removed"); err == nil {
		t.Error("revoked what does not exist")
	}
}

func TestCost(t *testing.T) {
	t.Parallel()
	c := &clock{now: start}
	w := twitchtest.New(twitchtest.Config{Now: c.Now, MaxTotalCost: 1})
	r := &rig{World: w, clock: c, app: w.AppToken()}
	r.AddUser("1", "one", "One")
	r.AddUser("2", "two", "Two").Grant()
	r.AddUser("3", "three", "Three").Grant("channel:read:vips")
	total := func() any { return r.get(t, "/helix/eventsub/subscriptions", r.app).(map[string]any)["total_cost"] }
	const hook = "https://example.com/"
	costly, _ := r.create(t, creation("stream.online", "1", hook, of("1")))
	r.create(t, creation("stream.online", "1", hook, of("2")))
	r.create(t, creation("channel.vip.add", "1", hook, of("3")))
	if got := total(); got != 1.0 {
		t.Errorf("total cost = %v: those of users who granted something are free", got)
	}
	another := creation("stream.offline", "1", hook, of("1"))
	if answer := r.do(t, http.MethodPost, "/helix/eventsub/subscriptions", r.app, another); answer.Code != http.StatusTooManyRequests {
		t.Errorf("over the maximum = %d", answer.Code)
	}
	if err := r.Revoke(costly, "user_removed"); err != nil {
		t.Fatal(err)
	}
	if got := total(); got != 0.0 {
		t.Errorf("total cost = %v after the end of the only costly one", got)
	}
	second, _ := r.create(t, another)
	r.do(t, http.MethodDelete, "/helix/eventsub/subscriptions?id="+costly, r.app, "")
	r.do(t, http.MethodDelete, "/helix/eventsub/subscriptions?id="+second, r.app, "")
	if got := total(); got != 0.0 {
		t.Errorf("total cost = %v after both were deleted", got)
	}
}

func TestSubscribe(t *testing.T) {
	t.Parallel()
	r := newRig()
	r.AddUser("1", "one", "One")
	want := []twitchtest.Subscription{}
	for _, status := range []string{"", twitchtest.StatusFailed, "user_removed"} {
		s := twitchtest.Subscription{Status: status, Type: "channel.update", Condition: of("1"), Callback: "https://example.com/"}
		s.ID = r.Subscribe(s, secret)
		s.Version, s.CreatedAt, s.Cost = "2", start, 1
		if status == "" {
			s.Status = twitchtest.StatusEnabled
		}
		want = append(want, s)
	}
	if diff := cmp.Diff(want, r.Subscriptions()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.Pending() > 0 {
		t.Error("a challenge was queued")
	}
	page := r.get(t, "/helix/eventsub/subscriptions?first=2", r.app)
	last := r.get(t, "/helix/eventsub/subscriptions?first=2&after="+cursor(t, page), r.app)
	if got := append(column(t, page, "status"), column(t, last, "status")...); !slices.Equal(got, []string{"enabled", twitchtest.StatusFailed, "user_removed"}) {
		t.Errorf("listed: %q", got)
	}
}

func TestRetireVersion(t *testing.T) {
	t.Parallel()
	r := newRig()
	r.AddUser("1", "one", "One")
	for _, s := range []twitchtest.Subscription{
		{Type: "channel.update", Condition: of("1")},
		{Type: "channel.update", Condition: of("1"), Status: "user_removed"},
		{Type: "stream.online", Condition: of("1")},
	} {
		r.Subscribe(s, secret)
	}
	r.RetireVersion("channel.update", "2")
	r.RetireVersion("stream.online", "2") // another than there is
	var statuses []string
	for _, s := range r.Subscriptions() {
		statuses = append(statuses, s.Status)
	}
	if diff := cmp.Diff([]string{"version_removed", "user_removed", "enabled"}, statuses); diff != "" || r.Pending() != 1 {
		t.Errorf("%d webhooks, want one revocation (-want +got):\n%s", r.Pending(), diff)
	}
}

func TestGrantsEndSubscriptions(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*twitchtest.User){
		"a grant that is taken back":   (*twitchtest.User).Revoke,
		"a password that was changed":  (*twitchtest.User).ChangePassword,
		"both, one after the other":    func(u *twitchtest.User) { u.ChangePassword(); u.Revoke() },
		"both, the other way around":   func(u *twitchtest.User) { u.Revoke(); u.ChangePassword() },
		"a grant that is given anew":   func(u *twitchtest.User) { u.Revoke(); u.Grant("channel:read:vips") },
		"a token of another life time": func(u *twitchtest.User) { u.Token(time.Hour); u.Revoke() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig()
			u := r.AddUser("1", "one", "One")
			u.Grant("channel:read:vips")
			other := r.AddUser("2", "two", "Two")
			other.Grant("channel:read:vips")
			for _, s := range []twitchtest.Subscription{
				{Type: "channel.vip.add", Condition: of("1")}, {Type: "channel.vip.add", Condition: of("2")}, {Type: "stream.online", Condition: of("1")},
			} {
				r.Subscribe(s, secret)
			}
			end(u)
			var statuses []string
			for _, s := range r.Subscriptions() {
				statuses = append(statuses, s.Status)
			}
			if diff := cmp.Diff([]string{"authorization_revoked", "enabled", "enabled"}, statuses); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if r.Pending() != 1 {
				t.Errorf("%d webhooks, want one revocation", r.Pending())
			}
		})
	}
}

func TestIDsFollowFromTheStart(t *testing.T) {
	t.Parallel()
	ids := func(at time.Time) []string {
		c := &clock{now: at}
		w := twitchtest.New(twitchtest.Config{Now: c.Now})
		u := w.AddUser("1", "one", "One")
		return []string{w.AppToken(), u.GoLive("t", science, 1), w.Subscribe(twitchtest.Subscription{Type: "stream.online", Condition: of("1")}, secret)}
	}
	first := ids(start)
	if diff := cmp.Diff(first, ids(start)); diff != "" {
		t.Errorf("the same world twice (-first +second):\n%s", diff)
	}
	all := map[string]bool{}
	for _, id := range append(first, ids(start.Add(time.Second))...) {
		all[id] = true
	}
	if len(all) != 6 {
		t.Errorf("ids are repeated by a later world: %q", slices.Collect(maps.Keys(all)))
	}
}
