package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/bus"
)

var withSecret = map[string]string{"TWITCH_EVENTSUB_SECRETS": secret}

func TestAWebhookBecomesADocument(t *testing.T) {
	t.Parallel()
	i := begin(t, t.TempDir(), withSecret, "-demo=false")
	document := i.goesLive(t, secret, online("m1", "1337", "9001"), "twitch:1337")
	if document["displayName"] != "ExampleChan" || document["stream"].(map[string]any)["id"] != "9001" {
		t.Errorf("document %v", document)
	}
	if _, ok := document["_merge"]; ok {
		t.Error("the document shows its bookkeeping")
	}
	history := i.get(t, "/api/sources/twitch:1337/history")["history"].([]any)
	if len(history) != 1 || history[0].(map[string]any)["to"] != "ONLINE" {
		t.Errorf("history %v", history)
	}
	eventually(t, "the transition is published", func() bool { return len(i.messages(t, bus.Transition)) == 1 })
	if a := i.do(t, http.MethodGet, "/", "", nil); a.status != http.StatusOK || !bytes.Contains(a.body, []byte("ExampleChan")) {
		t.Errorf("page: %d %s", a.status, a.body)
	}
}

func TestADuplicateChangesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	message := online("m1", "1337", "9001")
	i := begin(t, dir, withSecret, "-demo=false")
	want := i.goesLive(t, secret, message, "twitch:1337")
	if a := i.send(t, secret, message); a.status != http.StatusNoContent {
		t.Errorf("the duplicate is answered %d", a.status)
	}
	if err := i.end(); err != nil {
		t.Fatal(err)
	}
	// Another process has forgotten the id, so this one gets to the document.
	i = begin(t, dir, withSecret, "-demo=false")
	if a := i.send(t, secret, message); a.status != http.StatusNoContent {
		t.Errorf("the duplicate is answered %d after a restart", a.status)
	}
	if got := len(i.messages(t, bus.Ingress)); got != 1 {
		t.Errorf("%d messages on the bus", got)
	}
	if err := i.end(); err != nil { // stores what is under way
		t.Fatal(err)
	}
	i = begin(t, dir, withSecret, "-demo=false")
	if diff := cmp.Diff(want, i.source(t, "twitch:1337")); diff != "" {
		t.Errorf("document (-before +after):\n%s", diff)
	}
	if history := i.get(t, "/api/sources/twitch:1337/history")["history"].([]any); len(history) != 1 {
		t.Errorf("history %v", history)
	}
}

func TestAnUnsignedWebhookIsRefused(t *testing.T) {
	t.Parallel()
	i := begin(t, t.TempDir(), withSecret, "-demo=false")
	if a := i.send(t, "another-secret-01", online("m1", "1337", "9001")); a.status != http.StatusForbidden {
		t.Errorf("answered %d", a.status)
	}
	if messages := i.messages(t, bus.Ingress); len(messages) != 0 {
		t.Errorf("published %v", messages)
	}
}

func push(data string) string {
	return fmt.Sprintf(`{"message":{"data":%q,"attributes":{"type":"system.source.status"},"messageId":"7","publishTime":"2026-05-01T12:00:00Z"}}`,
		base64.StdEncoding.EncodeToString([]byte(data)))
}

func TestBadJSONGoesToTheDeadLetters(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "dev."} {
		t.Run("with prefix "+prefix, func(t *testing.T) {
			t.Parallel()
			i := begin(t, t.TempDir(), map[string]string{"BUS_PREFIX": prefix, "TWITCH_EVENTSUB_SECRETS": secret}, "-demo=false")
			if a := i.do(t, http.MethodPost, "/persistence", push("{not json"), nil); a.status != http.StatusNoContent {
				t.Fatalf("answered %d %s", a.status, a.body)
			}
			for _, name := range []string{bus.DeadLetter, prefix + bus.DeadLetter} {
				answer := i.get(t, "/_debug/bus?topic="+name)
				if answer["topic"] != prefix+bus.DeadLetter {
					t.Errorf("topic %v", answer["topic"])
				}
				messages := answer["messages"].([]any)
				if len(messages) != 1 {
					t.Fatalf("%d dead letters", len(messages))
				}
				letter := messages[0].(map[string]any)
				payload := letter["data"].(map[string]any)["payload"].(map[string]any)
				if payload["reason"] == "" || payload["original"] == "" {
					t.Errorf("payload %v", payload)
				}
				if letter["messageId"] == "" || letter["publishTime"] == "" || letter["attributes"].(map[string]any)["type"] == "" {
					t.Errorf("letter %v", letter)
				}
			}
		})
	}
}

func TestWhatIsNoPushIsRefused(t *testing.T) {
	t.Parallel()
	i := begin(t, t.TempDir(), withSecret, "-demo=false")
	if a := i.do(t, http.MethodPost, "/persistence", "[]", nil); a.status != http.StatusBadRequest {
		t.Errorf("answered %d", a.status)
	}
}

func TestTheDebugPageKnowsItsTopics(t *testing.T) {
	t.Parallel()
	i := begin(t, t.TempDir(), withSecret, "-demo=false")
	for _, topic := range []string{bus.Ingress, bus.Transition, bus.DeadLetter} {
		if a := i.do(t, http.MethodGet, "/_debug/bus?topic="+topic, "", nil); a.status != http.StatusOK || !bytes.Contains(a.body, []byte(`"messages":[]`)) {
			t.Errorf("%s: %d %s", topic, a.status, a.body)
		}
	}
	for _, path := range []string{"/_debug/bus", "/_debug/bus?topic=other"} {
		if a := i.do(t, http.MethodGet, path, "", nil); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if a := i.do(t, http.MethodPost, "/_debug/bus?topic="+bus.Ingress, "", nil); a.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", a.status)
	}
}

func TestARestartKeepsTheDocumentsAndTheSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := begin(t, dir, nil, "-demo=false")
	if first.secret == "" {
		t.Fatal("no secret printed")
	}
	want := first.goesLive(t, first.secret, online("m1", "1337", "9001"), "twitch:1337")
	if err := first.end(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, secretFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secret file: %v, %v", info, err)
	}
	second := begin(t, dir, nil, "-demo=false")
	if diff := cmp.Diff(want, second.source(t, "twitch:1337")); diff != "" {
		t.Errorf("document (-before +after):\n%s", diff)
	}
	if second.secret != first.secret {
		t.Error("the secret is another")
	}
}

func TestWhatIsAnsweredIsStoredBeforeTheEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	i := begin(t, dir, withSecret, "-demo=false")
	const many = 200
	for n := range many {
		id := fmt.Sprint(n)
		if a := i.send(t, secret, online("m"+id, id, "s"+id)); a.status != http.StatusNoContent {
			t.Fatalf("answered %d", a.status)
		}
	}
	if err := i.end(); err != nil {
		t.Fatal(err)
	}
	i = begin(t, dir, withSecret, "-demo=false")
	if got := len(i.get(t, "/api/sources?limit=1000")["sources"].([]any)); got != many {
		t.Errorf("%d sources, want %d", got, many)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	inUse := t.TempDir()
	begin(t, inUse, withSecret, "-demo=false")
	badSecret := t.TempDir()
	if err := os.WriteFile(filepath.Join(badSecret, secretFile), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	const tooShort = "tooshort"
	tests := []struct {
		name string
		args []string
		env  map[string]string
		code int
		says string
	}{
		{name: "an unknown flag", args: []string{"-nonsense"}, code: 2, says: "Usage of local"},
		{name: "an argument", args: []string{"now"}, code: 2, says: `unexpected argument "now"`},
		{name: "a flag of the wrong kind", args: []string{"-demo=perhaps"}, code: 2, says: "Usage of local"},
		{name: "help", args: []string{"-h"}, code: 0, says: "Usage of local"},
		{name: "data that another instance uses", args: []string{"-data", inUse}, env: withSecret, code: 1, says: "another process has it open"},
		{name: "a port that is taken", args: []string{"-addr", taken.Addr().String()}, env: withSecret, code: 1, says: "address already in use"},
		{name: "a secret that is too short", env: map[string]string{"TWITCH_EVENTSUB_SECRETS": tooShort}, code: 1, says: "TWITCH_EVENTSUB_SECRETS"},
		{name: "a kept secret that is spoilt", args: []string{"-data", badSecret}, code: 1, says: secretFile},
		{name: "a setting that cannot be read", env: map[string]string{"STATUS_REDACT": "x", "TWITCH_EVENTSUB_SECRETS": secret}, code: 1, says: "STATUS_REDACT"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var stdout, stderr bytes.Buffer
			args := append([]string{"-addr", "127.0.0.1:0", "-data", t.TempDir()}, test.args...)
			err := run(ctx, args, &stdout, &stderr, func(name string) string { return test.env[name] })
			if code := exitCode(err, &stderr); code != test.code || !strings.Contains(stderr.String(), test.says) {
				t.Errorf("exit code %d, says %q", code, &stderr)
			}
			if strings.Contains(stdout.String(), "ready") {
				t.Errorf("printed %q", &stdout)
			}
			if strings.Contains(stderr.String(), tooShort) {
				t.Errorf("told a secret: %q", &stderr)
			}
		})
	}
}

// It is not parallel: every other goroutine of this program would be one of its
// own.
func TestNothingRunsOnAfterTheEnd(t *testing.T) {
	i := begin(t, t.TempDir(), withSecret)
	i.goesLive(t, secret, online("m1", "1337", "9001"), "twitch:1337")
	if err := i.end(); err != nil {
		t.Fatal(err)
	}
	var left string
	eventually(t, "nothing runs", func() bool {
		left = goroutines("sourcestate", "grpc", "bbolt", "net/http")
		return left == "" || t.Context().Err() != nil
	})
	if left != "" {
		t.Errorf("still running:\n%s", left)
	}
}

// goroutines are the stacks of the other goroutines that have one of the words.
func goroutines(words ...string) string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var found []string
	for _, stack := range strings.Split(string(stacks), "\n\n")[1:] {
		// Of this package's tests are only those that wait for the framework.
		if strings.Contains(stack, "testing.") {
			continue
		}
		if slices.ContainsFunc(words, func(word string) bool { return strings.Contains(stack, word) }) {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}
