package deploytest

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/emulator"
)

const module = "github.com/sourcestate/sourcestate"

func openArchive(t *testing.T, tf *terraform, name string) *zip.ReadCloser {
	t.Helper()
	archive, err := zip.OpenReader(filepath.Join(tf.root, "terraform", "build", name+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = archive.Close() })
	return archive
}

// list asks the go command about a function.
func list(t *testing.T, name, format string, flags ...string) []string {
	t.Helper()
	command := exec.Command("go", append(append([]string{"list", "-f", format}, flags...), "./functions/"+name)...)
	command.Dir = root(t)
	r := run(t, command)
	if r.code != 0 {
		t.Fatalf("go list: %s", r.stderr)
	}
	return strings.Fields(r.stdout)
}

// imported are the directories of this module that a function imports, with its own.
func imported(t *testing.T, name string) []string {
	t.Helper()
	var directories []string
	for _, path := range list(t, name, "{{.ImportPath}}", "-deps") {
		if directory, ok := strings.CutPrefix(path, module+"/"); ok {
			directories = append(directories, directory)
		}
	}
	slices.Sort(directories)
	return directories
}

// embedded are the files that a function embeds.
func embedded(t *testing.T, name string) []string {
	t.Helper()
	files := list(t, name, `{{range .EmbedFiles}}{{.}} {{end}}`)
	for i, file := range files {
		files[i] = "functions/" + name + "/" + file
	}
	return files
}

// program is what the builder puts beside the sources of a function.
const program = `package main

import (
	"log"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	_ "` + module + `"
)

func main() {
	if err := funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")); err != nil {
		log.Fatal(err)
	}
}
`

// build does with an archive what the builder does: it looks for one package at
// the root, adds a program that imports it, tidies, and builds.
func build(t *testing.T, tf *terraform, name string) string {
	t.Helper()
	directory, _ := unpack(t, tf, name)
	goRun := func(args ...string) string {
		command := exec.Command("go", args...)
		command.Dir = directory
		command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		r := run(t, command)
		if r.code != 0 {
			t.Fatalf("go %v: %s", args, r.stderr)
		}
		return strings.TrimSpace(r.stdout)
	}
	if got := goRun("list", "-f", "{{.Name}}", "."); got != "function" {
		t.Fatalf("the package at the root is %q", got)
	}
	if got := goRun("list", "-m"); got != module {
		t.Fatalf("the module is %q", got)
	}
	write(t, filepath.Join(directory, "serverless_function_app", "main.go"), program)
	goRun("mod", "tidy")
	binary := filepath.Join(directory, "serve")
	goRun("build", "-ldflags", "-s -w", "-o", binary, "./serverless_function_app")
	return binary
}

// serve runs the binary of a function with the environment of the deployment.
func serve(t *testing.T, binary, target string, env map[string]string) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	_ = listener.Close()
	command := exec.CommandContext(t.Context(), binary)
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "PORT=" + port, "FUNCTION_TARGET=" + target}
	for key, value := range env {
		command.Env = append(command.Env, key+"="+value)
	}
	var logs bytes.Buffer
	command.Stdout, command.Stderr = &logs, &logs
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("%s logged:\n%s", target, &logs)
		}
	})
	awaitPort(t, "127.0.0.1:"+port)
	return "http://127.0.0.1:" + port
}

// awaitPort waits until somebody listens.
func awaitPort(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = connection.Close()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("nobody listens at %s: %v", address, err)
		}
	}
}

// post sends a request and gives the status and the body of its answer.
func post(t *testing.T, method, url string, header map[string]string, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer drain(response.Body)
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// signed are the headers of a webhook about a stream that begins.
func signed(secret, id, at, body string) map[string]string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = io.WriteString(mac, id+at+body)
	return map[string]string{
		"Content-Type":                      "application/json",
		"Twitch-Eventsub-Message-Type":      "notification",
		"Twitch-Eventsub-Subscription-Type": "stream.online",
		"Twitch-Eventsub-Message-Id":        id,
		"Twitch-Eventsub-Message-Timestamp": at,
		"Twitch-Eventsub-Message-Signature": "sha256=" + hex.EncodeToString(mac.Sum(nil)),
	}
}

// serveArchives lets a webhook go through the built archives: EventSub takes it,
// Pub/Sub keeps it, Persistence gets it as a push would bring it, Status shows it.
func serveArchives(t *testing.T, tf *terraform, state []resource) {
	pubSub, documents, project := emulator.PubSub(t), emulator.Firestore(t), emulator.Project(t)
	given := func(name string) map[string]string {
		env := environment(t, state, name)
		env["GOOGLE_CLOUD_PROJECT"], env["PUBSUB_EMULATOR_HOST"], env["FIRESTORE_EMULATOR_HOST"] = project, pubSub, documents
		// Nobody outside is asked.
		for _, key := range []string{"CONNECTORS", "TWITCH_CLIENT_ID", "TWITCH_CLIENT_SECRET", "TWITCH_CALLBACK_URL", "TWITCH_BROADCASTERS", "TWITCH_USER_TOKENS"} {
			delete(env, key)
		}
		return env
	}
	bus := restBus{t: t, base: "http://" + pubSub + "/v1/projects/" + project}
	for _, topic := range []string{"dev.internal.ingress.v1", "dev.internal.source.transition.v1", "dev.internal.deadletter.v1"} {
		bus.topic(topic)
	}
	bus.subscription("dev.internal.ingress.v1.persistence", "dev.internal.ingress.v1")

	urls := make(map[string]string)
	for _, name := range []string{"eventsub", "persistence", "status", "heartbeat"} {
		urls[name] = serve(t, build(t, tf, name), deployed[name], given(name))
	}

	now := time.Now().UTC().Format(time.RFC3339)
	body := `{"subscription":{"type":"stream.online","version":"1","condition":{"broadcaster_user_id":"1337"}},"event":{"id":"9001",` +
		`"broadcaster_user_id":"1337","broadcaster_user_login":"examplechan","broadcaster_user_name":"ExampleChan","type":"live","started_at":"` + now + `"}}`
	if code, _ := post(t, "POST", urls["eventsub"], signed("wrong-secret", "m-1", now, body), body); code != http.StatusForbidden {
		t.Errorf("EventSub answers %d to a wrong signature", code)
	}
	// The older secret, because both are in force.
	if code, _ := post(t, "POST", urls["eventsub"], signed(canaryOlder, "m-1", now, body), body); code != http.StatusNoContent {
		t.Fatalf("EventSub answers %d", code)
	}
	messages := bus.pull("dev.internal.ingress.v1.persistence", 1)
	push, err := json.Marshal(map[string]any{
		"message": messages[0], "subscription": "projects/" + project + "/subscriptions/dev.internal.ingress.v1.persistence",
	})
	if err != nil {
		t.Fatal(err)
	}
	path := "/projects/" + project + "/topics/dev.internal.ingress.v1"
	if code, text := post(t, "POST", urls["persistence"]+path, map[string]string{"Content-Type": "application/json"}, string(push)); code != http.StatusNoContent {
		t.Fatalf("Persistence answers %d: %s", code, text)
	}
	code, text := post(t, "GET", urls["status"]+"/api/sources/twitch:1337", nil, "")
	var document struct{ ID, StreamStatus string }
	if err := json.Unmarshal([]byte(text), &document); err != nil || code != http.StatusOK || document.StreamStatus != "ONLINE" {
		t.Errorf("Status answers %d: %s", code, text)
	}
	if code, text := post(t, "POST", urls["heartbeat"]+"/heartbeat", nil, ""); code != http.StatusOK || !strings.Contains(text, `"status":"ok"`) {
		t.Errorf("Heartbeat answers %d: %s", code, text)
	}
}

// A restBus is Pub/Sub by its REST API, in the emulator.
type restBus struct {
	t    *testing.T
	base string // up to the project
}

func (b restBus) call(method, path, body string) string {
	b.t.Helper()
	code, text := post(b.t, method, b.base+"/"+path, map[string]string{"Content-Type": "application/json"}, body)
	if code != http.StatusOK {
		b.t.Fatalf("%s %s: %d %s", method, path, code, text)
	}
	return text
}

func (b restBus) topic(name string) { b.call("PUT", "topics/"+name, "{}") }

func (b restBus) subscription(name, topic string) {
	project := b.base[strings.Index(b.base, "projects/"):]
	b.call("PUT", "subscriptions/"+name, `{"topic":"`+project+"/topics/"+topic+`","ackDeadlineSeconds":60}`)
}

// publish publishes one message.
func (b restBus) publish(topic string, data []byte, attributes map[string]string) {
	b.t.Helper()
	body, err := json.Marshal(map[string]any{"messages": []any{
		map[string]any{"data": base64.StdEncoding.EncodeToString(data), "attributes": attributes},
	}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.call("POST", "topics/"+topic+":publish", string(body))
}

// A busMessage is one as Pub/Sub gives it.
type busMessage struct {
	Data        string            `json:"data"`
	Attributes  map[string]string `json:"attributes,omitempty"`
	MessageID   string            `json:"messageId"`
	PublishTime string            `json:"publishTime"`
}

// pull takes and acknowledges messages until it has as many as wanted.
func (b restBus) pull(subscription string, want int) []busMessage {
	b.t.Helper()
	var messages []busMessage
	for range 50 {
		messages = append(messages, b.pullSome(subscription)...)
		if len(messages) >= want {
			return messages
		}
	}
	b.t.Fatalf("%s gives %d messages and not %d", subscription, len(messages), want)
	return nil
}

func (b restBus) pullSome(subscription string) []busMessage {
	b.t.Helper()
	var pulled struct {
		ReceivedMessages []struct {
			AckID   string
			Message busMessage
		}
	}
	text := b.call("POST", "subscriptions/"+subscription+":pull", `{"maxMessages":100,"returnImmediately":true}`)
	if err := json.Unmarshal([]byte(text), &pulled); err != nil {
		b.t.Fatal(err)
	}
	var messages []busMessage
	for _, r := range pulled.ReceivedMessages {
		messages = append(messages, r.Message)
		b.call("POST", "subscriptions/"+subscription+":acknowledge", `{"ackIds":["`+r.AckID+`"]}`)
	}
	return messages
}
