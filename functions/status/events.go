package status

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	// writeTimeout is how long a reader may take to take what is written.
	writeTimeout = 10 * time.Second
	// comeBack tells browsers when to try again, in milliseconds.
	comeBack = "retry: 2000\n"
	// alive is a comment, which readers do not see.
	alive = ": alive\n\n"
)

// events tells of changes as server-sent events: a snapshot of all sources, then
// each that changes. A reader that comes back with Last-Event-ID gets what it
// missed, if that is still known, else a snapshot. Nobody waits for one that is
// slow: what it does not take in time ends its stream.
func (h *Handler) events(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	if r.Method == http.MethodHead {
		announceEvents(header)
		return
	}
	joining, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	run, leave, err := h.hub.join(joining)
	if errors.Is(err, errCrowd) {
		h.refuse(w, r, problem{status: http.StatusServiceUnavailable, detail: "Too many are reading events here."})
		return
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer leave()
	announceEvents(header)
	// Browsers that open a stream anew cannot set a header.
	last := cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("lastEventId"))
	stream := &stream{w: w, control: http.NewResponseController(w)}
	if stream.write([]byte(comeBack), []byte(alive)) == nil {
		h.tellAll(r.Context(), stream, run, parsePlace(last))
	}
}

func announceEvents(header http.Header) {
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // for proxies that would wait for more
	header.Set("Connection", "close")     // it has a deadline that no other request should meet
}

// tellAll tells until the reader is gone or too slow, the watch is over, or the
// handler is closed.
func (h *Handler) tellAll(ctx context.Context, stream *stream, run *watching, at place) {
	ticks, stop := h.every(beat)
	defer stop()
	for {
		frames, here, news := h.hub.after(at)
		if len(frames) > 0 && stream.write(frames...) != nil {
			return
		}
		at = here
		select {
		case <-news:
		case <-ticks:
			if stream.write([]byte(alive)) != nil {
				return
			}
		case <-run.over:
			return
		case <-ctx.Done():
			return
		case <-h.closing:
			return
		}
	}
}

// A stream is written to piece by piece.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// write writes and flushes all frames. The deadline is one of the connection, so
// it is by the clock of the machine.
func (s *stream) write(frames ...[]byte) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	for _, frame := range frames {
		if _, err := s.w.Write(frame); err != nil {
			return err
		}
	}
	return s.control.Flush()
}
