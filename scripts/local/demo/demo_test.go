package demo

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/twitch"
)

const secret = "s3cre7-demo-0123456789"

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func steps(seed uint64, start time.Time, n int) []webhook {
	s := newScript(seed, start)
	webhooks := make([]webhook, n)
	for i := range webhooks {
		webhooks[i] = s.step()
	}
	return webhooks
}

func TestTheSameSeedGivesTheSameScript(t *testing.T) {
	t.Parallel()
	compare := cmp.AllowUnexported(webhook{})
	if diff := cmp.Diff(steps(1, start, 200), steps(1, start, 200), compare); diff != "" {
		t.Errorf("same seed:\n%s", diff)
	}
	if cmp.Equal(steps(1, start, 200), steps(2, start, 200), compare) {
		t.Error("another seed gives the same script")
	}
}

func TestAnotherStartGivesOtherMessagesAndStreams(t *testing.T) {
	t.Parallel()
	first := make(map[any]bool)
	for _, w := range steps(1, start, 200) {
		first[w.id], first[w.event["id"]] = true, true
	}
	for _, w := range steps(1, start.Add(time.Hour), 200) {
		if id, ok := w.event["id"]; first[w.id] || ok && first[id] {
			t.Fatalf("%s of the second run was in the first: %v", w.kind, w.event)
		}
	}
}

func TestEveryChannelIsThereAtOnceAndGoesOn(t *testing.T) {
	t.Parallel()
	last := make(map[string]time.Time)
	seen := make(map[string]map[string]int) // broadcaster to kind to number
	live := make(map[string]any)
	before := start
	for i, w := range steps(1, start, 600) {
		id := w.broadcasterID
		if seen[id] == nil {
			seen[id] = make(map[string]int)
		}
		seen[id][w.kind]++
		if w.at.Before(before) {
			t.Fatalf("step %d is at %v, the one before at %v", i, w.at, before)
		}
		if i < 2*len(cast) && w.at.Sub(start) > time.Second {
			t.Errorf("step %d comes only after %v", i, w.at.Sub(start))
		}
		if gap := w.at.Sub(last[id]); i >= 2*len(cast) && (gap < shortest || gap > longest) {
			t.Errorf("step %d comes %v after the last one of its channel", i, gap)
		}
		switch w.kind {
		case "stream.online":
			if live[id] != nil {
				t.Errorf("step %d: %s goes live twice", i, id)
			}
			live[id] = w.event["id"]
		case "stream.offline":
			if w.event["id"] != live[id] {
				t.Errorf("step %d: %s ends stream %v, not %v", i, id, w.event["id"], live[id])
			}
			live[id] = nil
		}
		before, last[id] = w.at, w.at
	}
	if len(seen) != len(cast) {
		t.Errorf("%d channels, want %d", len(seen), len(cast))
	}
	for id, kinds := range seen {
		if kinds["stream.online"] < 20 || kinds["stream.offline"] < 20 || kinds["channel.update"] < 20 {
			t.Errorf("%s does too little of one thing: %v", id, kinds)
		}
	}
}

func TestTheWorldSendsSignedWebhooksUntilItIsEnded(t *testing.T) {
	t.Parallel()
	secrets, err := twitch.ParseSecrets(secret)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var kinds []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		headers, err := twitch.ReadHeaders(r.Header)
		if err != nil || !secrets.Verify(headers, body) {
			t.Errorf("not signed: %v, %v", r.Header, err)
		}
		m, err := twitch.ParseMessage(body)
		if err != nil || m.Subscription == nil || m.Subscription.Type != headers.SubscriptionType || m.Event == nil {
			t.Errorf("body %s: %v", body, err)
		}
		kinds = append(kinds, headers.SubscriptionType)
		if len(kinds) == 2 {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		if len(kinds) == 6 {
			cancel()
		}
	}))
	t.Cleanup(server.Close)

	clock := start
	Run(ctx, Config{
		URL: server.URL, Secret: secret, Seed: 1, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
		Now: func() time.Time { return clock },
		Sleep: func(ctx context.Context, d time.Duration) error {
			clock = clock.Add(max(d, 0))
			return ctx.Err()
		},
	})
	want := []string{"channel.update", "stream.online", "channel.update", "stream.online", "channel.update", "stream.offline"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Sleep(ctx, time.Hour); err == nil {
		t.Error("slept on")
	}
	if err := Sleep(t.Context(), time.Nanosecond); err != nil {
		t.Error(err)
	}
}
