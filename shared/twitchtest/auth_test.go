package twitchtest_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	return recorder
}

func TestIssueToken(t *testing.T) {
	t.Parallel()
	r := newRig()
	good := url.Values{
		"client_id": {twitchtest.ClientID}, "client_secret": {twitchtest.ClientSecret}, "grant_type": {"client_credentials"},
	}
	with := func(name, value string) url.Values {
		changed := url.Values{}
		for key := range good {
			changed.Set(key, good.Get(key))
		}
		changed.Set(name, value)
		return changed
	}
	for _, tt := range []struct {
		name   string
		query  url.Values
		form   url.Values
		status int
	}{
		{"parameters in the form", nil, good, http.StatusOK},
		{"parameters in the query", good, nil, http.StatusOK},
		{"no client", nil, with("client_id", ""), http.StatusBadRequest},
		{"another client", nil, with("client_id", "x"), http.StatusBadRequest},
		{"no secret", nil, with("client_secret", ""), http.StatusBadRequest},
		{"a wrong secret", nil, with("client_secret", "x"), http.StatusForbidden},
		{"another grant", nil, with("grant_type", "password"), http.StatusBadRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer := r.do(t, http.MethodPost, "/oauth2/token?"+tt.query.Encode(), "", tt.form.Encode())
			body := decoded(t, answer.Body.String()).(map[string]any)
			want := map[string]any{"status": float64(tt.status), "message": body["message"]}
			if tt.status == http.StatusOK {
				want = map[string]any{"access_token": body["access_token"], "expires_in": float64(60 * 24 * 3600), "token_type": "bearer"}
			}
			if diff := cmp.Diff(want, body); diff != "" || answer.Code != tt.status {
				t.Fatalf("status %d (-want +got):\n%s", answer.Code, diff)
			}
			if tt.status == http.StatusOK {
				r.get(t, "/helix/users?id=1", body["access_token"].(string))
			}
		})
	}
	for _, request := range r.Requests() {
		if strings.Contains(request.Query.Encode(), twitchtest.ClientSecret) {
			t.Error("the log of requests holds the secret")
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	r := newRig()
	u := r.AddUser("1", "one", "One")
	token := u.Token(time.Hour, "moderation:read")
	validate := func(authorization string) (int, any) {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/auth/validate", nil)
		request.Header.Set("Authorization", authorization)
		answer := serve(r.World, request)
		return answer.Code, decoded(t, answer.Body.String())
	}
	expect := func(name, authorization string, status int, want string) {
		t.Helper()
		code, body := validate(authorization)
		if diff := cmp.Diff(decoded(t, want), body); diff != "" || code != status {
			t.Errorf("%s: %d, want %d (-want +got):\n%s", name, code, status, diff)
		}
	}
	const invalid = `{"status":401,"message":"invalid access token"}`
	expect("no token", "", 401, `{"status":401,"message":"missing authorization token"}`)
	expect("an app token", "Bearer "+r.app, 200, `{"client_id":"`+twitchtest.ClientID+`","scopes":[],"expires_in":5184000}`)
	r.Advance(20 * time.Minute)
	expect("a user's token", "OAuth "+token, 200,
		`{"client_id":"`+twitchtest.ClientID+`","login":"one","user_id":"1","scopes":["moderation:read"],"expires_in":2400}`)
	r.Advance(40 * time.Minute)
	expect("one that ran out", "OAuth "+token, 401, invalid)
	r.RevokeAppTokens()
	expect("an app token that was revoked", "OAuth "+r.app, 401, invalid)

	for name, end := range map[string]func(string){
		"expired":              func(text string) { r.ExpireToken(text) },
		"revoked":              func(string) { u.Revoke() },
		"password was changed": func(string) { u.ChangePassword() },
	} {
		token := u.Token(time.Hour)
		if code, _ := validate("OAuth " + token); code != 200 {
			t.Errorf("before it %s: %d", name, code)
		}
		end(token)
		expect("after it "+name, "OAuth "+token, 401, invalid)
	}
}
