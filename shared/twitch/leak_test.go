package twitch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// leaks are what no error may hold, in whatever case.
func leaks(text string) []string {
	var found []string
	for _, secret := range []string{"MARKER", "app-1", "app-2"} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(secret)) {
			found = append(found, secret)
		}
	}
	return found
}

// texts are all that an error can be made to say.
func texts(err error) string {
	var all strings.Builder
	fmt.Fprintf(&all, "%v\n%+v\n%#v\n%q\n", err, err, err, err)
	slog.New(slog.NewJSONHandler(&all, nil)).Error("x", "error", err)
	switch inner := err.(type) {
	case interface{ Unwrap() error }:
		if inner.Unwrap() != nil {
			all.WriteString(texts(inner.Unwrap()))
		}
	case interface{ Unwrap() []error }:
		for _, err := range inner.Unwrap() {
			all.WriteString(texts(err))
		}
	}
	return all.String()
}

// echo is all that came with a request, in several forms.
func echo(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	authorization := r.Header.Get("Authorization")
	text := fmt.Sprintf("%s %s %s %q %s", authorization, body, url.QueryEscape(string(body)), body, r.URL)
	var created struct {
		Transport struct {
			Secret string `json:"secret"`
		} `json:"transport"`
	}
	_ = json.Unmarshal(body, &created)
	return created.Transport.Secret + " " + text
}

// TestErrorsHoldNoSecrets lets Twitch, a proxy and the transport repeat all that
// they were sent (facts/twitch.md section 5, #6).
func TestErrorsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	repeat := func(status int, body func(echo string) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "https://user:MARKER@example.com/?token=MARKER")
			w.Header().Set("Ratelimit-Reset", "1")
			w.WriteHeader(status)
			io.WriteString(w, body(echo(r)))
		}
	}
	message := func(text string) string {
		body, _ := json.Marshal(map[string]any{"message": text})
		return string(body)
	}
	row := func(text string) string { // which is read, and is wrong
		body, _ := json.Marshal(map[string]any{"data": []any{map[string]any{
			"id": text, "user_id": text, "viewer_count": text, "user_name": []string{text}, "display_name": []string{text},
			"broadcaster_login": []string{text}, "started_at": text,
		}}})
		return string(body)
	}
	html := func(text string) string { return "<html>" + text }
	answers := map[string]http.HandlerFunc{
		"a page":    repeat(200, html),
		"a row":     repeat(200, row),
		"a message": repeat(200, message),
		"nothing":   repeat(200, func(string) string { return "" }),
		"the start": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100000")
			io.WriteString(w, echo(r))
		},
	}
	for _, status := range []int{301, 400, 401, 403, 404, 409, 410, 429, 500, 503} {
		answers[fmt.Sprintf("a message with %d", status)] = repeat(status, message)
		answers[fmt.Sprintf("a scope with %d", status)] = repeat(status, func(text string) string { return message("missing scope " + text) })
		answers[fmt.Sprintf("a page with %d", status)] = repeat(status, html)
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(answer) // for the token, too
			t.Cleanup(server.Close)
			s := newStand(t, answer)
			for _, client := range []*Client{s.client, NewClient((&stand{url: server.URL}).config())} {
				for _, method := range methods {
					if err := method.call(t.Context(), client); err != nil {
						if found := leaks(texts(err)); found != nil {
							t.Errorf("%s: %v in %v", method.name, found, err)
						}
					}
				}
			}
		})
	}
	// Failures of the transport, at the token endpoint and behind it.
	for name, fail := range map[string]func(r *http.Request) error{
		"an error with all": func(r *http.Request) error { return errors.New(echo(r)) },
		"an error with the URL": func(r *http.Request) error {
			return &url.Error{Op: "Get", URL: "https://x/?MARKER", Err: errors.New("refused " + r.Header.Get("Authorization"))}
		},
		"a proxy's URL": func(*http.Request) error {
			return errors.New(`invalid proxy address "http://user:MARKER@proxy:1": no`)
		},
	} {
		for _, failing := range []string{"/oauth2/token", ""} {
			t.Run(name+" at "+failing, func(t *testing.T) {
				t.Parallel()
				client := NewClient(ClientConfig{
					ClientID: testClientID, ClientSecret: testClientSecret,
					Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
						if r.URL.Path == "/oauth2/token" && failing == "" {
							return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(`{"access_token":"app-1"}`))}, nil
						}
						return nil, fail(r)
					}),
				})
				for _, method := range methods {
					err := method.call(t.Context(), client)
					if err == nil {
						t.Fatalf("%s: no error", method.name)
					}
					if found := leaks(texts(err)); found != nil {
						t.Errorf("%s: %v in %v", method.name, found, err)
					}
				}
			})
		}
	}
}

func TestAWrongConfigurationIsToldWithoutSecrets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config ClientConfig
		want   string
	}{
		{"no client id", ClientConfig{ClientSecret: "MARKER"}, "no client id"},
		{"a URL with credentials", ClientConfig{ClientID: "id", APIURL: "https://user:MARKER@example.com"}, "API URL of Twitch holds credentials"},
		{"a URL that cannot be read", ClientConfig{ClientID: "id", AuthURL: "https://user:MARKER@exa mple.com"}, "auth URL of Twitch cannot be read"},
		{"a URL with a query", ClientConfig{ClientID: "id", AuthURL: "https://example.com/?key=MARKER"}, "auth URL of Twitch has a query"},
		{"a URL without a scheme", ClientConfig{ClientID: "id", APIURL: "MARKER.example.com/helix"}, "API URL of Twitch is not of the form"},
		{"a URL of another scheme", ClientConfig{ClientID: "id", APIURL: "ftp://MARKER.example.com"}, "API URL of Twitch is not of the form"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.config.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
				t.Error("a request goes out")
				return nil, errors.New("no")
			})
			client := NewClient(tt.config)
			for _, method := range methods {
				err := method.call(t.Context(), client)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: error %v, want %q", method.name, err, tt.want)
				} else if found := leaks(texts(err)); found != nil {
					t.Errorf("%s: %v in %v", method.name, found, err)
				}
			}
		})
	}
}

func TestClientsDoNotPrint(t *testing.T) {
	t.Parallel()
	s := newStand(t, static(200, `{"data":[]}`))
	if _, err := s.client.Subscriptions(t.Context()); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, printed := range []any{s.client, s.config(), struct{ C *Client }{s.client}, struct{ C ClientConfig }{s.config()}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", printed)
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "client", printed)
	}
	if found := leaks(out.String()); found != nil {
		t.Errorf("%v in %s", found, out.String())
	}
	if !strings.Contains(out.String(), testClientID) {
		t.Error("it does not say whose client it is")
	}
}
