package twitch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
)

// inBatches calls ask for each batch of items, a few at a time, and gives the
// error of each batch, in order. When one fails in a way in which all would, the
// rest is not asked for any more.
func inBatches[T any](ctx context.Context, items []T, size int, ask func(i int, batch []T) error) []error {
	batches := slices.Collect(slices.Chunk(items, size))
	errs := make([]error, len(batches))
	var (
		next   atomic.Int64
		futile atomic.Pointer[error]
		wg     sync.WaitGroup
	)
	for range min(parallel, len(batches)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(batches); i = int(next.Add(1)) - 1 {
				if cause := futile.Load(); cause != nil {
					errs[i] = *cause
					continue
				}
				errs[i] = ask(i, batches[i])
				if errs[i] != nil && (ctx.Err() != nil || concernsAll(errs[i])) {
					cause := fmt.Errorf("not asked any more: %w", errs[i])
					futile.CompareAndSwap(nil, &cause)
				}
			}
		})
	}
	wg.Wait()
	return errs
}

// concernsAll reports whether a request failed for who asked, or when, and not
// for what it asked.
func concernsAll(err error) bool {
	var refused *APIError
	return errors.Is(err, errAppToken) || errors.Is(err, ErrRateLimited) ||
		errors.As(err, &refused) && refused.Status == http.StatusUnauthorized
}

// batchFailure is what became of a call whose batches did not all succeed.
type batchFailure struct {
	doing string
	total int // of batches
	errs  []error
}

// failed is the error of a call from those of its batches, nil if there are none.
func failed(doing string, errs []error) error {
	f := &batchFailure{doing: doing, total: len(errs)}
	for _, err := range errs {
		if err != nil {
			f.errs = append(f.errs, err)
		}
	}
	if len(f.errs) == 0 {
		return nil
	}
	return f
}

// Error tells of one failed request; a hundred are no better to read.
func (f *batchFailure) Error() string {
	if f.total == 1 {
		return fmt.Sprintf("%s: %v", f.doing, f.errs[0])
	}
	return fmt.Sprintf("%s: %d of %d requests failed, one with: %v", f.doing, len(f.errs), f.total, f.errs[0])
}

func (f *batchFailure) Unwrap() []error { return f.errs }
