package deploytest

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/emulator"
	"github.com/sourcestate/sourcestate/shared/event"
)

const (
	dated   = `{"v":"2","type":"system.stream.offline","correlationId":"c-1","ingress":{"ingressAt":"2026-05-01T12:00:00.000Z","source":"ingress.twitch"},"payload":{"id":"1"}}`
	undated = `{"platform":"slack","status":"ERROR"}`
)

// letters are a Pub/Sub with dead letters of each kind, and the script beside it.
func letters(t *testing.T) (*stage, restBus) {
	t.Helper()
	host, project := emulator.PubSub(t), emulator.Project(t)
	bus := restBus{t: t, base: "http://" + host + "/v1/projects/" + project}
	bus.topic("ingress")
	bus.topic("deadletter")
	bus.subscription("kept", "deadletter")
	bus.subscription("seen", "ingress")
	envelope := func(by, data string) {
		letter, err := event.Rejected{
			Message: event.BusMessage{Data: []byte(data), Attributes: event.Attributes{"type": "system.stream.offline"}, ID: "77", PublishTime: time.Now()},
			Reason:  "no_identity", Error: "nobody", By: by, At: time.Now(),
		}.DeadLetter()
		if err != nil {
			t.Fatal(err)
		}
		message, err := letter.BusMessage()
		if err != nil {
			t.Fatal(err)
		}
		bus.publish("deadletter", message.Data, message.Attributes)
	}
	envelope("persistence", dated)
	envelope("eventsub", `{"subscription":{}}`)
	bus.publish("deadletter", []byte(dated), map[string]string{
		"type": "system.stream.offline", "CloudPubSubDeadLetterSourceDeliveryCount": "45",
		"CloudPubSubDeadLetterSourceSubscription": "internal.ingress.v1.persistence",
	})
	bus.publish("deadletter", []byte(undated), map[string]string{"type": "system.source.status", "CloudPubSubDeadLetterSourceSubscription": "x"})

	s := newStage(t, "curl", "jq")
	s.env = append(s.env, "PUBSUB_EMULATOR_HOST="+host)
	return s, bus
}

func TestRedriveScript(t *testing.T) {
	s, bus := letters(t)
	project := bus.base[strings.LastIndex(bus.base, "/")+1:]
	redrive := func(args ...string) result {
		t.Helper()
		return s.run("redrive.sh", append([]string{"--project", project, "--subscription", "kept", "--ingress", "ingress"}, args...)...)
	}
	listed := redrive("list")
	lines := strings.Split(strings.TrimSpace(listed.stdout), "\n")
	if listed.code != 0 || len(lines) != 4 {
		t.Fatalf("list ended with %d: %s%s", listed.code, listed.stdout, listed.stderr)
	}
	webhook, withoutTime := "", ""
	for _, line := range lines {
		fields := strings.Split(line, "\t")
		switch {
		case fields[4] == "eventsub":
			webhook = fields[0]
		case fields[4] == "x":
			withoutTime = fields[0]
		}
	}
	if r := redrive("show", webhook); r.code != 0 || !strings.Contains(r.stdout, `"reason": "no_identity"`) {
		t.Errorf("show ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if r := redrive("show", "12"); r.code != 1 || !strings.Contains(r.stderr, "no dead letter 12") {
		t.Errorf("show of none ended with %d: %s", r.code, r.stderr)
	}
	r := redrive("send", "--all")
	if r.code != 1 || strings.Count(r.stdout, "sent ") != 2 || !strings.Contains(r.stderr, "2 were kept") ||
		!strings.Contains(r.stdout, "kept "+webhook) || !strings.Contains(r.stdout, "kept "+withoutTime) {
		t.Fatalf("send ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
	for _, message := range bus.pull("seen", 2) {
		data, err := base64.StdEncoding.DecodeString(message.Data)
		if err != nil || string(data) != dated {
			t.Errorf("another body was sent: %s", data)
		}
		if len(message.Attributes) != 1 || message.Attributes["type"] != "system.stream.offline" {
			t.Errorf("other attributes were sent: %v", message.Attributes)
		}
	}
	if r := redrive("send", "--undated", withoutTime); r.code != 0 {
		t.Errorf("send --undated ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if r := redrive("drop", webhook); r.code != 0 {
		t.Errorf("drop ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
	for range 2 {
		if r := redrive("list"); r.code != 0 || strings.TrimSpace(r.stdout) != "no dead letters" {
			t.Errorf("afterwards list ended with %d: %s%s", r.code, r.stdout, r.stderr)
		}
	}
	if r := redrive("send", "--all"); r.code != 0 {
		t.Errorf("the second time send ended with %d: %s%s", r.code, r.stdout, r.stderr)
	}
}

func TestRedriveScriptRefusals(t *testing.T) {
	t.Parallel()
	t.Run("without gcloud", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, "curl", "jq")
		if r := s.run("redrive.sh", "--project", "p", "--subscription", "kept", "list"); r.code != 1 || !strings.Contains(r.stderr, "gcloud is not installed") {
			t.Errorf("it ended with %d: %s", r.code, r.stderr)
		}
	})
	t.Run("without a login", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, "curl", "jq")
		s.fake("gcloud", "exit 1")
		if r := s.run("redrive.sh", "--project", "p", "--subscription", "kept", "list"); r.code != 1 || !strings.Contains(r.stderr, "gcloud auth login") {
			t.Errorf("it ended with %d: %s", r.code, r.stderr)
		}
	})
	t.Run("without a deployment", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, "curl", "jq")
		s.fake("terraform", "echo '{}'")
		if r := s.run("redrive.sh", "list"); r.code != 1 || !strings.Contains(r.stderr, "is the suite deployed from here") {
			t.Errorf("it ended with %d: %s", r.code, r.stderr)
		}
	})
}
