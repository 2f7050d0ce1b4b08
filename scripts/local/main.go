// Command local runs the whole suite in one process, without an account
// anywhere: the functions behind one address, a Pub/Sub in memory, the documents
// in a file, and a demo world that keeps something happening.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process whatever it is doing.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(exitCode(err, os.Stderr))
}

// options are the flags.
type options struct {
	addr string
	data string
	demo bool
}

var errUsage = errors.New("wrong usage")

// parse reads the flags. The error is flag.ErrHelp or errUsage; the user has been
// told then.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`address` to serve on; port 0 is a free one")
	flags.StringVar(&o.data, "data", ".local/", "`directory` of the documents; created when missing")
	flags.BoolVar(&o.demo, "demo", true, "simulate Twitch and connectors; -demo=false starts empty")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return options{}, err
	case err != nil:
		return options{}, errUsage
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "unexpected argument %q\n", flags.Arg(0))
		flags.Usage()
		return options{}, errUsage
	}
	return o, nil
}

// exitCode is the exit code for what run returned, after telling the user.
func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	fmt.Fprintf(stderr, "local: %v\n", err)
	return 1
}

// run serves until ctx ends and then stops in order: the world, the requests,
// the deliveries, the store. It writes what a user or a script waits for to
// stdout (the secret, the address) and logs to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	s, err := open(ctx, o, stdout, stderr, getenv)
	if err != nil {
		return err
	}
	return errors.Join(s.serve(ctx, stdout), s.close(ctx))
}
