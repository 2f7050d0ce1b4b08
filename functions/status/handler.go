// Package status is the function Status: what the documents say, as a page for
// people and as JSON, events, badges, metrics and a feed for programs. It only
// reads. Everybody may call it, so what an error message might give away is hidden
// unless the configuration says otherwise.
package status

import (
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/trace"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

// How much of what was read is kept for others who ask. A listing may be as large
// as all sources; an activity is a few hundred points.
const (
	maxListings   = 16
	maxActivities = 1024
)

// timeout bounds what one request may wait for the store.
const timeout = 10 * time.Second

// A keeper is what is needed here of a store: to read, and to be told of changes.
type keeper interface {
	store.Watcher
	Get(ctx context.Context, key source.Key) (*source.Document, error)
	List(ctx context.Context, filter store.Filter) (store.Page, error)
	History(ctx context.Context, key source.Key, query store.HistoryQuery) (store.HistoryPage, error)
	Sessions(ctx context.Context, key source.Key, query store.SessionQuery) (store.SessionPage, error)
	Hours(ctx context.Context, key source.Key, query store.HourQuery) (store.HourPage, error)
	Record(ctx context.Context, collection store.Collection, name string, into any) error
	Records(ctx context.Context, collection store.Collection) (map[string]json.RawMessage, error)
}

var _ keeper = interface {
	store.Store
	store.Records
	store.Watcher
}(nil)

// subscriptions lists what Twitch has, for the debug page.
type subscriptions interface {
	Subscriptions(ctx context.Context) (twitch.SubscriptionList, error)
}

// A Handler answers GET and HEAD requests. It is safe for concurrent use. Create
// it with New and end it with Close.
type Handler struct {
	config    Config
	documents keeper
	twitch    subscriptions // nil: Twitch is not asked
	log       *slog.Logger
	mux       *http.ServeMux

	// Set before the first request, by tests.
	now   func() time.Time
	every func(time.Duration) (ticks <-chan time.Time, stop func())

	fresh      *recent[struct{}, freshness]
	boards     *recent[struct{}, []*known]
	listings   *recent[store.Filter, listing]
	activities *recent[activityKey, activity]
	hub        *hub
	incidents  *incidents

	zips    sync.Pool // of *gzip.Writer
	closing chan struct{}
	closed  sync.Once
}

// New makes the handler.
func New(config Config, documents keeper, log *slog.Logger) *Handler {
	config.Interval = cmp.Or(config.Interval, defaultInterval)
	h := &Handler{
		config: config, documents: documents, log: log, mux: http.NewServeMux(),
		now: time.Now, every: every,
		zips:    sync.Pool{New: func() any { return newZip() }},
		closing: make(chan struct{}),
	}
	if config.ClientID != "" && config.ClientSecret != "" {
		h.twitch = twitch.NewClient(twitch.ClientConfig{
			ClientID: config.ClientID, ClientSecret: config.ClientSecret,
			APIURL: config.APIURL, AuthURL: config.AuthURL,
		})
	}
	now := func() time.Time { return h.now() }
	h.fresh = newRecent(recently, 1, now, h.readFreshness)
	h.boards = newRecent(recently, 1, now, h.readBoard)
	h.listings = newRecent(recently, maxListings, now, h.readListing)
	h.activities = newRecent(activityLasts, maxActivities, now, h.readActivity)
	h.hub = newHub(h)
	h.incidents = newIncidents(documents)
	for _, route := range h.routes() {
		h.mux.HandleFunc(route.pattern, h.serve(route))
	}
	return h
}

// Close ends the streams of events, which would else go on as long as their
// readers like. Other requests are answered all the same.
func (h *Handler) Close() {
	h.closed.Do(func() { close(h.closing) })
}

// A route is what is answered at a path.
type route struct {
	pattern string
	answer  http.HandlerFunc
	endless bool // it takes as long as its reader likes, and is not compressed
}

func (h *Handler) routes() []route {
	return []route{
		{pattern: "/{$}", answer: h.page},
		{pattern: "/sources/{id}", answer: h.sourcePage},
		{pattern: "/sources/{id}/activity", answer: h.activity},
		{pattern: assetRoot, answer: h.asset},
		{pattern: "/api/sources", answer: h.sources},
		{pattern: "/api/sources/{id}", answer: h.source},
		{pattern: "/api/sources/{id}/history", answer: h.history},
		{pattern: "/api/sources/{id}/streams", answer: h.streams},
		{pattern: "/api/sources/{id}/viewers", answer: h.viewers},
		{pattern: "/api/events", answer: h.events, endless: true},
		{pattern: "/api/openapi.json", answer: h.openapi},
		{pattern: "/badge/{name}", answer: h.badge},
		{pattern: "/metrics", answer: h.metrics},
		{pattern: "/feed.xml", answer: h.feed},
		{pattern: "/_debug/twitch", answer: h.debugTwitch},
		{pattern: "/healthz", answer: h.health},
		{pattern: "/", answer: h.nothing},
	}
}

// serve answers a route in time and compressed, unless it is endless.
func (h *Handler) serve(route route) http.HandlerFunc {
	if route.endless {
		return route.answer
	}
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		zipped, done := h.zipped(w, r)
		defer done()
		route.answer(zipped, r.WithContext(ctx))
	}
}

// What a request may ask at most, in bytes. Nothing that this function gives out
// is nearly as long.
const (
	maxPath  = 4 << 10
	maxQuery = 4 << 10
)

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		h.refuse(w, r, problem{status: http.StatusMethodNotAllowed, detail: "Only GET and HEAD are answered here."})
		return
	}
	if len(r.URL.EscapedPath()) > maxPath || len(r.URL.RawQuery) > maxQuery {
		h.refuse(w, r, problem{status: http.StatusRequestURITooLong, detail: "No address here is that long."})
		return
	}
	h.mux.ServeHTTP(w, r.WithContext(trace.FromRequest(r)))
}

func (h *Handler) health(w http.ResponseWriter, r *http.Request) {
	h.answerValue(w, r, map[string]string{"status": "ok"})
}

func (h *Handler) nothing(w http.ResponseWriter, r *http.Request) {
	h.refuse(w, r, problem{status: http.StatusNotFound, detail: "There is nothing at this path."})
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

func every(d time.Duration) (<-chan time.Time, func()) {
	ticker := time.NewTicker(d)
	return ticker.C, ticker.Stop
}

func newZip() *gzip.Writer {
	zip, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil { // cannot be: the level is one
		return gzip.NewWriter(io.Discard)
	}
	return zip
}

var (
	_ http.Handler   = (*Handler)(nil)
	_ json.Marshaler = problem{}
)
