package eventsub

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/sourcestate/sourcestate/shared/twitch"
)

// What became of a request. Logs have one line for each under the key "outcome",
// so that outcomes can be counted.
const (
	outcomePublished    = "published"
	outcomeChallenged   = "challenged"
	outcomeDuplicate    = "duplicate"     // this instance has published it before
	outcomeStale        = "stale"         // older than Twitch's own limit
	outcomeIgnored      = "ignored"       // of a message type that we do not know
	outcomeNoSource     = "no_source"     // a revocation that is about no source
	outcomeDeadLettered = "dead_lettered" // kept, and can never succeed
	outcomeRefused      = "refused"       // not signed by Twitch, or not readable
	outcomeFailed       = "failed"        // not kept: Twitch must send it again
)

var (
	errNoSecrets = errors.New("no TWITCH_EVENTSUB_SECRETS are set, so nothing can be verified")
	errSignature = errors.New("no secret matches the signature")
)

// An answer is what a request gets, and what the logs say about it.
type answer struct {
	status    int
	outcome   string
	challenge string
	err       error // for the logs alone
}

func done(outcome string) answer {
	return answer{status: http.StatusNoContent, outcome: outcome}
}

func challenged(challenge string) answer {
	return answer{status: http.StatusOK, outcome: outcomeChallenged, challenge: challenge}
}

func deadLettered(why error) answer {
	return answer{status: http.StatusNoContent, outcome: outcomeDeadLettered, err: why}
}

func refused(status int, err error) answer {
	return answer{status: status, outcome: outcomeRefused, err: err}
}

func failed(status int, err error) answer {
	return answer{status: status, outcome: outcomeFailed, err: err}
}

func (a answer) failed() bool { return a.outcome == outcomeFailed }

// write answers. Errors have a fixed text: the caller may be anybody, and learns
// nothing about the reason.
func (a answer) write(w http.ResponseWriter) {
	header := w.Header()
	switch a.status {
	case http.StatusNoContent:
		w.WriteHeader(a.status)
	case http.StatusOK:
		// The challenge and nothing else, or Twitch refuses it (facts/twitch.md
		// section 1.3).
		header.Set("Content-Type", "text/plain")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Content-Length", strconv.Itoa(len(a.challenge)))
		w.WriteHeader(a.status)
		// A caller that has gone away needs no answer.
		_, _ = io.WriteString(w, a.challenge)
	case http.StatusMethodNotAllowed:
		header.Set("Allow", http.MethodPost)
		fallthrough
	default:
		http.Error(w, http.StatusText(a.status), a.status)
	}
}

// log says in one line what became of the request.
func (a answer) log(ctx context.Context, log *slog.Logger, header http.Header) {
	level := slog.LevelInfo
	switch a.outcome {
	case outcomePublished:
		// The rule, and the busiest path: the platform's request log has it
		// already, and a line costs a tenth of the request.
		level = slog.LevelDebug
	case outcomeFailed:
		level = slog.LevelError
	case outcomeDeadLettered, outcomeNoSource, outcomeIgnored:
		level = slog.LevelWarn
	}
	if !log.Enabled(ctx, level) {
		return
	}
	attributes := make([]slog.Attr, 0, 6)
	attributes = append(attributes,
		slog.String("outcome", a.outcome),
		slog.Int("status", a.status),
		slog.String("messageId", short(header.Get(twitch.HeaderID))),
		slog.String("messageType", short(header.Get(twitch.HeaderType))),
		slog.String("subscriptionType", short(header.Get(twitch.HeaderSubscriptionType))),
	)
	if a.err != nil {
		attributes = append(attributes, slog.String("error", a.err.Error()))
	}
	log.LogAttrs(ctx, level, "eventsub message", attributes...)
}

// short keeps a value of an unknown caller from filling the logs.
func short(value string) string {
	const limit = 80
	if len(value) > limit {
		return value[:limit]
	}
	return value
}
