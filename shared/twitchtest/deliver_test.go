package twitchtest_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sourcestate/sourcestate/shared/twitch"
	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

func TestChallenge(t *testing.T) {
	t.Parallel()
	text := func(code int, contentType, format string) func(http.ResponseWriter, twitch.Headers, twitch.Message) {
		return func(w http.ResponseWriter, _ twitch.Headers, m twitch.Message) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, m.Challenge+format)
		}
	}
	for _, tt := range []struct {
		name   string
		answer func(http.ResponseWriter, twitch.Headers, twitch.Message)
		want   string
	}{
		{"the challenge alone", proper, twitchtest.StatusEnabled},
		{"a newline behind it", text(200, "text/plain", "\n"), twitchtest.StatusFailed},
		{"another status", text(202, "text/plain", ""), twitchtest.StatusFailed},
		{"JSON", text(200, "application/json", ""), twitchtest.StatusFailed},
		{"nothing", status(204), twitchtest.StatusFailed},
		{"an error", status(500), twitchtest.StatusFailed},
		{"no length", func(w http.ResponseWriter, _ twitch.Headers, m twitch.Message) {
			w.Header().Set("Content-Type", "text/plain")
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, m.Challenge)
		}, twitchtest.StatusFailed},
		{"a redirect", func(w http.ResponseWriter, _ twitch.Headers, _ twitch.Message) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, twitchtest.StatusFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig()
			r.AddUser("1337", "examplechan", "ExampleChan")
			callback := newReceiver(t)
			callback.answering(tt.answer)
			id, _ := r.create(t, creation("stream.online", "1", callback.URL, of("1337")))
			sent := r.Deliver(t.Context())
			want := []twitchtest.Delivery{{MessageType: twitch.MessageVerification, SubscriptionID: id, Type: "stream.online"}}
			if diff := cmp.Diff(want, sent, cmpopts.IgnoreFields(twitchtest.Delivery{}, "MessageID", "Status", "Err")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := r.Subscriptions()[0].Status; got != tt.want || (sent[0].Err == nil) != (tt.want == twitchtest.StatusEnabled) {
				t.Errorf("status %q, error %v; want %q", got, sent[0].Err, tt.want)
			}
			if len(callback.taken()) != 1 || len(r.Deliver(t.Context())) > 0 {
				t.Error("the challenge was not sent just once")
			}
		})
	}
}

func TestChallengeOfWhatHasEnded(t *testing.T) {
	t.Parallel()
	r := newRig()
	r.AddUser("1", "one", "One")
	callback := newReceiver(t)
	revoked, _ := r.create(t, creation("stream.online", "1", callback.URL, of("1")))
	deleted, _ := r.create(t, creation("stream.offline", "1", callback.URL, of("1")))
	if err := r.Revoke(revoked, "user_removed"); err != nil {
		t.Fatal(err)
	}
	callback.answering(func(w http.ResponseWriter, h twitch.Headers, m twitch.Message) {
		if m.Subscription.ID == revoked {
			proper(w, h, m)
			return
		}
		r.do(t, http.MethodDelete, "/helix/eventsub/subscriptions?id="+deleted, r.app, "")
		w.WriteHeader(http.StatusNotFound)
	})
	r.Deliver(t.Context())
	if left := r.Subscriptions(); len(left) != 1 || left[0].Status != "user_removed" {
		t.Errorf("left %v", left)
	}
	if cost := r.get(t, "/helix/eventsub/subscriptions", r.app).(map[string]any)["total_cost"]; cost != 0.0 {
		t.Errorf("total cost %v", cost)
	}
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	r := newRig()
	callback := newReceiver(t)
	channel := r.AddUser("1337", "examplechan", "ExampleChan")
	bot := r.AddUser("99", "examplebot", "ExampleBot")
	channel.Grant("moderation:read", "channel:read:vips")
	client := map[string]string{"client_id": twitchtest.ClientID}
	for _, s := range []struct {
		kind, version string
		condition     map[string]string
	}{
		{"stream.online", "1", of("1337")}, {"stream.offline", "1", of("1337")}, {"channel.update", "2", of("1337")},
		{"channel.moderator.add", "1", of("1337")}, {"channel.moderator.remove", "1", of("1337")},
		{"channel.vip.add", "1", of("1337")}, {"channel.vip.remove", "1", of("1337")},
		{"user.update", "1", map[string]string{"user_id": "99"}},
		{"user.authorization.grant", "1", client}, {"user.authorization.revoke", "1", client},
	} {
		r.create(t, creation(s.kind, s.version, callback.URL, s.condition))
	}
	channel.GoLive("before it is enabled", science, 1)
	r.Deliver(t.Context())
	callback.taken()
	r.Advance(1500 * time.Millisecond)

	broadcaster := map[string]any{"broadcaster_user_id": "1337", "broadcaster_user_login": "examplechan", "broadcaster_user_name": "ExampleChan"}
	with := func(base map[string]any, more ...any) map[string]any {
		whole := map[string]any{}
		for key, value := range base {
			whole[key] = value
		}
		for i := 0; i < len(more); i += 2 {
			whole[more[i].(string)] = more[i+1]
		}
		return whole
	}
	botUser := map[string]any{"user_id": "99", "user_login": "examplebot", "user_name": "ExampleBot"}
	role := with(broadcaster, "user_id", "99", "user_login", "examplebot", "user_name", "ExampleBot")
	update := with(broadcaster, "title", "First light", "language", "en", "category_id", science.ID, "category_name", science.Name,
		"content_classification_labels", []any{})

	channel.GoOffline()
	channel.GoOffline() // nothing more
	stream := channel.GoLive("First light", science, 12)
	channel.SetViewers(13)                  // no event
	channel.Retitle("First light", science) // nothing new
	channel.SetModerator(bot, true)
	channel.SetModerator(bot, true) // nothing new
	channel.SetModerator(bot, false)
	channel.SetVIP(bot, true)
	channel.SetVIP(bot, false)
	bot.Grant("user:read:moderated_channels")
	bot.Revoke()
	bot.Rename("newbot", "NewBot")
	sent := r.Deliver(t.Context())

	type notification struct {
		Type  string
		Event map[string]any
	}
	got := []notification{}
	ids := map[string]bool{}
	for i, m := range callback.taken() {
		got = append(got, notification{m.SubscriptionType, m.Message.Event})
		ids[m.ID] = true
		if m.Type != twitch.MessageNotification || m.Timestamp != "2026-05-01T12:00:01.5Z" || m.Retry != "0" ||
			m.Message.Subscription.Type != m.SubscriptionType || m.Message.Subscription.Status != twitchtest.StatusEnabled ||
			sent[i].MessageID != m.ID || sent[i].Status != http.StatusNoContent || sent[i].Err != nil {
			t.Errorf("message %+v, sent %+v", m, sent[i])
		}
	}
	want := []notification{
		{"stream.offline", nil}, // its stream's id is checked below
		{"channel.update", update},
		{"stream.online", with(broadcaster, "id", stream, "type", "live", "started_at", "2026-05-01T12:00:01Z")},
		{"channel.moderator.add", role}, {"channel.moderator.remove", role}, {"channel.vip.add", role}, {"channel.vip.remove", role},
		{"user.authorization.grant", with(botUser, "client_id", twitchtest.ClientID)},
		{"user.authorization.revoke", with(botUser, "client_id", twitchtest.ClientID)},
		{"user.update", map[string]any{"user_id": "99", "user_login": "newbot", "user_name": "NewBot", "description": ""}},
	}
	if len(got) > 0 {
		if first := got[0].Event["id"]; first == "" || first == stream {
			t.Errorf("the id of the stream that ended: %v", first)
		}
		want[0].Event = with(broadcaster, "id", got[0].Event["id"])
	}
	if diff := cmp.Diff(want, got); diff != "" || len(ids) != len(want) {
		t.Errorf("%d message ids (-want +got):\n%s", len(ids), diff)
	}
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	r := newRig()
	callback := newReceiver(t)
	callback.answering(status(500))
	channel := r.AddUser("1", "one", "One")
	id := r.Subscribe(twitchtest.Subscription{Type: "stream.online", Condition: of("1"), Callback: callback.URL}, secret)
	channel.GoLive("t", science, 1) // still told of, with the status that it had
	for range 2 {
		if err := r.Revoke(id, "user_removed"); err != nil {
			t.Fatal(err)
		}
	}
	channel.GoOffline()
	channel.GoLive("t", science, 1) // not told of any more
	r.Deliver(t.Context())
	var got []string
	for _, m := range callback.taken() {
		got = append(got, m.Type+" "+m.Message.Subscription.Status)
	}
	if diff := cmp.Diff([]string{"notification enabled", "revocation user_removed"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.Pending() != 1 {
		t.Errorf("%d pending: the notification is sent again, the revocation is not", r.Pending())
	}
}

func TestResend(t *testing.T) {
	t.Parallel()
	r := newRig()
	callback := newReceiver(t)
	callback.answering(status(503))
	channel := r.AddUser("1", "one", "One")
	r.Subscribe(twitchtest.Subscription{Type: "stream.online", Condition: of("1"), Callback: callback.URL}, secret)
	channel.GoLive("t", science, 1)
	var attempts []string
	ids := map[string]bool{}
	for second := range 600 {
		r.Deliver(t.Context())
		for _, m := range callback.taken() {
			attempts = append(attempts, m.Retry+" at "+strconv.Itoa(second)+" of "+m.Timestamp)
			ids[m.ID] = true
		}
		r.Advance(time.Second)
	}
	const at = " of 2026-05-01T12:00:00Z"
	if diff := cmp.Diff([]string{"0 at 0" + at, "1 at 10" + at, "2 at 30" + at, "3 at 70" + at, "4 at 150" + at}, attempts); diff != "" || len(ids) != 1 {
		t.Errorf("%d ids (-want +got):\n%s", len(ids), diff)
	}
	if r.Pending() > 0 {
		t.Error("never given up")
	}

	channel.GoLive("t", science, 1)
	r.Deliver(t.Context())
	callback.answering(nil)
	r.Advance(10 * time.Second)
	if sent := r.Deliver(t.Context()); len(sent) != 1 || sent[0].Err != nil || sent[0].Retry != 1 || r.Pending() > 0 {
		t.Errorf("sent %v, %d pending", sent, r.Pending())
	}
}

func TestDrop(t *testing.T) {
	t.Parallel()
	r := newRig()
	callback := newReceiver(t)
	one, two := r.AddUser("1", "one", "One"), r.AddUser("2", "two", "Two")
	for _, id := range []string{"1", "2"} {
		r.Subscribe(twitchtest.Subscription{Type: "stream.online", Condition: of(id), Callback: callback.URL}, secret)
	}
	r.Drop("stream.online", "1", 1)
	one.GoLive("lost", science, 1)
	two.GoLive("t", science, 1)
	one.GoLive("t", science, 1)
	r.Deliver(t.Context())
	var got []string
	for _, m := range callback.taken() {
		got = append(got, m.Message.Event.Text("broadcaster_user_id"))
	}
	if !slices.Equal(got, []string{"2", "1"}) {
		t.Errorf("told of %q", got)
	}
}

func TestDeliverWhenContextEnds(t *testing.T) {
	t.Parallel()
	r := newRig()
	callback := newReceiver(t)
	channel := r.AddUser("1", "one", "One")
	r.Subscribe(twitchtest.Subscription{Type: "stream.online", Condition: of("1"), Callback: callback.URL}, secret)
	channel.GoLive("t", science, 1)
	channel.GoLive("t", science, 1)
	ctx, cancel := context.WithCancel(t.Context())
	callback.answering(func(w http.ResponseWriter, _ twitch.Headers, _ twitch.Message) {
		cancel()
		panic(http.ErrAbortHandler)
	})
	if sent := r.Deliver(ctx); len(sent) != 1 || sent[0].Err == nil {
		t.Errorf("sent %v", sent)
	}
	if sent := r.Deliver(ctx); len(sent) > 0 {
		t.Errorf("sent %v after the end", sent)
	}
	callback.answering(nil)
	first := callback.taken()[0].ID
	if sent := r.Deliver(t.Context()); len(sent) != 2 || sent[0].Retry != 0 || sent[0].MessageID != first {
		t.Errorf("sent %v: what was broken off comes first and does not count", sent)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now() // of the bubble, whose time goes by when all wait
		sleep := func(ctx context.Context, d time.Duration) error {
			select {
			case <-time.After(d):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		var got []string
		code := http.StatusServiceUnavailable
		callback := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = append(got, r.Header.Get(twitch.HeaderSubscriptionType)+" "+r.Header.Get(twitch.HeaderRetry)+" after "+time.Since(begin).String())
			w.WriteHeader(code)
		})
		world := twitchtest.New(twitchtest.Config{Now: time.Now, Sleep: sleep, Client: &http.Client{Transport: direct{callback}}})
		channel := world.AddUser("1", "one", "One")
		for _, kind := range []string{"stream.online", "stream.offline"} {
			world.Subscribe(twitchtest.Subscription{Type: kind, Condition: of("1"), Callback: "https://example.com/"}, secret)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			world.Run(ctx)
		}()
		synctest.Wait() // there is nothing to do
		channel.GoLive("t", science, 1)
		synctest.Wait() // it failed and will be sent again
		code = http.StatusNoContent
		_ = sleep(ctx, 4*time.Second)
		channel.GoOffline()
		_ = sleep(ctx, time.Minute)
		cancel()
		<-ended
		want := []string{"stream.online 0 after 0s", "stream.offline 0 after 4s", "stream.online 1 after 10s"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
