// Package logging writes log lines as Cloud Logging reads them from a
// container's output: one JSON object a line with severity, message and time,
// and the trace of the request where the context has one, so that the lines of
// one webhook stand together.
package logging

import (
	"context"
	"io"
	"log/slog"
	"slices"

	"github.com/sourcestate/sourcestate/shared/trace"
)

// The keys that Cloud Logging takes out of the line and gives a meaning. Attributes
// should be named otherwise.
const (
	keySeverity = "severity"
	keyMessage  = "message"
	keyTrace    = "logging.googleapis.com/trace"
)

// New is a logger that writes lines of level INFO and above to w. Project is the
// Google Cloud project that traces belong to; without it lines name no trace.
// The logger is safe for concurrent use and writes each line with one Write.
func New(w io.Writer, project string) *slog.Logger {
	return slog.New(NewHandler(w, project, slog.LevelInfo))
}

// NewHandler is the handler of New with a level to choose.
func NewHandler(w io.Writer, project string, level slog.Leveler) slog.Handler {
	root := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: rename})
	return &handler{Handler: root, root: root, project: project}
}

// handler adds the trace. It belongs at the top of the line, but an attribute
// that is added to a record lands in the innermost group; so once there is a
// group, what was done since the root is done again on top of the trace.
type handler struct {
	slog.Handler
	root    slog.Handler
	steps   []func(slog.Handler) slog.Handler
	grouped bool
	project string
}

func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	id := trace.ID(ctx)
	if id == "" || h.project == "" {
		return h.Handler.Handle(ctx, record)
	}
	attr := slog.String(keyTrace, "projects/"+h.project+"/traces/"+id)
	if !h.grouped {
		record = record.Clone()
		record.AddAttrs(attr)
		return h.Handler.Handle(ctx, record)
	}
	traced := h.root.WithAttrs([]slog.Attr{attr})
	for _, step := range h.steps {
		traced = step(traced)
	}
	return traced.Handle(ctx, record)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.step(func(inner slog.Handler) slog.Handler { return inner.WithAttrs(attrs) }, false)
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.step(func(inner slog.Handler) slog.Handler { return inner.WithGroup(name) }, true)
}

func (h *handler) step(step func(slog.Handler) slog.Handler, group bool) slog.Handler {
	next := *h
	next.Handler = step(h.Handler)
	next.steps = append(slices.Clip(h.steps), step)
	next.grouped = h.grouped || group
	return &next
}

// rename gives slog's own attributes their names in Cloud Logging.
func rename(groups []string, attr slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return attr
	}
	switch attr.Key {
	case slog.LevelKey:
		// A caller's own "level" is no slog.Level and stays.
		if level, ok := attr.Value.Any().(slog.Level); ok {
			return slog.String(keySeverity, severity(level))
		}
	case slog.MessageKey:
		attr.Key = keyMessage
	}
	return attr
}

// severity is the greatest of Cloud Logging's that level reaches.
func severity(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "ERROR"
	case level >= slog.LevelWarn:
		return "WARNING"
	case level >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}
