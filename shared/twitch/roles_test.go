package twitch

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestModeratedChannels(t *testing.T) {
	t.Parallel()
	s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if r.URL.Path != "/helix/moderation/channels" || query.Get("user_id") != "7" || query.Get("first") != "100" {
			t.Errorf("asked for %s", r.URL)
		}
		if query.Get("after") == "" {
			answerJSON(w, 200, `{"data":[{"broadcaster_id":"1"},{"broadcaster_id":"2"}],"pagination":{"cursor":"c"}}`)
			return
		}
		answerJSON(w, 200, `{"data":[{"broadcaster_id":"2"},{"broadcaster_id":"3"}],"pagination":{}}`)
	})
	got, err := s.client.ModeratedChannels(t.Context(), testUserToken, "7")
	if diff := cmp.Diff([]string{"1", "2", "3"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestModeratedChannelsIsAllOrAnError(t *testing.T) {
	t.Parallel()
	s := newStand(t, inTurn(static(200, `{"data":[{"broadcaster_id":"1"}],"pagination":{"cursor":"c"}}`), static(400, "")))
	if got, err := s.client.ModeratedChannels(t.Context(), testUserToken, "7"); err == nil || got != nil {
		t.Errorf("error %v, channels %v", err, got)
	}
}

func TestRolesInAChannel(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		pages map[string]string
		want  bool
	}{
		{"nobody", map[string]string{"": `{"data":[],"pagination":{}}`}, false},
		{"the user", map[string]string{"": `{"data":[{"user_id":"7"}],"pagination":{}}`}, true},
		{"another", map[string]string{"": `{"data":[{"user_id":"8"}],"pagination":{}}`}, false},
		{"the user on the second page", map[string]string{
			"":  `{"data":[{"user_id":"8"}],"pagination":{"cursor":"c"}}`,
			"c": `{"data":[{"user_id":"7"}],"pagination":{}}`,
		}, true},
		{"the user, of a page that is not the last", map[string]string{"": `{"data":[{"user_id":"7"}],"pagination":{"cursor":"c"}}`}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
				query := r.URL.Query()
				if query.Get("broadcaster_id") != "1" || query.Get("user_id") != "7" || query.Get("first") != "100" {
					t.Errorf("asked for %s", r.URL)
				}
				answerJSON(w, 200, tt.pages[query.Get("after")])
			})
			moderator, err := s.client.IsModerator(t.Context(), testUserToken, "1", "7")
			if err != nil || moderator != tt.want {
				t.Errorf("IsModerator = %t, %v, want %t", moderator, err, tt.want)
			}
			vip, err := s.client.IsVIP(t.Context(), testUserToken, "1", "7")
			if err != nil || vip != tt.want {
				t.Errorf("IsVIP = %t, %v, want %t", vip, err, tt.want)
			}
			requests, _, _ := s.seen()
			if requests[0] != "GET /helix/moderation/moderators" || requests[len(requests)-1] != "GET /helix/channels/vips" {
				t.Errorf("requests %q", requests)
			}
		})
	}
}

func TestRolesOfNobodyAreNotAskedFor(t *testing.T) {
	t.Parallel()
	s := newStand(t, static(200, `{"data":[{"user_id":"7","broadcaster_id":"7"}],"pagination":{}}`))
	for _, ids := range [][2]string{{"", "7"}, {"1", ""}, {"1", "login"}} {
		if got, err := s.client.IsModerator(t.Context(), testUserToken, ids[0], ids[1]); err == nil || got {
			t.Errorf("IsModerator of %q: %t, %v", ids, got, err)
		}
		if got, err := s.client.IsVIP(t.Context(), testUserToken, ids[0], ids[1]); err == nil || got {
			t.Errorf("IsVIP of %q: %t, %v", ids, got, err)
		}
	}
	if got, err := s.client.ModeratedChannels(t.Context(), testUserToken, ""); err == nil || got != nil {
		t.Errorf("ModeratedChannels of nobody: %v, %v", got, err)
	}
	if requests, _, _ := s.seen(); len(requests) != 0 {
		t.Errorf("requests %q", requests)
	}
}
