package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	// headerTimeout is how long a client may take to say what it wants.
	headerTimeout = 10 * time.Second
	// stopTimeout is how long the end waits for requests that are being answered.
	stopTimeout = 5 * time.Second
	// seed decides what happens in the demo world.
	seed = 1
)

// serve says where it serves, and answers until ctx ends and all answers are
// given.
func (s *suite) serve(ctx context.Context, stdout io.Writer) error {
	server := &http.Server{Handler: s.handler, ReadHeaderTimeout: headerTimeout}
	server.RegisterOnShutdown(s.status.Close)
	served := make(chan error, 1)
	go func() { served <- server.Serve(s.listener) }()
	if _, err := fmt.Fprintf(stdout, "ready %s/\n", s.origin()); err != nil {
		return errors.Join(fmt.Errorf("telling the address: %w", err), server.Close())
	}
	stop := s.live(ctx)
	defer stop()
	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("waiting for requests: %w", err), server.Close())
	}
	return nil
}

// live lets time pass: the heartbeat ticks, and the demo world plays. Both stop
// with ctx; stop waits for that.
func (s *suite) live(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { s.tick(ctx) })
	if s.world != nil {
		running.Go(func() { s.world.Run(ctx) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// tick calls the heartbeat at once and then at every interval, by HTTP as Cloud
// Scheduler does.
func (s *suite) tick(ctx context.Context) {
	transport := &http.Transport{MaxIdleConns: 1}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 2 * time.Minute}
	ticker := time.NewTicker(s.interval)
	defer ticker.Stop()
	for {
		if err := call(ctx, client, s.origin()+heartbeatPath); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "heartbeat not answered", "error", err.Error())
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// call posts nothing, and leaves what is answered to the log of the function.
func call(ctx context.Context, client *http.Client, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return errors.Join(err, answer.Body.Close())
}
