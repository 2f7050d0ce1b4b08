// Package demo is a small world for scripts/local: a simulated Twitch whose
// channels go live and offline, and services with connectors that fail and
// recover. The suite meets it as it meets the real ones, by HTTP alone: webhooks,
// polls and tokens.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sourcestate/sourcestate/shared/connectortest"
	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

// Config is what the world needs. All fields must be set.
type Config struct {
	Seed uint64 // decides what happens
	Now  func() time.Time
	// Sleep waits; its error, that of ctx, ends the world.
	Sleep func(ctx context.Context, d time.Duration) error
	Log   *slog.Logger
}

// A World is played on ports of its own. Start it, give the suite its
// Environment, Run it, and Close it.
type World struct {
	config  Config
	twitch  *twitchtest.World
	chat    *connectortest.Service // the bot's connectors to four platforms
	kick    *connectortest.Service
	tokens  []userToken
	servers []*http.Server
	urls    map[http.Handler]string
	serving sync.WaitGroup
}

type userToken struct {
	UserID      string `json:"userId"`
	AccessToken string `json:"accessToken"`
}

// Start makes the world and listens on loopback. Nothing happens in it before Run.
func Start(ctx context.Context, config Config) (*World, error) {
	w := &World{
		config: config,
		twitch: twitchtest.New(twitchtest.Config{Now: config.Now, Sleep: config.Sleep}),
		chat:   connectortest.New("chat-1"),
		kick:   connectortest.New("kick-1"),
		urls:   make(map[http.Handler]string),
	}
	w.populate()
	for _, handler := range []http.Handler{w.twitch, w.chat, w.kick} {
		if err := w.serve(ctx, handler); err != nil {
			return nil, errors.Join(fmt.Errorf("starting the demo world: %w", err), w.Close())
		}
	}
	return w, nil
}

func (w *World) serve(ctx context.Context, handler http.Handler) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second,
		// A connector that dies on purpose is no news.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	w.servers = append(w.servers, server)
	w.urls[handler] = "http://" + listener.Addr().String()
	w.serving.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			w.config.Log.ErrorContext(ctx, "the demo world has ended", "error", err.Error())
		}
	})
	return nil
}

// Close ends the servers.
func (w *World) Close() error {
	var errs []error
	for _, server := range w.servers {
		errs = append(errs, server.Close())
	}
	w.serving.Wait()
	return errors.Join(errs...)
}

// Environment are the settings by which a suite finds the world. Callback is
// where the suite takes webhooks.
func (w *World) Environment(callback string) (map[string]string, error) {
	tokens, err := json.Marshal(w.tokens)
	if err != nil {
		return nil, fmt.Errorf("encoding the tokens of the demo: %w", err)
	}
	connectors, err := json.Marshal([]map[string]string{
		{"name": "chat", "url": w.urls[w.chat] + "/_debug/connectors"},
		{"name": "kick", "url": w.urls[w.kick] + "/_debug/kick", "timeout": "2s"},
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the connectors of the demo: %w", err)
	}
	broadcasters := ""
	for _, m := range cast {
		broadcasters += "," + m.login
	}
	return map[string]string{
		"TWITCH_CLIENT_ID":     twitchtest.ClientID,
		"TWITCH_CLIENT_SECRET": twitchtest.ClientSecret,
		"TWITCH_API_URL":       w.urls[w.twitch] + "/helix",
		"TWITCH_AUTH_URL":      w.urls[w.twitch],
		"TWITCH_CALLBACK_URL":  callback,
		"TWITCH_BROADCASTERS":  broadcasters,
		"TWITCH_BOT_USER_ID":   botID,
		"TWITCH_USER_TOKENS":   string(tokens),
		"CONNECTORS":           string(connectors),
		// A world that moves fast is looked at often.
		"HEARTBEAT_INTERVAL": "5s",
		"HEARTBEAT_LAG":      "15s",
	}, nil
}

// Run plays until ctx ends.
func (w *World) Run(ctx context.Context) {
	var twitch sync.WaitGroup
	twitch.Go(func() { w.twitch.Run(ctx) })
	defer twitch.Wait()
	script := newScript(w, w.config.Seed, w.config.Now())
	for {
		scene := script.next()
		if w.config.Sleep(ctx, scene.at.Sub(w.config.Now())) != nil {
			return
		}
		scene.play()
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
