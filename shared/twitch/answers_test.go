package twitch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// badAnswers are what a method must not take for an answer, and the status that
// its error tells; 0: there was none.
var badAnswers = []struct {
	name   string
	status int
	answer http.HandlerFunc
	fine   string // the method for which it is no bad answer
}{
	{name: "a connection that breaks before an answer", answer: func(w http.ResponseWriter, _ *http.Request) {
		panic(http.ErrAbortHandler)
	}},
	{name: "an empty one", status: 200, fine: "Unsubscribe", answer: static(200, "")},
	{name: "no content", status: 204, fine: "Unsubscribe", answer: static(204, "")},
	{name: "one that breaks off", status: 200, answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Write([]byte(`{"data":[`))
	}},
	{name: "one cut off in whole", status: 200, fine: "Unsubscribe", answer: static(200, `{"data":[`)},
	{name: "a page of HTML", status: 200, fine: "Unsubscribe", answer: static(200, `<html>sign in</html>`)},
	{name: "a huge one", status: 200, answer: static(200, `{"data":[]}`+strings.Repeat(" ", maxAnswer))},
	{name: "a huge refusal", status: 400, answer: static(400, strings.Repeat(" ", maxAnswer+1))},
	{name: "a list", status: 200, fine: "Unsubscribe", answer: static(200, `[]`)},
	{name: "null", status: 200, fine: "Unsubscribe", answer: static(200, `null`)},
	{name: "an empty object", status: 200, fine: "Unsubscribe", answer: static(200, `{}`)},
	{name: "data that is null", status: 200, fine: "Unsubscribe", answer: static(200, `{"data":null}`)},
	{name: "data that is an object", status: 200, fine: "Unsubscribe", answer: static(200, `{"data":{}}`)},
	{name: "a row that is a number", status: 200, fine: "Unsubscribe", answer: static(200, `{"data":[7]}`)},
	{name: "a row that is null", status: 200, fine: "Unsubscribe", answer: static(200, `{"data":[null]}`)},
	{name: "a row without anything", status: 200, fine: "Unsubscribe", answer: static(200, `{"data":[{}]}`)},
	{name: "fields of other types", status: 200, fine: "Unsubscribe", answer: static(200,
		`{"client_id":[],"data":[{"id":{},"user_id":{},"broadcaster_id":{},"status":{},"type":{}}]}`)},
	{name: "a redirect", status: 302, answer: func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}},
	{name: "400", status: 400, answer: refused(400, "Bad Request", "bad")},
	{name: "401", status: 401, answer: refused(401, "Unauthorized", "Invalid OAuth token")},
	{name: "403", status: 403, answer: refused(403, "Forbidden", "no")},
	{name: "404", status: 404, fine: "Unsubscribe", answer: refused(404, "Not Found", "gone")},
	{name: "409", status: 409, answer: refused(409, "Conflict", "there is one")},
	{name: "410", status: 410, answer: refused(410, "Gone", "no such version")},
	{name: "429", status: 429, answer: refused(429, "Too Many Requests", "slow down")},
	{name: "500", status: 500, answer: refused(500, "Internal Server Error", "")},
	{name: "502 of a proxy", status: 502, answer: static(502, `<html>Bad Gateway</html>`)},
	{name: "401 of a proxy", status: 401, answer: static(401, `<html>Unauthorized</html>`)},
	{name: "a refusal with data", status: 403, answer: static(403, `{"data":[],"error":"Forbidden","status":403,"message":"no"}`)},
	{name: "a refusal with fields of other types", status: 400, answer: static(400, `{"error":{},"status":"x","message":[1]}`)},
	{name: "503 without a body", status: 503, answer: static(503, "")},
}

func static(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, status, body) }
}

func refused(status int, name, message string) http.HandlerFunc {
	return static(status, `{"error":"`+name+`","status":`+strconv.Itoa(status)+`,"message":"`+message+`"}`)
}

// TestBadAnswers holds every method to an error with the status of what came
// (facts/twitch.md section 5, #12 to #14, #16, #21).
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range badAnswers {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, tt.answer)
			for _, method := range methods {
				err := method.call(t.Context(), s.client)
				if method.name == tt.fine {
					if err != nil {
						t.Errorf("%s: %v", method.name, err)
					}
					continue
				}
				if err == nil {
					t.Errorf("%s takes it", method.name)
					continue
				}
				var refused *APIError
				status := 0
				if errors.As(err, &refused) {
					status = refused.Status
				}
				if status != tt.status {
					t.Errorf("%s: status %d, want %d: %v", method.name, status, tt.status, err)
				}
				if requests, _, _ := s.seen(); len(requests) > 2 {
					t.Errorf("%s: asked %d times", method.name, len(requests))
				}
			}
		})
	}
}

func TestGoodAnswers(t *testing.T) {
	t.Parallel()
	for _, method := range methods {
		t.Run(method.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
				want := map[identity]string{app: "Bearer app-1", user: "Bearer " + testUserToken}[method.as]
				if r.URL.Path == "/oauth2/validate" {
					want = "OAuth " + testUserToken
				} else if !strings.HasPrefix(r.URL.Path, "/helix/") {
					t.Errorf("path %s", r.URL.Path)
				}
				if got := r.Header.Get("Authorization"); got != want {
					t.Errorf("authorization %q, want %q", got, want)
				}
				if got := r.Header.Get("Client-Id"); got != testClientID {
					t.Errorf("client id %q", got)
				}
				answerJSON(w, method.status, method.good)
			})
			if err := method.call(t.Context(), s.client); err != nil {
				t.Fatal(err)
			}
			requests, _, tokens := s.seen()
			if len(requests) != 1 {
				t.Errorf("requests %q, want one", requests)
			}
			if want := map[identity]int{app: 1, user: 0}[method.as]; tokens != want {
				t.Errorf("%d app tokens fetched, want %d", tokens, want)
			}
		})
	}
}

// TestSilence holds every method to the deadline, its own one too, and to tell
// it (facts/twitch.md section 5, #7 and #9).
func TestSilence(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		took time.Duration
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		want error
	}{
		{
			name: "the caller's deadline", took: 3 * time.Second, want: context.DeadlineExceeded,
			ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 3*time.Second)
			},
		},
		{
			name: "the caller gives up", took: 3 * time.Second, want: context.Canceled,
			ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(3*time.Second, cancel)
				return ctx, cancel
			},
		},
		{name: "no deadline", took: requestTimeout, want: context.DeadlineExceeded, ctx: context.WithCancel},
	} {
		for _, quiet := range []string{"/oauth2/", "/helix/"} {
			t.Run(tt.name+", nothing from "+quiet, func(t *testing.T) {
				t.Parallel()
				for _, method := range methods {
					asks := map[string]bool{
						"/oauth2/": method.as == app || method.name == "Validate",
						"/helix/":  method.name != "Validate",
					}
					if !asks[quiet] {
						continue
					}
					synctest.Test(t, func(t *testing.T) {
						client := NewClient(ClientConfig{ClientID: testClientID, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
							if strings.HasPrefix(r.URL.Path, quiet) {
								<-r.Context().Done()
								return nil, r.Context().Err()
							}
							return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(`{"access_token":"app"}`))}, nil
						})})
						ctx, cancel := tt.ctx(t.Context())
						defer cancel()
						begin := time.Now()
						if err := method.call(ctx, client); !errors.Is(err, tt.want) {
							t.Errorf("%s: error %v, want %v", method.name, err, tt.want)
						}
						if took := time.Since(begin); took != tt.took {
							t.Errorf("%s: took %s, want %s", method.name, took, tt.took)
						}
					})
				}
			})
		}
	}
}
