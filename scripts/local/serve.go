package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sourcestate/sourcestate/scripts/local/demo"
)

const (
	// headerTimeout is how long a client may take to say what it wants.
	headerTimeout = 10 * time.Second
	// stopTimeout is how long the end waits for requests that are being answered.
	stopTimeout = 5 * time.Second
	// seed decides what happens in the demo world.
	seed = 1
)

// serve listens, says so, and answers until ctx ends and all answers are given.
func (s *suite) serve(ctx context.Context, o options, stdout io.Writer) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.addr)
	if err != nil {
		return err // it says what and where
	}
	server := &http.Server{Handler: s.handler, ReadHeaderTimeout: headerTimeout}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	origin := "http://" + listener.Addr().String()
	if _, err := fmt.Fprintf(stdout, "ready %s/\n", origin); err != nil {
		return errors.Join(fmt.Errorf("telling the address: %w", err), server.Close())
	}
	stopDemo := s.demo(ctx, o, origin)
	defer stopDemo()

	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	stopDemo()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("waiting for requests: %w", err), server.Close())
	}
	return nil
}

// demo starts the demo world, if there is to be one. It stops with ctx; stop
// waits for that.
func (s *suite) demo(ctx context.Context, o options, origin string) (stop func()) {
	if !o.demo {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var world sync.WaitGroup
	world.Go(func() {
		demo.Run(ctx, demo.Config{
			URL: origin + webhookPath, Secret: s.secret, Seed: seed,
			Now: time.Now, Sleep: demo.Sleep, Log: s.log,
		})
	})
	return func() {
		cancel()
		world.Wait()
	}
}
