package persistence

import (
	"context"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/lazy"
	"github.com/sourcestate/sourcestate/shared/logging"
	"github.com/sourcestate/sourcestate/shared/store/firestore"
)

// The function takes pushes and CloudEvents itself, and is registered as an HTTP
// function therefore: the framework's conversion would lose the publish time of
// a push and answer otherwise.
func init() {
	functions.HTTP("Persistence", newFunction(os.Getenv, os.Stderr).ServeHTTP)
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
		publisher, err := bus.Open(ctx, bus.Config{Project: config.Project, Prefix: config.Prefix})
		if err != nil {
			return nil, err
		}
		documents, err := firestore.Open(ctx, config.Project, time.Now)
		if err != nil {
			_ = publisher.Close() // the error of the store is the one to tell
			return nil, err
		}
		return New(documents, publisher, log), nil
	})
}
