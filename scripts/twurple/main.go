// Command twurple holds the simulated Twitch against a client that nobody here
// wrote: it runs check.mjs, which reads the world through Twurple's ApiClient and
// lets Twurple's EventSubHttpListener judge challenges, signatures, notifications
// and revocations. It uses the loopback interface alone and ends by itself.
//
//	npm --prefix scripts/twurple ci
//	go run ./scripts/twurple
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	// timeout bounds the whole run, which takes about a second.
	timeout     = time.Minute
	stopTimeout = 5 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	dir := flag.String("dir", filepath.Join("scripts", "twurple"), "`directory` of check.mjs and its node_modules")
	flag.Parse()
	err := run(ctx, *dir, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "twurple: %v\n", err)
		os.Exit(1)
	}
}

// run serves a world, lets check.mjs judge it, and stops.
func run(ctx context.Context, dir string, stdout, stderr io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: run npm --prefix %s ci first", err, dir)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := &http.Server{Handler: newScript().handler(), ReadHeaderTimeout: stopTimeout}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		// The context may have ended; to stop in order takes one of its own.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		stopped := server.Shutdown(ctx)
		if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
			stopped = errors.Join(stopped, serveErr)
		}
		err = errors.Join(err, stopped)
	}()
	return check(ctx, dir, listener.Addr().(*net.TCPAddr).Port, stdout, stderr)
}

// check runs check.mjs against the port.
func check(ctx context.Context, dir string, port int, stdout, stderr io.Writer) error {
	command := exec.CommandContext(ctx, "node", "check.mjs", strconv.Itoa(port))
	command.Dir = dir
	command.Stdout, command.Stderr = stdout, stderr
	command.WaitDelay = stopTimeout
	if err := command.Run(); err != nil {
		return fmt.Errorf("running check.mjs: %w", errors.Join(err, ctx.Err()))
	}
	return nil
}
