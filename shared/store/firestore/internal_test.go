package firestore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/store"
)

func TestFieldNamesComeBackAndFirestoreTakesThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.StringMatching(`%{0,3}(json|_{0,5}|__[a%]*__|a)`)).Draw(t, "name")
		stored := escaped(name)
		if !store.ValidName(stored) {
			t.Errorf("%q is stored as %q, which Firestore refuses", name, stored)
		}
		if stored == escape+wrapper {
			t.Errorf("%q is stored under the name of the wrapper", name)
		}
		if got := unescaped(stored); got != name {
			t.Errorf("%q is stored as %q and read as %q", name, stored, got)
		}
	})
}

func TestPublicFieldsAreAllButTheBookkeeping(t *testing.T) {
	for _, name := range []string{"id", "platform", "status", "streamStatus", "metadata", "updatedAt"} {
		if !slices.Contains(publicFields, name) {
			t.Errorf("%q is missing", name)
		}
	}
	for _, name := range []string{"_merge", ""} {
		if slices.Contains(publicFields, name) {
			t.Errorf("%q is among them", name)
		}
	}
}

func TestCauseIsWhatACallerDecidesBy(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancelLate()
	cases := []struct {
		name string
		ctx  context.Context
		err  error
		want error
	}{
		{"a document that changed meanwhile", t.Context(), status.Error(codes.FailedPrecondition, ""), store.ErrContention},
		{"a document that appeared meanwhile", t.Context(), status.Error(codes.AlreadyExists, ""), store.ErrContention},
		{"a transaction that lost to another", t.Context(), status.Error(codes.Aborted, ""), store.ErrContention},
		{"a context that was canceled", ended, status.Error(codes.Canceled, ""), context.Canceled},
		{"a context that is too late", late, status.Error(codes.DeadlineExceeded, ""), context.DeadlineExceeded},
		{"contention until it was too late", late, status.Error(codes.Aborted, ""), context.DeadlineExceeded},
	}
	for _, c := range cases {
		if got := cause(c.ctx, c.err); !errors.Is(got, c.want) || !errors.Is(got, c.err) {
			t.Errorf("%s: %v, which is not both %v and %v", c.name, got, c.want, c.err)
		}
	}
	if got := cause(t.Context(), status.Error(codes.Unavailable, "")); errors.Is(got, store.ErrContention) {
		t.Errorf("an unreachable database is %v", got)
	}
}

func TestTurnsAreTakenOneByOneAndLeaveNothing(t *testing.T) {
	var turns turns
	end, err := turns.take(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	other, err := turns.take(t.Context(), "b")
	if err != nil {
		t.Fatalf("another name: %v", err)
	}
	other()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := turns.take(ended, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("the same name: %v, want context.Canceled", err)
	}
	got := make(chan error)
	go func() {
		end, err := turns.take(t.Context(), "a")
		if err == nil {
			end()
		}
		got <- err
	}()
	end()
	if err := <-got; err != nil {
		t.Errorf("the next in turn: %v", err)
	}
	if len(turns.queue) > 0 {
		t.Errorf("left behind: %v", slices.Collect(maps.Keys(turns.queue)))
	}
}
