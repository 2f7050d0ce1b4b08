// Package demo is a small world of simulated channels for scripts/local: they go
// live and offline and change their titles, and say so by signed webhooks over
// HTTP, as Twitch would.
package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

// timeout is how long a webhook may take; Twitch waits no longer either.
const timeout = 5 * time.Second

// Config is what the world needs. All fields must be set.
type Config struct {
	URL    string // where EventSub takes webhooks
	Secret string // signs them
	Seed   uint64 // decides what happens
	Now    func() time.Time
	// Sleep waits; its error, that of ctx, ends the world.
	Sleep func(ctx context.Context, d time.Duration) error
	Log   *slog.Logger
}

// Run plays until ctx ends. A webhook that is not taken is logged and not sent
// again: the next one of its channel is not far.
func Run(ctx context.Context, config Config) {
	transport := &http.Transport{MaxIdleConns: 1}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: timeout}
	script := newScript(config.Seed, config.Now())
	for {
		w := script.step()
		if config.Sleep(ctx, w.at.Sub(config.Now())) != nil {
			return
		}
		err := w.send(ctx, client, config)
		if err != nil && ctx.Err() == nil {
			config.Log.WarnContext(ctx, "demo webhook not taken", "type", w.kind, "error", err.Error())
		}
	}
}

// Sleep waits for d or until ctx ends.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w webhook) send(ctx context.Context, client *http.Client, config Config) error {
	timestamp := config.Now().UTC().Format(time.RFC3339Nano)
	body, err := w.body(config.URL, timestamp)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, config.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making the webhook: %w", err)
	}
	for name, value := range map[string]string{
		"Content-Type":                   "application/json",
		twitch.HeaderID:                  w.id,
		twitch.HeaderRetry:               "0",
		twitch.HeaderType:                twitch.MessageNotification,
		twitch.HeaderTimestamp:           timestamp,
		twitch.HeaderSignature:           twitch.Sign(config.Secret, w.id, timestamp, body),
		twitch.HeaderSubscriptionType:    w.kind,
		twitch.HeaderSubscriptionVersion: w.version,
	} {
		r.Header.Set(name, value)
	}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("sending the webhook: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		return fmt.Errorf("sending the webhook: answered %s", answer.Status)
	}
	return nil
}

func (w webhook) body(callback, timestamp string) ([]byte, error) {
	body, err := json.Marshal(event.Object{
		"subscription": event.Object{
			"id":         event.NewID("demo/" + w.kind + "/" + w.broadcasterID),
			"status":     "enabled",
			"type":       w.kind,
			"version":    w.version,
			"condition":  event.Object{"broadcaster_user_id": w.broadcasterID},
			"transport":  event.Object{"method": "webhook", "callback": callback},
			"created_at": timestamp,
			"cost":       0,
		},
		"event": w.event,
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the webhook: %w", err)
	}
	return body, nil
}
