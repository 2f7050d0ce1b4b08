package heartbeat

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/connector"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/ledger"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// maxSnapshot bounds a pushed snapshot, in bytes, as polls are.
const maxSnapshot = 1 << 20

// A pushAnswer says what became of pushed snapshots.
type pushAnswer struct {
	Sources   int `json:"sources"`   // in the body
	Published int `json:"published"` // of these; the others said nothing new
}

// snapshots takes what a connector pushes, in any of the shapes that polls
// understand, and publishes it at once. ?connector= names the connector where the
// body does not.
func (h *Handler) snapshots(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSnapshot))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		h.refuse(ctx, w, http.StatusRequestEntityTooLarge, err)
		return
	} else if err != nil {
		h.refuse(ctx, w, http.StatusBadRequest, err)
		return
	}
	found, err := connector.Parse(r.URL.Query().Get("connector"), http.StatusOK, body)
	if err != nil {
		h.refuse(ctx, w, http.StatusBadRequest, err)
		return
	}
	if found, err = h.identified(ctx, found); err != nil {
		h.failPush(ctx, w, err)
		return
	}
	now := h.Now()
	var messages []event.BusMessage
	var news []source.Key
	digests, marks := make(map[string]string), make(map[string]any)
	for _, s := range found {
		key := source.Key{Platform: s.Platform, ID: s.ID}
		name := key.String() + "/" + s.Connector
		mark := pushMark{Source: key.String(), Connector: s.Connector, At: event.FormatTime(now)}
		if !h.pushed.news(name, s.Digest(), now, h.Config.Refresh) {
			if h.pushed.news(s.Connector, "heard", now, heardEvery) {
				marks[uuid.NewString()], digests[s.Connector] = mark, "heard"
			}
			continue
		}
		m, err := s.Event(now, 0, "heartbeat").BusMessage()
		if err != nil {
			h.failPush(ctx, w, err)
			return
		}
		messages, news = append(messages, m), append(news, key)
		mark.Published = true
		marks[uuid.NewString()], digests[name] = mark, s.Digest()
	}
	if len(messages) > 0 {
		err = h.Publisher.Publish(ctx, bus.Ingress, messages...)
	}
	if err == nil && len(marks) > 0 {
		err = h.Records.Write(ctx, store.Pushed, marks)
	}
	if err != nil {
		h.failPush(ctx, w, err)
		return
	}
	h.pushed.note(digests, now)
	h.Log.InfoContext(ctx, "snapshots pushed", "outcome", "published", "sources", len(found), "published", len(messages), "changed", news)
	answer(w, http.StatusOK, pushAnswer{Sources: len(found), Published: len(messages)})
}

// heardEvery is how often it is noted that a connector pushes what it said before:
// that it does is a sign of life.
const heardEvery = 30 * time.Second

// A pushMark is a record of what was pushed, for the next tick.
type pushMark struct {
	Source    string `json:"source"`
	Connector string `json:"connector"`
	At        string `json:"at"`
	Published bool   `json:"published,omitempty"` // it was news
}

// recallPushes makes what was pushed since the last tick count as not published:
// the ledger does not have it, and a poll which finds all as before would not be
// news. It also counts as heard of.
func (t *tick) recallPushes(ctx context.Context) error {
	records, err := t.Records.Records(ctx, store.Pushed)
	if err != nil {
		return err
	}
	for name, raw := range records {
		var mark pushMark
		if json.Unmarshal(raw, &mark) == nil {
			if mark.Published {
				t.unpublish(mark.Source, aboutConnector(mark.Connector))
			}
			t.latest.Connectors[mark.Connector] = max(t.latest.Connectors[mark.Connector], mark.At)
		}
		t.pushes = append(t.pushes, name)
	}
	return nil
}

// forgetPushes drops the marks that the ledger has taken over.
func (t *tick) forgetPushes(ctx context.Context) error {
	if len(t.pushes) == 0 {
		return nil
	}
	gone := make(map[string]any, len(t.pushes))
	for _, name := range t.pushes {
		gone[name] = nil
	}
	return t.Records.Write(ctx, store.Pushed, gone)
}

// identified gives snapshots without an id the last one that is known of their
// connectors. Only for these the ledger is read.
func (h *Handler) identified(ctx context.Context, found []connector.Snapshot) ([]connector.Snapshot, error) {
	var ids map[string]string
	for i, s := range found {
		if s.ID == "" && ids == nil {
			l, err := ledger.Read(ctx, h.Records)
			if err != nil {
				return nil, err
			}
			ids = make(map[string]string)
			for _, target := range h.Config.Connectors {
				for name, id := range knownIDs(l.Entry(connectorEntry(target))) {
					ids[name] = id
				}
			}
		}
		found[i] = s.WithID(ids[cmp.Or(s.Within, s.Connector)])
	}
	return found, nil
}

// refuse answers what is no snapshot.
func (h *Handler) refuse(ctx context.Context, w http.ResponseWriter, status int, err error) {
	h.Log.WarnContext(ctx, "snapshots refused", "outcome", "refused", "status", status, "error", err.Error())
	http.Error(w, http.StatusText(status), status)
}

// failPush asks for the snapshots again.
func (h *Handler) failPush(ctx context.Context, w http.ResponseWriter, err error) {
	h.Log.ErrorContext(ctx, "snapshots not published, asking for them again", "outcome", "failed", "error", err.Error())
	http.Error(w, "try again", http.StatusServiceUnavailable)
}

// pushes remembers what was pushed, so that a connector that says the same every
// second does not fill the bus. It saves work; forgetting does no harm.
type pushes struct {
	mu    sync.Mutex
	known map[string]ledger.Published
}

// maxPushes bounds what is remembered.
const maxPushes = 10_000

// news reports whether a digest is new, or due again.
func (p *pushes) news(name, digest string, now time.Time, refresh time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.known[name]
	return !ok || known.Digest != digest || now.Sub(time.Unix(known.At, 0)) >= refresh
}

func (p *pushes) note(digests map[string]string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil || len(p.known)+len(digests) > maxPushes {
		p.known = make(map[string]ledger.Published, len(digests))
	}
	for name, digest := range digests {
		p.known[name] = ledger.Published{Digest: digest, At: now.Unix()}
	}
}
