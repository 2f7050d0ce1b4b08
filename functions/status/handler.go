// Package status is the function Status: what the documents say, as a page for
// people and as JSON for services. It only reads. Everybody may call it, so
// what an error message might give away is hidden unless the configuration says
// otherwise.
package status

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/trace"
)

// timeout bounds what one request may wait for the store.
const timeout = 10 * time.Second

// A reader is the part of a store.Store that is needed here.
type reader interface {
	Get(ctx context.Context, key source.Key) (*source.Document, error)
	List(ctx context.Context, filter store.Filter) (store.Page, error)
	History(ctx context.Context, key source.Key, query store.HistoryQuery) (store.HistoryPage, error)
}

var _ reader = store.Store(nil)

// A Handler answers GET and HEAD requests. It is safe for concurrent use. Create
// it with New.
type Handler struct {
	redact    bool
	documents reader
	log       *slog.Logger
	mux       *http.ServeMux
}

// New makes the handler.
func New(config Config, documents reader, log *slog.Logger) *Handler {
	h := &Handler{redact: config.Redact, documents: documents, log: log, mux: http.NewServeMux()}
	h.mux.HandleFunc("/{$}", h.page)
	h.mux.HandleFunc(stylePath, style)
	h.mux.HandleFunc("/api/sources", h.sources)
	h.mux.HandleFunc("/api/sources/{id}", h.source)
	h.mux.HandleFunc("/api/sources/{id}/history", h.history)
	h.mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	h.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, problem{status: http.StatusNotFound, detail: "There is nothing at this path."})
	})
	return h
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeProblem(w, problem{status: http.StatusMethodNotAllowed, detail: "Only GET and HEAD are answered here."})
		return
	}
	ctx, cancel := context.WithTimeout(trace.FromRequest(r), timeout)
	defer cancel()
	h.mux.ServeHTTP(w, r.WithContext(ctx))
}

// secure forbids a browser everything that the page does not need.
func secure(header http.Header) {
	header.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}

// explain turns an error into what the caller is told, and logs what is ours.
func (h *Handler) explain(ctx context.Context, err error) problem {
	var asked *requestError
	switch {
	case errors.As(err, &asked):
		return problem{status: http.StatusBadRequest, detail: asked.Error()}
	case errors.Is(err, store.ErrCursor):
		return problem{status: http.StatusBadRequest, detail: "The cursor is not one that this list has given."}
	case errors.Is(err, store.ErrNotFound):
		return problem{status: http.StatusNotFound, detail: "There is no such source."}
	case errors.Is(err, context.Canceled):
		// Nobody waits for this answer any more.
		return unavailable
	}
	h.log.ErrorContext(ctx, "store not readable", "outcome", "failed", "error", err.Error())
	return unavailable
}

var _ http.Handler = (*Handler)(nil)
