package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/logging"
	"github.com/sourcestate/sourcestate/shared/trace"
)

const (
	traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	traceName   = "projects/p/traces/4bf92f3577b34da6a3ce929d0e0e4736"
)

func TestHandler(t *testing.T) {
	type line = map[string]any
	const key = "logging.googleapis.com/trace"
	tests := []struct {
		name    string
		project string
		traced  bool
		log     func(context.Context, *slog.Logger)
		want    []line
	}{
		{"each level has its severity", "p", false, func(ctx context.Context, l *slog.Logger) {
			l.DebugContext(ctx, "a")
			l.InfoContext(ctx, "b")
			l.WarnContext(ctx, "c")
			l.ErrorContext(ctx, "d")
			l.Log(ctx, slog.LevelError+4, "e")
			l.Log(ctx, slog.LevelWarn+1, "f")
		}, []line{
			{"severity": "DEBUG", "message": "a"},
			{"severity": "INFO", "message": "b"},
			{"severity": "WARNING", "message": "c"},
			{"severity": "ERROR", "message": "d"},
			{"severity": "ERROR", "message": "e"},
			{"severity": "WARNING", "message": "f"},
		}},
		{"a trace is named with its project", "p", true, func(ctx context.Context, l *slog.Logger) {
			l.InfoContext(ctx, "a", "n", 1)
		}, []line{{"severity": "INFO", "message": "a", "n": 1.0, key: traceName}}},
		{"without a project no trace is named", "", true, func(ctx context.Context, l *slog.Logger) {
			l.InfoContext(ctx, "a")
		}, []line{{"severity": "INFO", "message": "a"}}},
		{"the trace stays at the top of the line within groups", "p", true, func(ctx context.Context, l *slog.Logger) {
			l = l.With("a", 1).WithGroup("g").With("b", 2).WithGroup("h")
			l.InfoContext(ctx, "m", "c", 3)
		}, []line{{
			"severity": "INFO", "message": "m", key: traceName, "a": 1.0,
			"g": line{"b": 2.0, "h": line{"c": 3.0}},
		}}},
		{"loggers of one parent do not mix", "p", true, func(ctx context.Context, l *slog.Logger) {
			parent := l.WithGroup("g").With("a", 1).With("b", 2).With("c", 3)
			one, two := parent.With("d", 4), parent.With("e", 5)
			one.InfoContext(ctx, "one")
			two.InfoContext(ctx, "two")
		}, []line{
			{"severity": "INFO", "message": "one", key: traceName, "g": line{"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}},
			{"severity": "INFO", "message": "two", key: traceName, "g": line{"a": 1.0, "b": 2.0, "c": 3.0, "e": 5.0}},
		}},
		{"a caller's own level, and names within groups, stay", "p", false, func(ctx context.Context, l *slog.Logger) {
			l.InfoContext(ctx, "m", "level", "high", slog.Group("g", "msg", "x", "level", 1))
		}, []line{{"severity": "INFO", "message": "m", "level": "high", "g": line{"msg": "x", "level": 1.0}}}},
		{"an error is its text", "p", false, func(ctx context.Context, l *slog.Logger) {
			l.ErrorContext(ctx, "m", "error", errors.New("100% broken\nreally"))
		}, []line{{"severity": "ERROR", "message": "m", "error": "100% broken\nreally"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx := t.Context()
			if test.traced {
				ctx = trace.With(ctx, traceparent)
			}
			var out bytes.Buffer
			test.log(ctx, slog.New(logging.NewHandler(&out, test.project, slog.LevelDebug)))
			var got []line
			for _, text := range bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n")) {
				var l line
				if err := json.Unmarshal(text, &l); err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				if _, err := time.Parse(time.RFC3339Nano, l["time"].(string)); err != nil {
					t.Error(err)
				}
				delete(l, "time")
				got = append(got, l)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewLeavesDebugOut(t *testing.T) {
	var out bytes.Buffer
	logging.New(&out, "p").Debug("m")
	if out.Len() != 0 {
		t.Errorf("wrote %s", &out)
	}
}

// The names differ from slog's, so the suite reads them translated back.
func TestHandlerKeepsSlogsContract(t *testing.T) {
	var out bytes.Buffer
	results := func() []map[string]any {
		var lines []map[string]any
		for _, text := range bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n")) {
			var line map[string]any
			if err := json.Unmarshal(text, &line); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			line[slog.LevelKey], line[slog.MessageKey] = line["severity"], line["message"]
			lines = append(lines, line)
		}
		return lines
	}
	handler := tracedHandler{logging.NewHandler(&out, "p", slog.LevelInfo)}
	if err := slogtest.TestHandler(handler, results); err != nil {
		t.Error(err)
	}
}

// tracedHandler gives every record a trace, which is the longer way.
type tracedHandler struct{ slog.Handler }

func (h tracedHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.Handler.Handle(trace.With(ctx, traceparent), r)
}

func (h tracedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tracedHandler{h.Handler.WithAttrs(attrs)}
}

func (h tracedHandler) WithGroup(name string) slog.Handler {
	return tracedHandler{h.Handler.WithGroup(name)}
}

func TestLoggerIsSafeForConcurrentUse(t *testing.T) {
	var out bytes.Buffer
	logger := logging.New(&out, "p").WithGroup("g")
	ctx := trace.With(t.Context(), traceparent)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 50 {
				logger.InfoContext(ctx, "m", "a", 1)
			}
		})
	}
	wait.Wait()
	for _, line := range bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n")) {
		if !json.Valid(line) {
			t.Fatalf("broken line %s", line)
		}
	}
}
