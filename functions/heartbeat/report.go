package heartbeat

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
)

// How a tick went.
const (
	StatusOK     = "ok"
	StatusFailed = "failed" // a step did, or a part of one; what the others found was published
	StatusBusy   = "busy"   // another tick was running
)

// maxListed bounds the lists of a report: a person reads it.
const maxListed = 50

// A Report says what a tick did. It is the answer of the function, and the record
// heartbeat/report.
type Report struct {
	Status    string                 `json:"status"`
	At        string                 `json:"at"` // when the tick began
	TookMs    int64                  `json:"tookMs"`
	DryRun    bool                   `json:"dryRun,omitempty"` // nothing was published, created, deleted or remembered
	Published int                    `json:"published"`        // messages
	Refreshed int                    `json:"refreshed"`        // of these, what had not changed
	Steps     map[string]*StepReport `json:"steps"`

	began time.Time
}

// A keptReport is the record heartbeat/report: a report, and what an operator may
// want to see beside it when a connector is odd.
type keptReport struct {
	*Report
	Answers []Answer `json:"answers,omitempty"`
}

// An Answer is what a connector answered: its beginning as a text, because stores
// refuse some of what may be in JSON.
type Answer struct {
	Connector string `json:"connector"`
	Body      string `json:"body"`
}

const (
	// maxAnswer bounds what is kept of one answer, maxAnswers that of all of them,
	// in bytes.
	maxAnswer  = 8 << 10
	maxAnswers = 256 << 10
)

// answersOf are the answers of connectors as far as they are kept.
func answersOf(polls []polled) []Answer {
	var answers []Answer
	size := 0
	for _, p := range polls {
		raw := p.poll.Raw[:min(len(p.poll.Raw), maxAnswer)]
		if size += len(raw); len(raw) > 0 && size <= maxAnswers {
			answers = append(answers, Answer{p.target.Name, strings.ToValidUTF8(string(raw), "\uFFFD")})
		}
	}
	return answers
}

// A StepReport says what one step did.
type StepReport struct {
	Looked  int      `json:"looked"`            // at how many things
	Changed int      `json:"changed"`           // how many were not as before
	Failed  []string `json:"failed,omitempty"`  // what failed and why, the first ones
	Notes   []string `json:"notes,omitempty"`   // what is missing or was put off, the first ones
	Created []string `json:"created,omitempty"` // subscriptions, the first ones
	Deleted []string `json:"deleted,omitempty"` // subscriptions and why, the first ones
	Cost    *Cost    `json:"cost,omitempty"`    // of subscriptions
	TookMs  int64    `json:"tookMs"`

	failures int
	mu       sync.Mutex // guards Failed, Notes and failures
}

// A Cost is what the app's subscriptions cost by Twitch's count.
type Cost struct {
	Total int `json:"total"`
	Max   int `json:"max"`
}

func newReport(now time.Time, dryRun bool) *Report {
	return &Report{
		Status: StatusOK, At: event.FormatTime(now), DryRun: dryRun,
		Steps: make(map[string]*StepReport), began: now,
	}
}

// step is the report of a step, made when there is none yet. It is not safe for
// concurrent use.
func (r *Report) step(name string) *StepReport {
	if r.Steps[name] == nil {
		r.Steps[name] = new(StepReport)
	}
	return r.Steps[name]
}

// finish sums up.
func (r *Report) finish(now time.Time) *Report {
	r.TookMs = now.Sub(r.began).Milliseconds()
	for _, step := range r.Steps {
		if step.failures > 0 {
			r.Status = StatusFailed
		}
	}
	return r
}

// fail notes that something failed. It is safe for concurrent use.
func (s *StepReport) fail(what string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures++
	s.Failed = listed(s.Failed, fmt.Sprintf("%s: %v", what, err))
}

// note notes what an operator may want to know. It is safe for concurrent use.
func (s *StepReport) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(s.Notes, text) {
		s.Notes = listed(s.Notes, text)
	}
}

func listed(list []string, text string) []string {
	if len(list) < maxListed {
		return append(list, text)
	}
	return list
}

// log writes the one line of a tick. Alarms count it by its outcome.
func (r *Report) log(ctx context.Context, log *slog.Logger) {
	attributes := []slog.Attr{
		slog.String("outcome", r.Status), slog.Int64("tookMs", r.TookMs),
		slog.Int("published", r.Published), slog.Int("refreshed", r.Refreshed),
	}
	level := slog.LevelInfo
	if r.Status == StatusFailed {
		level = slog.LevelError
		for name, step := range r.Steps {
			if step.failures > 0 {
				attributes = append(attributes, slog.Any("failed."+name, step.Failed))
			}
		}
	}
	log.LogAttrs(ctx, level, "heartbeat finished", attributes...)
}
