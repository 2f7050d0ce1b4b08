package twitch

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
		if want, got := "/helix/users?id=1&id=2&login=someone&login=x_y", r.URL.String(); got != want {
			t.Errorf("asked for %s, want %s", got, want)
		}
		answerJSON(w, 200, `{"data":[{"id":"1","login":"a","display_name":"Ä","created_at":""},{"id":"3","login":"someone","display_name":"SomeOne","created_at":"2020-01-01T00:00:00Z"},{"id":"1","login":"a","display_name":"Ä"}]}`)
	})
	got, err := s.client.Users(t.Context(), []string{"1", "2", "1", "nobody", ""}, []string{"SomeOne", "x_y", "someone", "", "a b", "ü", strings.Repeat("a", 26)})
	want := []User{{ID: "1", Login: "a", DisplayName: "Ä"}, {ID: "3", Login: "someone", DisplayName: "SomeOne"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestUsersAsksForAHundredTogether(t *testing.T) {
	t.Parallel()
	s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if n := len(query["id"]) + len(query["login"]); n == 0 || n > 100 {
			t.Errorf("%d at once", n)
		}
		rows := make([]string, 0, 100)
		for _, id := range slices.Concat(query["id"], query["login"]) {
			rows = append(rows, `{"id":"`+strings.TrimPrefix(id, "login")+`"}`)
		}
		answerJSON(w, 200, `{"data":[`+strings.Join(rows, ",")+`]}`)
	})
	ids := numbered(250)
	logins := make([]string, 100)
	for i := range logins {
		logins[i] = "login" + ids[i+150] // half of them the same users
	}
	got, err := s.client.Users(t.Context(), ids[:200], logins)
	if err != nil || len(got) != 250 {
		t.Errorf("error %v, %d users, want 250", err, len(got))
	}
	if requests, _, _ := s.seen(); len(requests) != 3 {
		t.Errorf("%d requests, want 3", len(requests))
	}
}

func TestUsersOfNobody(t *testing.T) {
	t.Parallel()
	s := newStand(t, static(200, `{"data":[{"id":"1"}]}`)) // whom helix asks for then is the token's user
	got, err := s.client.Users(t.Context(), []string{""}, []string{"a b"})
	if err != nil || got != nil {
		t.Errorf("error %v, users %v", err, got)
	}
	if requests, _, _ := s.seen(); len(requests) != 0 {
		t.Errorf("requests %q", requests)
	}
}

func TestUsersKeepsWhatWasAnswered(t *testing.T) {
	t.Parallel()
	s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("id") == "1" {
			answerJSON(w, 400, "")
			return
		}
		answerJSON(w, 200, `{"data":[{"id":"101"}]}`)
	})
	got, err := s.client.Users(t.Context(), numbered(101), nil)
	var refused *APIError
	if diff := cmp.Diff([]User{{ID: "101"}}, got); diff != "" || !errors.As(err, &refused) || refused.Status != 400 {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestGrants(t *testing.T) {
	t.Parallel()
	s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
		ids := r.URL.Query()["user_id"]
		if r.URL.Path != "/helix/authorization/users" || len(ids) == 0 || len(ids) > 10 {
			t.Errorf("asked for %s", r.URL)
		}
		switch ids[0] {
		case "11":
			answerJSON(w, 400, "")
		case "21":
			answerJSON(w, 200, `{"data":[]}`)
		default:
			answerJSON(w, 200, `{"data":[{"user_id":"2","user_login":"b","scopes":["moderation:read","channel:read:vips"]},{"user_id":"3","scopes":null},{"user_id":"77","scopes":["x"]}]}`)
		}
	})
	got, err := s.client.Grants(t.Context(), append(numbered(21), "1", "login"))
	want := map[string][]string{"2": {"moderation:read", "channel:read:vips"}, "21": nil}
	for _, id := range []string{"1", "3", "4", "5", "6", "7", "8", "9", "10"} {
		want[id] = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var refused *APIError
	if !errors.As(err, &refused) || refused.Status != 400 || !strings.Contains(err.Error(), `not a user id: "login"`) {
		t.Errorf("error %v", err)
	}
}

func FuzzReadGrants(f *testing.F) {
	f.Add([]byte(`{"data":[{"user_id":"2","scopes":["moderation:read"]}]}`))
	f.Add([]byte(`{"data":[{"scopes":null},null]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		grants, err := readGrants(answer{status: 200, body: body})
		if (err == nil) != (grants != nil) {
			t.Errorf("grants %v, error %v", grants, err)
		}
		if _, nobody := grants[""]; nobody {
			t.Errorf("a grant of nobody in %s", body)
		}
	})
}
