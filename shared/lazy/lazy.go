// Package lazy builds a function's handler on its first request and not when the
// program starts: an instance that is started for another function, or a test
// that imports the package, needs no clients and no settings.
package lazy

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
)

// Handler serves with what build makes. Build runs on the first request, others
// wait for it; its context has no deadline and outlives the request, because
// clients keep it for their credentials. When it fails the request is answered
// 500, the error logged, and the next request tries again.
func Handler(log *slog.Logger, build func(context.Context) (http.Handler, error)) http.Handler {
	return &handler{log: log, build: build}
}

type handler struct {
	log   *slog.Logger
	build func(context.Context) (http.Handler, error)

	mu    sync.Mutex
	built http.Handler // nil until build succeeded; guarded by mu
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	built, err := h.get(context.WithoutCancel(r.Context()))
	if err != nil {
		h.log.ErrorContext(r.Context(), "function not ready", "outcome", "not_ready", "error", err.Error())
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	built.ServeHTTP(w, r)
}

func (h *handler) get(ctx context.Context) (http.Handler, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.built != nil {
		return h.built, nil
	}
	built, err := h.build(ctx)
	if err != nil {
		return nil, err
	}
	h.built = built
	return built, nil
}
