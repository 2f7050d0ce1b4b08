package twitch

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		body string
		want Token
		bad  bool
	}{
		{
			name: "a user's token",
			body: `{"client_id":"c","login":"a","scopes":["moderation:read"],"user_id":"1","expires_in":3600}`,
			want: Token{ClientID: "c", UserID: "1", Login: "a", Scopes: []string{"moderation:read"}, ExpiresAt: testNow.Add(time.Hour)},
		},
		{
			name: "one that does not expire",
			body: `{"client_id":"c","login":"a","scopes":[],"user_id":"1","expires_in":0}`,
			want: Token{ClientID: "c", UserID: "1", Login: "a", Scopes: []string{}},
		},
		{name: "an app's", body: `{"client_id":"c","scopes":null,"expires_in":60}`, want: Token{ClientID: "c", ExpiresAt: testNow.Add(time.Minute)}},
		{name: "one for ages", body: `{"client_id":"c","expires_in":9223372036854775807}`, want: Token{ClientID: "c", ExpiresAt: testNow.Add(maxLifetime * time.Second)}},
		{name: "a negative time", body: `{"client_id":"c","expires_in":-1}`, bad: true},
		{name: "a time that is a text", body: `{"client_id":"c","expires_in":"60"}`, bad: true},
		{name: "no client", body: `{"user_id":"1","expires_in":60}`, bad: true},
		{name: "scopes that are a text", body: `{"client_id":"c","scopes":"a b"}`, bad: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, static(200, tt.body))
			got, err := s.client.Validate(t.Context(), testUserToken)
			if (err != nil) != tt.bad || errors.Is(err, ErrTokenInvalid) {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzReadToken(f *testing.F) {
	f.Add([]byte(`{"client_id":"c","login":"a","scopes":["moderation:read"],"user_id":"1","expires_in":3600}`))
	f.Add([]byte(`{"client_id":"c","expires_in":1e3}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		token, err := readToken(answer{status: 200, body: body}, testNow)
		if (err == nil) != (token.ClientID != "") {
			t.Errorf("token %+v, error %v", token, err)
		}
		if !token.ExpiresAt.IsZero() && (!token.ExpiresAt.After(testNow) || token.ExpiresAt.Year() > 9999) {
			t.Errorf("expires at %v", token.ExpiresAt)
		}
	})
}
