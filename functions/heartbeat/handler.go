// Package heartbeat is the function Heartbeat: once a minute it asks the
// connectors and Twitch how things stand, and publishes what is new as events. It
// never touches the documents of sources; Persistence does, from the events. What
// was published is remembered in a ledger, so that a quiet tick costs a few reads
// and no message (design section 9).
package heartbeat

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sourcestate/sourcestate/shared/connector"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/trace"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

const (
	// tickTimeout bounds one tick, and leaseTime how long a tick that was killed
	// keeps others from running.
	tickTimeout = 55 * time.Second
	leaseTime   = 75 * time.Second
	leaseName   = "lease"
)

// A publisher takes messages onto a topic of the bus. It returns nil only when
// all of them are durable. It must be safe for concurrent use.
type publisher interface {
	Publish(ctx context.Context, topic string, messages ...event.BusMessage) error
}

// A reader reads documents, of which a poll wants to know whether it contradicts
// them.
type reader interface {
	Get(ctx context.Context, key source.Key) (*source.Document, error)
}

var _ reader = store.Store(nil)

// A Handler answers ticks and pushed snapshots. Its fields are set before the
// first request and not changed after it; then it is safe for concurrent use.
type Handler struct {
	Config     Config
	Twitch     *twitch.Client // nil: Twitch is not asked
	Connectors *connector.Client
	Records    store.Records
	Documents  reader
	Publisher  publisher
	Now        func() time.Time
	Log        *slog.Logger

	pushed pushes
}

// A keeper is what the heartbeat needs of a store.
type keeper interface {
	store.Records
	reader
}

// New is the handler for a configuration.
func New(config Config, keeper keeper, publisher publisher, log *slog.Logger) *Handler {
	h := &Handler{
		Config: config, Connectors: connector.NewClient(connector.ClientConfig{}),
		Records: keeper, Documents: keeper, Publisher: publisher, Now: time.Now, Log: log,
	}
	if config.ClientID != "" {
		h.Twitch = twitch.NewClient(twitch.ClientConfig{
			ClientID: config.ClientID, ClientSecret: config.ClientSecret,
			APIURL: config.APIURL, AuthURL: config.AuthURL,
		})
	}
	return h
}

// ServeHTTP takes a tick at any path, and snapshots at one that ends in
// /snapshots. Both are POST.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(trace.FromRequest(r), tickTimeout)
	defer cancel()
	if strings.HasSuffix(strings.TrimRight(r.URL.Path, "/"), "/snapshots") {
		h.snapshots(ctx, w, r)
		return
	}
	dryRun := r.URL.Query().Get("dryRun")
	if dryRun != "" && dryRun != "true" && dryRun != "false" {
		http.Error(w, "dryRun is true or false", http.StatusBadRequest)
		return
	}
	report := h.tick(ctx, dryRun == "true")
	report.log(ctx, h.Log)
	status := http.StatusOK
	if report.Status == StatusFailed {
		status = http.StatusInternalServerError
	}
	answer(w, status, report)
}

// tick runs one tick, if no other is running.
func (h *Handler) tick(ctx context.Context, dryRun bool) *Report {
	report := newReport(h.Now(), dryRun)
	holder := uuid.NewString()
	if !dryRun {
		err := h.Records.Claim(ctx, store.Heartbeat, leaseName, holder, h.Now().Add(leaseTime))
		if errors.Is(err, store.ErrHeld) {
			report.Status = StatusBusy
			return report
		}
		if err != nil {
			report.step("lease").fail("claiming the lease", err)
			return report.finish(h.Now())
		}
		defer h.release(ctx, report)
	}
	t := newTick(h, report)
	t.run(ctx)
	return report.finish(h.Now())
}

// release gives the lease up, also when time was up: else the next tick would
// find it held.
func (h *Handler) release(ctx context.Context, report *Report) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := h.Records.Write(ctx, store.Heartbeat, map[string]any{leaseName: nil}); err != nil {
		report.step("lease").fail("giving the lease up", err)
		report.finish(h.Now())
	}
}

// answer writes JSON.
func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A caller that has gone away needs no answer.
	_ = json.NewEncoder(w).Encode(value)
}

var _ http.Handler = (*Handler)(nil)
