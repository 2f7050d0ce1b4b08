// Command serve runs the functions under the Functions Framework, as the cloud
// runs them: the one that FUNCTION_TARGET names at every path, or each at /Name.
// It refuses to start with settings by which a function could only fail.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "serve: %v\n", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. It does not wait for requests then, as the cloud
// does not: a function has nothing left to do once it has answered, and whoever
// got no answer asks again.
func run(ctx context.Context, getenv func(string) string) error {
	if err := check(getenv); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() {
		served <- funcframework.StartHostPort(host(getenv), cmp.Or(getenv("PORT"), "8080"))
	}()
	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
		return nil
	}
}

// host is where to listen: at this machine alone, unless HOST says otherwise or
// a container of the cloud is around us.
func host(getenv func(string) string) string {
	switch {
	case getenv("HOST") != "":
		return getenv("HOST")
	case getenv("K_SERVICE") != "":
		return ""
	}
	return "127.0.0.1"
}
