package twitchtest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

func TestHelixAnswers(t *testing.T) {
	t.Parallel()
	r := newRig()
	channel := r.AddUser("1337", "examplechan", "ExampleChan")
	bot := r.AddUser("99", "examplebot", "ExampleBot")
	channel.SetModerator(bot, true)
	channel.SetVIP(bot, true)
	owner := channel.Token(time.Hour, "moderation:read", "channel:read:vips")
	botToken := bot.Token(time.Hour, "user:read:moderated_channels")
	stream := channel.GoLive("First light", science, 12)

	for _, tt := range []struct{ name, target, token, want string }{
		{"a live stream", "/helix/streams?user_id=1337&user_id=99", r.app, `{"data":[{
			"id":"` + stream + `","user_id":"1337","user_login":"examplechan","user_name":"ExampleChan","game_id":"509670",
			"game_name":"Science & Technology","type":"live","title":"First light","viewer_count":12,
			"started_at":"2026-05-01T12:00:00Z","language":"en","is_mature":false,"tags":[],"tag_ids":[],
			"thumbnail_url":"https://thumbnails.invalid/examplechan-{width}x{height}.jpg"}],"pagination":{}}`},
		{"nobody live among those asked for", "/helix/streams?user_id=99&user_id=404", r.app, `{"data":[],"pagination":{}}`},
		{"users by id and login, each once, the unknown left out", "/helix/users?id=1337&id=404&login=EXAMPLECHAN", r.app, `{"data":[{
			"id":"1337","login":"examplechan","display_name":"ExampleChan","type":"","broadcaster_type":"","description":"",
			"profile_image_url":"","offline_image_url":"","view_count":0,"created_at":"2026-05-01T12:00:00Z"}]}`},
		{"a channel", "/helix/channels?broadcaster_id=1337", r.app, `{"data":[{
			"broadcaster_id":"1337","broadcaster_login":"examplechan","broadcaster_name":"ExampleChan","broadcaster_language":"en",
			"game_id":"509670","game_name":"Science & Technology","title":"First light","delay":0,"tags":[],
			"content_classification_labels":[],"is_branded_content":false}]}`},
		{"moderators", "/helix/moderation/moderators?broadcaster_id=1337", owner,
			`{"data":[{"user_id":"99","user_login":"examplebot","user_name":"ExampleBot"}],"pagination":{}}`},
		{"moderators among those asked for", "/helix/moderation/moderators?broadcaster_id=1337&user_id=1", owner, `{"data":[],"pagination":{}}`},
		{"VIPs", "/helix/channels/vips?broadcaster_id=1337&user_id=99", owner,
			`{"data":[{"user_id":"99","user_login":"examplebot","user_name":"ExampleBot"}],"pagination":{}}`},
		{"moderated channels", "/helix/moderation/channels?user_id=99", botToken,
			`{"data":[{"broadcaster_id":"1337","broadcaster_login":"examplechan","broadcaster_name":"ExampleChan"}],"pagination":{}}`},
		{"what was granted", "/helix/authorization/users?user_id=1337&user_id=404", r.app, `{"data":[{
			"user_id":"1337","user_login":"examplechan","user_name":"ExampleChan","scopes":["channel:read:vips","moderation:read"]}]}`},
		{"the layout that Twurple wants", "/mock/channels/vips?broadcaster_id=1337", owner,
			`{"data":[{"user_id":"99","user_login":"examplebot","user_name":"ExampleBot"}],"pagination":{}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(decoded(t, tt.want), r.get(t, tt.target, tt.token)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}

	own := r.get(t, "/helix/users", botToken)
	if diff := cmp.Diff([]string{"99"}, column(t, own, "id")); diff != "" {
		t.Errorf("users without parameters (-want +got):\n%s", diff)
	}
	bot.Rename("newbot", "NewBot")
	channel.SetModerator(bot, false)
	if got := column(t, r.get(t, "/helix/users?login=newbot&login=examplebot", r.app), "display_name"); !slices.Equal(got, []string{"NewBot"}) {
		t.Errorf("after a rename: %q", got)
	}
	if got := column(t, r.get(t, "/helix/moderation/channels?user_id=99", botToken), "broadcaster_id"); len(got) > 0 {
		t.Errorf("moderated channels after the role is lost: %q", got)
	}
}

func TestHelixRefuses(t *testing.T) {
	t.Parallel()
	r := newRig()
	channel := r.AddUser("1337", "examplechan", "ExampleChan")
	r.AddUser("99", "examplebot", "ExampleBot")
	scoped := channel.Token(time.Hour, "moderation:read")
	expired := channel.Token(time.Hour)
	r.ExpireToken(expired)
	number := func(i int) string { return fmt.Sprint(i) }

	for _, tt := range []struct {
		name, method, target, token string
		status                      int
	}{
		{"no token", "GET", "/helix/streams", "", http.StatusUnauthorized},
		{"a token that was never issued", "GET", "/helix/streams", "x", http.StatusUnauthorized},
		{"a token that expired", "GET", "/helix/streams", expired, http.StatusUnauthorized},
		{"an app token where a user's is needed", "GET", "/helix/moderation/moderators?broadcaster_id=1337", r.app, http.StatusUnauthorized},
		{"a user's token where the app's is needed", "GET", "/helix/eventsub/subscriptions", scoped, http.StatusBadRequest},
		{"the token of another user", "GET", "/helix/moderation/moderators?broadcaster_id=99", scoped, http.StatusUnauthorized},
		{"a missing scope", "GET", "/helix/channels/vips?broadcaster_id=1337", scoped, http.StatusUnauthorized},
		{"nobody's moderators", "GET", "/helix/moderation/moderators", scoped, http.StatusBadRequest},
		{"101 channels' streams", "GET", "/helix/streams?" + repeated("user_id", 101, number), r.app, http.StatusBadRequest},
		{"101 users by ids and logins together", "GET", "/helix/users?login=a&" + repeated("id", 100, number), r.app, http.StatusBadRequest},
		{"no users", "GET", "/helix/users", r.app, http.StatusBadRequest},
		{"101 channels", "GET", "/helix/channels?" + repeated("broadcaster_id", 101, number), r.app, http.StatusBadRequest},
		{"11 authorizations", "GET", "/helix/authorization/users?" + repeated("user_id", 11, number), r.app, http.StatusBadRequest},
		{"101 moderators", "GET", "/helix/moderation/moderators?broadcaster_id=1337&" + repeated("user_id", 101, number), scoped, http.StatusBadRequest},
		{"a page that is too long", "GET", "/helix/streams?first=101", r.app, http.StatusBadRequest},
		{"a page of nothing", "GET", "/helix/streams?first=0", r.app, http.StatusBadRequest},
		{"a cursor that it did not give", "GET", "/helix/streams?after=x", r.app, http.StatusBadRequest},
		{"a kind of stream that does not exist", "GET", "/helix/streams?type=x", r.app, http.StatusBadRequest},
		{"a parameter that it does not simulate", "GET", "/helix/streams?game_id=1", r.app, http.StatusBadRequest},
		{"two filters of subscriptions", "GET", "/helix/eventsub/subscriptions?type=x&status=enabled", r.app, http.StatusBadRequest},
		{"a path that it does not simulate", "GET", "/helix/clips", r.app, http.StatusNotFound},
		{"a method that it does not simulate", "POST", "/helix/streams", r.app, http.StatusNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			answer := r.do(t, tt.method, tt.target, tt.token, "")
			body := decoded(t, answer.Body.String()).(map[string]any)
			want := map[string]any{"error": http.StatusText(tt.status), "status": float64(tt.status), "message": body["message"]}
			if diff := cmp.Diff(want, body); diff != "" || answer.Code != tt.status || body["message"] == "" {
				t.Errorf("status %d (-want +got):\n%s", answer.Code, diff)
			}
		})
	}

	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/helix/streams", nil)
	for _, client := range []string{"", "another"} {
		request.Header = http.Header{"Authorization": {"Bearer " + r.app}, "Client-Id": {client}}
		if answer := serve(r.World, request); answer.Code != http.StatusUnauthorized {
			t.Errorf("client id %q = %d", client, answer.Code)
		}
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	r := newRig()
	channel := r.AddUser("1337", "examplechan", "ExampleChan")
	token := channel.Token(time.Hour, "moderation:read")
	for i := range 230 {
		u := r.AddUser(fmt.Sprint(1000+i), fmt.Sprint("user", i), fmt.Sprint("User", i))
		u.GoLive("t", science, i)
		channel.SetModerator(u, true)
	}
	for _, tt := range []struct {
		name, target, token string
		pages               []int
	}{
		{"20 where nothing is said", "/helix/moderation/moderators?broadcaster_id=1337", token, []int{20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 10}},
		{"100 at most", "/helix/moderation/moderators?broadcaster_id=1337&first=100", token, []int{100, 100, 30}},
		{"a last page that is full", "/helix/moderation/moderators?broadcaster_id=1337&first=46", token, []int{46, 46, 46, 46, 46}},
		{"all streams", "/helix/streams?first=100", r.app, []int{100, 100, 30}},
		{"100 ids without first are 20 rows", "/helix/streams?" + repeated("user_id", 100, func(i int) string { return fmt.Sprint(1000 + i) }), r.app, []int{20, 20, 20, 20, 20}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var pages []int
			seen := map[string]bool{}
			for target := tt.target; ; {
				body := r.get(t, target, tt.token)
				ids := column(t, body, "user_id")
				for _, id := range ids {
					seen[id] = true
				}
				pages = append(pages, len(ids))
				if cursor(t, body) == "" {
					break
				}
				target = tt.target + "&after=" + cursor(t, body)
			}
			total := 0
			for _, n := range tt.pages {
				total += n
			}
			if diff := cmp.Diff(tt.pages, pages); diff != "" || len(seen) != total {
				t.Errorf("%d different rows (-want +got):\n%s", len(seen), diff)
			}
		})
	}
	if got := column(t, r.get(t, "/helix/streams?first=2", r.app), "user_id"); !slices.Equal(got, []string{"1229", "1228"}) {
		t.Errorf("most viewers first: %q", got)
	}
}

func TestStreamsLag(t *testing.T) {
	t.Parallel()
	r := newRig()
	channel := r.AddUser("1337", "examplechan", "ExampleChan")
	r.AddUser("1338", "prompt", "Prompt").GoLive("here", science, 1)
	titles := func() []string { return column(t, r.get(t, "/helix/streams", r.app), "title") }
	expect := func(when string, want ...string) {
		t.Helper()
		got := titles()
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	channel.SetLag(3 * time.Minute)
	channel.GoLive("one", science, 5)
	expect("at the start", "here")
	r.Advance(2 * time.Minute)
	channel.Retitle("two", science)
	expect("after 2 minutes", "here")
	r.Advance(time.Minute)
	expect("after 3 minutes, with the title of the start", "here", "one")
	r.Advance(2 * time.Minute)
	channel.GoOffline()
	expect("offline, not known yet", "here", "two")
	r.Advance(3*time.Minute - 1)
	expect("still not known", "here", "two")
	r.Advance(1)
	expect("known", "here")
	channel.GoLive("three", science, 5)
	channel.SetLag(0)
	expect("without lag", "here", "three")
	for range 200 { // the moment in force an hour ago must not be forgotten
		r.Advance(time.Minute)
		channel.SetViewers(7)
	}
	channel.SetLag(time.Hour)
	expect("as of an hour ago", "here", "three")
}

func TestStreamsFlicker(t *testing.T) {
	t.Parallel()
	r := newRig()
	one, two := r.AddUser("1", "one", "One"), r.AddUser("2", "two", "Two")
	one.GoLive("t", science, 2)
	two.GoLive("t", science, 1)
	read := func(target string) []string { return column(t, r.get(t, target, r.app), "user_id") }

	one.Flicker(1)
	for _, want := range [][]string{{"2"}, {"1", "2"}} {
		if got := read("/helix/streams"); !slices.Equal(got, want) {
			t.Errorf("one flickers: %q, want %q", got, want)
		}
	}
	r.Flicker(2)
	for _, want := range [][]string{{}, {}, {"1", "2"}} {
		if got := read("/helix/streams?user_id=1&user_id=2"); !slices.Equal(got, want) {
			t.Errorf("all flicker: %q, want %q", got, want)
		}
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	c := &clock{now: start}
	w := twitchtest.New(twitchtest.Config{Now: c.Now, RateLimit: 60})
	r := &rig{World: w, clock: c, app: w.AppToken()}
	user := r.AddUser("1", "one", "One").Token(time.Hour)
	last := func(token string, n int) (int, []string) {
		var code int
		var header http.Header
		for range n {
			answer := r.do(t, http.MethodGet, "/helix/users?id=1", token, "")
			code, header = answer.Code, answer.Header()
		}
		return code, []string{header.Get("Ratelimit-Limit"), header.Get("Ratelimit-Remaining"), header.Get("Ratelimit-Reset")}
	}
	unix := func(d time.Duration) string { return fmt.Sprint(start.Add(d).Unix()) }
	for _, step := range []struct {
		name    string
		token   string
		advance time.Duration
		n, code int
		header  []string
	}{
		{"the first request", r.app, 0, 1, 200, []string{"60", "59", unix(time.Second)}},
		{"the last point", r.app, 0, 59, 200, []string{"60", "0", unix(time.Minute)}},
		{"one too many", r.app, 0, 1, 429, []string{"60", "0", unix(time.Minute)}},
		{"another bucket", user, 0, 1, 200, []string{"60", "59", unix(time.Second)}},
		{"a second later", r.app, time.Second, 1, 200, []string{"60", "0", unix(time.Minute + time.Second)}},
		{"full again and no fuller", r.app, time.Hour, 1, 200, []string{"60", "59", unix(time.Hour + 2*time.Second)}},
	} {
		c.Advance(step.advance)
		code, header := last(step.token, step.n)
		if diff := cmp.Diff(step.header, header); diff != "" || code != step.code {
			t.Errorf("%s: %d, want %d (-want +got):\n%s", step.name, code, step.code, diff)
		}
	}
}
