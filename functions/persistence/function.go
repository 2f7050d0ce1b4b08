package persistence

import (
	"context"
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
	log := logging.New(os.Stderr, os.Getenv("GOOGLE_CLOUD_PROJECT"))
	functions.HTTP("Persistence", lazy.Handler(log, func(ctx context.Context) (http.Handler, error) {
		config, err := Load(os.Getenv)
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
	}).ServeHTTP)
}
