package lazy_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/sourcestate/sourcestate/shared/lazy"
)

var silent = slog.New(slog.NewJSONHandler(io.Discard, nil))

func get(t *testing.T, h http.Handler) int {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	return w.Code
}

func TestHandlerIsBuiltOnceByTheFirstRequest(t *testing.T) {
	t.Parallel()
	built := 0
	h := lazy.Handler(silent, func(context.Context) (http.Handler, error) {
		built++
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }), nil
	})
	if built != 0 {
		t.Fatal("built before the first request")
	}
	var requests sync.WaitGroup
	for range 8 {
		requests.Go(func() {
			if code := get(t, h); code != http.StatusTeapot {
				t.Errorf("answered %d", code)
			}
		})
	}
	requests.Wait()
	if built != 1 {
		t.Errorf("built %d times", built)
	}
}

func TestHandlerTriesAgainAfterAFailure(t *testing.T) {
	t.Parallel()
	fail := true
	h := lazy.Handler(silent, func(context.Context) (http.Handler, error) {
		if fail {
			return nil, errors.New("no settings")
		}
		return http.NotFoundHandler(), nil
	})
	if code := get(t, h); code != http.StatusInternalServerError {
		t.Errorf("answered %d while it could not be built", code)
	}
	fail = false
	if code := get(t, h); code != http.StatusNotFound {
		t.Errorf("answered %d after it could be built", code)
	}
}

func TestHandlerIsBuiltWithAContextThatOutlivesTheRequest(t *testing.T) {
	t.Parallel()
	var kept context.Context
	h := lazy.Handler(silent, func(ctx context.Context) (http.Handler, error) {
		kept = ctx
		return http.NotFoundHandler(), nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	cancel()
	if err := kept.Err(); err != nil {
		t.Errorf("the clients' context ended with the request: %v", err)
	}
}
