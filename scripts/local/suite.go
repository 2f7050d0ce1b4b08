package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"google.golang.org/api/option"

	"github.com/sourcestate/sourcestate/functions/eventsub"
	"github.com/sourcestate/sourcestate/functions/persistence"
	"github.com/sourcestate/sourcestate/functions/status"
	"github.com/sourcestate/sourcestate/scripts/local/pubsub"
	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/logging"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
)

const (
	webhookPath = "/webhooks/twitch"

	// project is where the topics are. Nothing of it leaves the process.
	project = "local"
	// drainTimeout is how long the end waits for what is still to be stored.
	drainTimeout = 5 * time.Second
)

// A suite is everything that runs, wired.
type suite struct {
	log       *slog.Logger
	secret    string // signs what the demo world sends
	documents *bolt.Store
	broker    *pubsub.Broker
	publisher *bus.Publisher
	handler   http.Handler
}

// configs are the configurations of the functions.
type configs struct {
	eventsub    eventsub.Config
	persistence persistence.Config
	status      status.Config
}

// load reads the configurations. The error joins all faults.
func load(getenv func(string) string) (c configs, err error) {
	var faults [3]error
	c.eventsub, faults[0] = eventsub.Load(getenv)
	c.persistence, faults[1] = persistence.Load(getenv)
	c.status, faults[2] = status.Load(getenv)
	return c, errors.Join(faults[:]...)
}

// open opens the store, which no other process may have open, and wires the
// functions to it and to a bus of their own.
func open(ctx context.Context, dir string, stdout, stderr io.Writer, getenv func(string) string) (*suite, error) {
	documents, err := bolt.Open(dir, time.Now)
	if err != nil {
		return nil, fmt.Errorf("%w (does another scripts/local use this -data?)", err)
	}
	s := &suite{log: logging.New(stderr, ""), documents: documents}
	if err := s.wire(ctx, dir, stdout, getenv); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	return s, nil
}

func (s *suite) wire(ctx context.Context, dir string, stdout io.Writer, getenv func(string) string) error {
	secrets := getenv("TWITCH_EVENTSUB_SECRETS")
	if secrets == "" {
		var err error
		if secrets, err = keptSecret(dir); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(stdout, "secret %s\n", secrets); err != nil {
			return fmt.Errorf("telling the secret: %w", err)
		}
	}
	config, err := load(environment(getenv, secrets))
	if err != nil {
		return err
	}
	s.secret = config.eventsub.Secrets.Newest()

	s.broker = pubsub.Start(ctx, pubsub.Config{Now: time.Now, Log: s.log})
	topics := topics{broker: s.broker, prefix: config.eventsub.Prefix}
	for _, name := range []string{bus.Ingress, bus.Transition, bus.DeadLetter} {
		s.broker.CreateTopic(topics.path(name))
	}
	client, err := s.broker.Client()
	if err != nil {
		return err
	}
	s.publisher, err = bus.Open(ctx, bus.Config{
		Project: project, Prefix: topics.prefix, Options: []option.ClientOption{client},
	})
	if err != nil {
		return err
	}
	keeper := persistence.New(s.documents, s.publisher, s.log)
	mux := http.NewServeMux()
	mux.Handle(webhookPath, eventsub.New(config.eventsub, s.publisher, s.log))
	mux.Handle("/persistence", keeper)
	mux.HandleFunc("/_debug/bus", topics.debug)
	mux.Handle("/", status.New(config.status, s.documents, s.log))
	s.handler = mux
	return s.broker.Subscribe(topics.path(bus.Ingress), "persistence", keeper)
}

// close delivers what is under way and releases everything. It does not end with
// ctx, which has ended when the suite stops.
func (s *suite) close(ctx context.Context) error {
	var errs []error
	if s.broker != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		if err := s.broker.Drain(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stopping with events that are not stored: %w", err))
		}
	}
	if s.publisher != nil {
		errs = append(errs, s.publisher.Close())
	}
	if s.broker != nil {
		s.broker.Close()
	}
	return errors.Join(append(errs, s.documents.Close())...)
}

// environment is the environment with what a local run decides for itself.
func environment(getenv func(string) string, secrets string) func(string) string {
	return func(name string) string {
		switch name {
		case "TWITCH_EVENTSUB_SECRETS":
			return secrets
		case "GOOGLE_CLOUD_PROJECT":
			return project
		case "STATUS_REDACT":
			if getenv(name) == "" {
				return "false"
			}
		}
		return getenv(name)
	}
}
