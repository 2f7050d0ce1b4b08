package twitchtest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"github.com/sourcestate/sourcestate/shared/twitch"
)

// A receiver is a callback that takes what is rightly signed.
type receiver struct {
	*httptest.Server
	t       *testing.T
	secrets twitch.Secrets

	mu     sync.Mutex
	got    []received
	answer func(http.ResponseWriter, twitch.Headers, twitch.Message) // nil: as one should
}

type received struct {
	twitch.Headers
	Message twitch.Message
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	secrets, err := twitch.ParseSecrets(secret)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{t: t, secrets: secrets}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		r.t.Errorf("reading a webhook: %v", err)
	}
	headers, err := twitch.ReadHeaders(request.Header)
	if err != nil || !r.secrets.Verify(headers, body) {
		r.t.Errorf("a webhook that is not signed: %v %s", err, body)
	}
	message, err := twitch.ParseMessage(body)
	if err != nil {
		r.t.Errorf("a webhook that is no message: %v", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, received{headers, message})
	if r.answer != nil {
		r.answer(w, headers, message)
		return
	}
	proper(w, headers, message)
}

func proper(w http.ResponseWriter, _ twitch.Headers, message twitch.Message) {
	if message.Challenge == "" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(message.Challenge)))
	_, _ = io.WriteString(w, message.Challenge)
}

func (r *receiver) answering(answer func(http.ResponseWriter, twitch.Headers, twitch.Message)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// taken are the messages since the last call.
func (r *receiver) taken() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

func status(code int) func(http.ResponseWriter, twitch.Headers, twitch.Message) {
	return func(w http.ResponseWriter, _ twitch.Headers, _ twitch.Message) { w.WriteHeader(code) }
}

// A direct transport calls a handler without a network in between.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	d.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}
