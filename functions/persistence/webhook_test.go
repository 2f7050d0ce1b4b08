package persistence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/store"
)

// webhook is an event as EventSub makes it of a webhook of a type.
func webhook(t tester, kind, id string, published time.Time) event.BusMessage {
	t.Helper()
	m := message(t, event.Object{
		"type": "system.twitch.follow", "correlationId": id, "ingress": event.Object{"source": "ingress.twitch.eventsub"},
		"externalEvent": event.Object{"kind": kind, "metadata": event.Object{"observedAt": event.FormatTime(published.Add(-time.Second))}},
	})
	m.PublishTime = published
	return m
}

// noted are the webhooks that are written down: type, event time, publish time, id.
func noted(t *testing.T, records store.Records) map[string]string {
	t.Helper()
	raw, err := records.Records(t.Context(), store.Webhooks)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for name, record := range raw {
		var w Webhook
		if err := json.Unmarshal(record, &w); err != nil {
			t.Fatal(err)
		}
		found[name] = fmt.Sprint(w.Type, " ", event.FormatTime(w.At.Time), " ", event.FormatTime(w.ReceivedAt.Time), " ", w.EventID)
	}
	return found
}

func TestTheLastWebhookOfEachTypeIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	records := b.store.(store.Records)
	for _, step := range []struct {
		name, kind, id string
		after          time.Duration
		want           map[string]string
	}{
		{"the first", "channel.follow", "c-1", 0,
			map[string]string{"channel.follow": "channel.follow 2026-05-01T12:00:00.000Z 2026-05-01T12:00:01.000Z c-1"}},
		{"one soon after", "channel.follow", "c-2", 59 * time.Second,
			map[string]string{"channel.follow": "channel.follow 2026-05-01T12:00:00.000Z 2026-05-01T12:00:01.000Z c-1"}},
		{"one a minute after", "channel.follow", "c-3", time.Minute,
			map[string]string{"channel.follow": "channel.follow 2026-05-01T12:01:00.000Z 2026-05-01T12:01:01.000Z c-3"}},
		{"an old one again", "channel.follow", "c-1", 0,
			map[string]string{"channel.follow": "channel.follow 2026-05-01T12:01:00.000Z 2026-05-01T12:01:01.000Z c-3"}},
		{"another type, with a name that stores refuse", "a/b", "c-4", time.Minute, map[string]string{
			"channel.follow": "channel.follow 2026-05-01T12:01:00.000Z 2026-05-01T12:01:01.000Z c-3",
			"a%2Fb":          "a/b 2026-05-01T12:01:00.000Z 2026-05-01T12:01:01.000Z c-4",
		}},
	} {
		b.deliver(t, webhook(t, step.kind, step.id, sent.Add(step.after)), http.StatusNoContent)
		if diff := cmp.Diff(step.want, noted(t, records)); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", step.name, diff)
		}
	}
}

func TestWhatIsNoWebhookIsNotNoted(t *testing.T) {
	t.Parallel()
	other := webhook(t, "channel.follow", "c-1", sent)
	other.Data = []byte(strings.ReplaceAll(string(other.Data), "ingress.twitch.eventsub", "ingress.twitch"))
	for name, m := range map[string]event.BusMessage{
		"from somebody else": other,
		"without a type":     webhook(t, "", "c-1", sent),
		"with a huge type":   webhook(t, strings.Repeat("x", maxKindName+1), "c-1", sent),
		"about no webhook":   connected(t),
	} {
		b := newBench(t)
		b.deliver(t, m, http.StatusNoContent)
		if got := noted(t, b.store.(store.Records)); len(got) != 0 {
			t.Errorf("%s: noted %v", name, got)
		}
	}
}

func TestTypesWithoutEndAreNotAllNoted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range maxNoted + 10 {
		b.webhooks.due(fmt.Sprint("type", i), sent)
	}
	if n := len(b.webhooks.noted); n != maxNoted {
		t.Errorf("%d types are remembered, want %d", n, maxNoted)
	}
}

// unwritable fails to write records.
type unwritable struct{}

func (unwritable) Write(context.Context, store.Collection, map[string]any) error {
	return errors.New("broken")
}

func TestAWebhookThatCannotBeNotedIsAcknowledged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.webhooks.records = unwritable{}
	b.deliver(t, webhook(t, "channel.follow", "c-1", sent), http.StatusNoContent)
	var outcomes []string
	for _, line := range b.log.take(t) {
		outcomes = append(outcomes, line.Text("outcome"))
	}
	if diff := cmp.Diff([]string{"not_noted", outcomeIgnored}, outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}
