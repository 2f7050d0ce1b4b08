package eventsub

import (
	"context"
	"io"
	"net/http"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/lazy"
	"github.com/sourcestate/sourcestate/shared/logging"
)

func init() {
	functions.HTTP("EventSub", newFunction(os.Getenv, os.Stderr).ServeHTTP)
}

// newFunction is the handler that the environment describes, built with the first
// request.
func newFunction(getenv func(string) string, logs io.Writer) http.Handler {
	log := logging.New(logs, getenv("GOOGLE_CLOUD_PROJECT"))
	return lazy.Handler(log, func(ctx context.Context) (http.Handler, error) {
		config, err := Load(getenv)
		if err != nil {
			return nil, err
		}
		publisher, err := bus.Open(ctx, bus.Config{
			Project: config.Project, Prefix: config.Prefix, Timeout: DefaultTimeout,
		})
		if err != nil {
			return nil, err
		}
		return New(config, publisher, log), nil
	})
}
