package status

import (
	"context"
	"net/http"
	"os"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/sourcestate/sourcestate/shared/lazy"
	"github.com/sourcestate/sourcestate/shared/logging"
	"github.com/sourcestate/sourcestate/shared/store/firestore"
)

// target is the name of the function. Where the framework serves several, it is
// also the path of this one.
const target = "Status"

func init() {
	log := logging.New(os.Stderr, os.Getenv("GOOGLE_CLOUD_PROJECT"))
	h := lazy.Handler(log, func(ctx context.Context) (http.Handler, error) {
		config, err := Load(os.Getenv)
		if err != nil {
			return nil, err
		}
		documents, err := firestore.Open(ctx, config.Project, time.Now)
		if err != nil {
			return nil, err
		}
		return New(config, documents, log), nil
	})
	functions.HTTP(target, atRoot(h))
}

// atRoot serves the page where the framework has it beside other functions. The
// rest of the API is there only when the function is served alone.
func atRoot(h http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/"+target {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = "/", ""
		}
		h.ServeHTTP(w, r)
	}
}
