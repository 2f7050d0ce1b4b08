package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/twitch"
)

const secret = "s3cre7-local-0123456789"

// patience is how long a test waits for what must come within a second on a
// machine that has nothing else to do.
const patience = 20 * time.Second

// An instance is a running suite.
type instance struct {
	url    string
	secret string // as printed; empty when it was given
	end    func() error
}

// begin runs the suite in this process on a free port and waits until it is
// ready. The test may end it earlier.
func begin(t testing.TB, dir string, env map[string]string, args ...string) *instance {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0", "-data", dir}, args...), in, io.Discard,
			func(name string) string { return env[name] })
		in.CloseWithError(fmt.Errorf("it has ended: %w", err))
		ended <- err
	}()
	i := &instance{end: sync.OnceValue(func() error {
		cancel()
		return <-ended
	})}
	t.Cleanup(func() {
		if err := i.end(); err != nil {
			t.Errorf("ending: %v", err)
		}
	})
	i.await(t, out)
	return i
}

// await reads what the suite prints until it is ready.
func (i *instance) await(t testing.TB, stdout io.Reader) {
	t.Helper()
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		word, value, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "secret":
			i.secret = value
		case "ready":
			i.url = strings.TrimSuffix(value, "/")
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return
		default:
			t.Fatalf("printed %q", lines.Text())
		}
	}
	t.Fatalf("never ready: %v", lines.Err())
}

// answer is the status and the body of an answer.
type answer struct {
	status int
	body   []byte
}

func (i *instance) do(t testing.TB, method, path, body string, header http.Header) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, i.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	// No connection is kept, so that none outlives its test.
	r.Close = true
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: response.StatusCode, body: content}
}

// A notification is one message of EventSub; sent twice, it is a resend.
type notification struct {
	id, timestamp, kind, body string
}

// online says that a channel has gone live.
func online(id, broadcaster, stream string) notification {
	now := time.Now().UTC()
	body := fmt.Sprintf(`{"subscription":{"type":"stream.online","version":"1","condition":{"broadcaster_user_id":%[1]q}},`+
		`"event":{"id":%[2]q,"broadcaster_user_id":%[1]q,"broadcaster_user_login":"examplechan",`+
		`"broadcaster_user_name":"ExampleChan","type":"live","started_at":%[3]q}}`,
		broadcaster, stream, now.Format(time.RFC3339))
	return notification{id: id, timestamp: now.Format(time.RFC3339Nano), kind: "stream.online", body: body}
}

// send sends a notification that is signed with the secret.
func (i *instance) send(t testing.TB, secret string, n notification) answer {
	t.Helper()
	header := make(http.Header)
	for name, value := range map[string]string{
		twitch.HeaderID: n.id, twitch.HeaderTimestamp: n.timestamp, twitch.HeaderType: twitch.MessageNotification,
		twitch.HeaderSubscriptionType: n.kind, twitch.HeaderSubscriptionVersion: "1",
		twitch.HeaderSignature: twitch.Sign(secret, n.id, n.timestamp, []byte(n.body)),
	} {
		header.Set(name, value)
	}
	return i.do(t, http.MethodPost, webhookPath, n.body, header)
}

// goesLive sends that a channel has gone live, and is its document when it says
// so.
func (i *instance) goesLive(t testing.TB, secret string, n notification, key string) map[string]any {
	t.Helper()
	if a := i.send(t, secret, n); a.status != http.StatusNoContent {
		t.Fatalf("the webhook is answered %d", a.status)
	}
	var document map[string]any
	eventually(t, key+" is live", func() bool {
		document = i.source(t, key)
		return document["streamStatus"] == "ONLINE"
	})
	return document
}

// get is the JSON at a path, nil unless it is answered 200.
func (i *instance) get(t testing.TB, path string) map[string]any {
	t.Helper()
	a := i.do(t, http.MethodGet, path, "", nil)
	if a.status != http.StatusOK {
		return nil
	}
	var value map[string]any
	if err := json.NewDecoder(bytes.NewReader(a.body)).Decode(&value); err != nil {
		t.Fatalf("decoding %s: %v", a.body, err)
	}
	return value
}

func (i *instance) source(t testing.TB, key string) map[string]any {
	t.Helper()
	return i.get(t, "/api/sources/"+key)
}

// messages are the last messages of a topic.
func (i *instance) messages(t testing.TB, topic string) []any {
	t.Helper()
	list, _ := i.get(t, "/_debug/bus?topic="+url.QueryEscape(topic))["messages"].([]any)
	return list
}

// eventually asks until the answer is yes.
func eventually(t testing.TB, what string, yes func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
