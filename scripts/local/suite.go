package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"google.golang.org/api/option"

	"github.com/sourcestate/sourcestate/functions/eventsub"
	"github.com/sourcestate/sourcestate/functions/heartbeat"
	"github.com/sourcestate/sourcestate/functions/persistence"
	"github.com/sourcestate/sourcestate/functions/status"
	"github.com/sourcestate/sourcestate/scripts/local/demo"
	"github.com/sourcestate/sourcestate/scripts/local/pubsub"
	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/logging"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
)

const (
	webhookPath   = "/webhooks/twitch"
	heartbeatPath = "/heartbeat"

	// project is where the topics are. Nothing of it leaves the process.
	project = "local"
	// drainTimeout is how long the end waits for what is still to be stored.
	drainTimeout = 5 * time.Second
)

// A suite is everything that runs, wired.
type suite struct {
	log       *slog.Logger
	listener  net.Listener
	world     *demo.World // nil: there is none
	documents *bolt.Store
	broker    *pubsub.Broker
	publisher *bus.Publisher
	status    *status.Handler
	handler   http.Handler
	interval  time.Duration // between ticks of the heartbeat
}

// origin is where the suite serves.
func (s *suite) origin() string { return "http://" + s.listener.Addr().String() }

// open opens the store, which no other process may have open, listens, and wires
// the functions to the store and to a bus of their own.
func open(ctx context.Context, o options, stdout, stderr io.Writer, getenv func(string) string) (*suite, error) {
	documents, err := bolt.Open(o.data, time.Now)
	if err != nil {
		return nil, fmt.Errorf("%w (does another scripts/local use this -data?)", err)
	}
	s := &suite{log: logging.New(stderr, ""), documents: documents}
	if err := s.prepare(ctx, o, stdout, getenv); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	return s, nil
}

func (s *suite) prepare(ctx context.Context, o options, stdout io.Writer, getenv func(string) string) (err error) {
	if s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", o.addr); err != nil {
		return err // it says what and where
	}
	settings := make(map[string]string)
	if o.demo {
		s.world, err = demo.Start(ctx, demo.Config{Seed: seed, Now: time.Now, Sleep: demo.Sleep, Log: s.log})
		if err != nil {
			return err
		}
		if settings, err = s.world.Environment(s.origin() + webhookPath); err != nil {
			return err
		}
	}
	secrets := getenv("TWITCH_EVENTSUB_SECRETS")
	if secrets == "" {
		if secrets, err = keptSecret(o.data); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(stdout, "secret %s\n", secrets); err != nil {
			return fmt.Errorf("telling the secret: %w", err)
		}
	}
	config, err := load(environment(getenv, secrets, settings))
	if err != nil {
		return err
	}
	s.interval = config.interval
	return s.wire(ctx, config)
}

func (s *suite) wire(ctx context.Context, config configs) error {
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
	ticker := heartbeat.New(config.heartbeat, s.documents, s.publisher, s.log)
	mux := http.NewServeMux()
	mux.Handle(webhookPath, eventsub.New(config.eventsub, s.publisher, s.log))
	mux.Handle("/persistence", keeper)
	mux.Handle(heartbeatPath, ticker)
	mux.Handle(heartbeatPath+"/", ticker)
	mux.HandleFunc("/_debug/bus", topics.debug)
	s.status = status.New(config.status, s.documents, s.log)
	mux.Handle("/", s.status)
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
	if s.world != nil {
		errs = append(errs, s.world.Close())
	}
	if s.listener != nil {
		// The server has closed it already, if there was one.
		_ = s.listener.Close()
	}
	return errors.Join(append(errs, s.documents.Close())...)
}
