package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

var errPermanent = errors.New("refused for good")

// Permanent reports whether err says that a Publish can never succeed: each
// message that failed was refused for what it is (too large, say). When some
// failed for another reason too, the call is worth another try.
func Permanent(err error) bool {
	var failed *failure
	if !errors.As(err, &failed) {
		return false
	}
	return !slices.ContainsFunc(failed.errs, func(err error) bool { return !errors.Is(err, errPermanent) })
}

// failure is what became of a Publish that did not fully succeed.
type failure struct {
	topic string
	total int
	errs  []error // one for each message that failed
}

// add notes errors of messages. Where ctx has ended, that is why there was no
// other try, though the request may tell it otherwise: it ends with the last of
// several callers.
func (f *failure) add(ctx context.Context, errs []error) {
	ended := ctx.Err()
	for _, err := range errs {
		if ended != nil && !errors.Is(err, ended) && !errors.Is(err, errPermanent) {
			err = fmt.Errorf("%w: %w", ended, err)
		}
		f.errs = append(f.errs, err)
	}
}

// Error tells of one failed message; a thousand are no better to read.
func (f *failure) Error() string {
	first := f.errs[0]
	if f.total == 1 {
		return fmt.Sprintf("publishing to %s: %v", f.topic, first)
	}
	return fmt.Sprintf("publishing to %s: %d of %d messages failed, one with: %v", f.topic, len(f.errs), f.total, first)
}

func (f *failure) Unwrap() []error { return f.errs }
