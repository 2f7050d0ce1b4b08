package demo

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A clock jumps to where somebody sleeps to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

func start(t *testing.T, c *clock) *World {
	t.Helper()
	w, err := Start(t.Context(), Config{
		Seed: 1, Now: c.Now, Sleep: Sleep, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// play plays the script for a time, and tells after each scene what a poll of a
// path answers.
func play(t *testing.T, w *World, c *clock, d time.Duration, seen func()) {
	t.Helper()
	script := newScript(w, 1, c.Now())
	for end := c.Now().Add(d); ; {
		scene := script.next()
		if scene.at.After(end) {
			return
		}
		if scene.at.Before(c.Now()) {
			t.Fatalf("a scene at %v after one at %v", scene.at, c.Now())
		}
		c.set(scene.at)
		scene.play()
		seen()
	}
}

func body(h http.Handler, path string) (answer string) {
	w := httptest.NewRecorder()
	defer func() {
		if recover() != nil { // as net/http takes it: the connection ends
			answer = "dead"
		}
	}()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Body.String()
}

func TestEverythingHappensWithinHalfAnHour(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	w := start(t, c)
	kick, discord, slack := make(map[string]bool), make(map[bool]bool), make(map[bool]bool)
	play(t, w, c, 30*time.Minute, func() {
		answer := body(w.kick, "/_debug/kick")
		if answer != "dead" {
			answer = "alive"
		}
		kick[answer] = true
		chat := body(w.chat, "/_debug/connectors")
		discord[strings.Contains(chat, "gateway_closed")] = true
		slack[strings.Contains(chat, "RECONNECTING")] = true
	})
	if diff := cmp.Diff(map[string]bool{"dead": true, "alive": true}, kick); diff != "" {
		t.Errorf("kick (-want +got):\n%s", diff)
	}
	both := map[bool]bool{true: true, false: true}
	for name, got := range map[string]map[bool]bool{"discord": discord, "slack": slack} {
		if diff := cmp.Diff(both, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTheSameSeedTellsTheSameStory(t *testing.T) {
	t.Parallel()
	story := func() (scenes []string) {
		c := &clock{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
		w := start(t, c)
		play(t, w, c, 10*time.Minute, func() {
			scenes = append(scenes, c.Now().String()+body(w.chat, "/_debug/connectors"))
		})
		return scenes
	}
	if diff := cmp.Diff(story(), story()); diff != "" {
		t.Errorf("two stories:\n%s", diff)
	}
}

func TestTheWorldEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	w := start(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.Run(ctx)
}

func TestTheEnvironmentNamesWhatTheWorldServes(t *testing.T) {
	t.Parallel()
	w := start(t, &clock{now: time.Now()})
	env, err := w.Environment("http://127.0.0.1:1/webhooks/twitch")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range env {
		if value == "" {
			t.Errorf("%s is empty", name)
		}
	}
}
