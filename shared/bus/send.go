package bus

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sourcestate/sourcestate/shared/gather"
)

// flush publishes what several calls have brought in one request. The result of
// each is the errors of its messages, none where all are acknowledged.
func (p *Publisher) flush(ctx context.Context, topic string, calls [][]outgoing) ([]gather.Result[[]error], error) {
	results := make([]gather.Result[[]error], len(calls))
	errs := p.send(ctx, topic, slices.Concat(calls...))
	if errs == nil {
		return results, nil
	}
	for i, call := range calls {
		for _, err := range errs[:len(call)] {
			if err != nil {
				results[i].Value = append(results[i].Value, err)
			}
		}
		errs = errs[len(call):]
	}
	return results, nil
}

// send publishes messages and answers with the error of each, or nil when there
// is none. Pub/Sub refuses a request whole for one bad message, so a request that
// is refused is halved until the bad ones stand alone.
func (p *Publisher) send(ctx context.Context, topic string, messages []outgoing) []error {
	var last lastError
	r := newRequest(topic, messages)
	_, err := p.client.Publish(ctx, r.PublishRequest, gax.WithRetry(last.retryer))
	r.free()
	switch {
	case err == nil:
		return nil
	case status.Code(err) != codes.InvalidArgument:
		return slices.Repeat([]error{last.explain(ctx, err)}, len(messages))
	case len(messages) == 1:
		return []error{fmt.Errorf("%w: %w", errPermanent, err)}
	}
	half := len(messages) / 2
	first := p.send(ctx, topic, messages[:half])
	second := p.send(ctx, topic, messages[half:])
	if first == nil && second == nil {
		return nil
	}
	errs := make([]error, len(messages))
	copy(errs, first)
	copy(errs[half:], second)
	return errs
}

// lastError remembers what was tried again: when time is up the library only
// tells that it is, not what it was waiting for.
type lastError struct{ err error }

// explain is the reason behind err.
func (l *lastError) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil && l.err != nil {
		return l.err
	}
	return err
}

func (l *lastError) retryer() gax.Retryer {
	return &retryer{last: l, codes: gax.OnCodes(retried, backoff)}
}

// retried is the library's own list but for Canceled, which no server sends: it
// means that the Publisher is closed.
var retried = []codes.Code{
	codes.Aborted, codes.Internal, codes.ResourceExhausted,
	codes.Unknown, codes.Unavailable, codes.DeadlineExceeded,
}

// backoff stays short: behind each request others wait.
var backoff = gax.Backoff{Initial: 50 * time.Millisecond, Max: 2 * time.Second, Multiplier: 2}

type retryer struct {
	last  *lastError
	codes gax.Retryer
}

func (r *retryer) Retry(err error) (time.Duration, bool) {
	r.last.err = err
	return r.codes.Retry(err)
}
