package firestore_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sourcestate/sourcestate/shared/emulator"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/store/firestore"
)

var hot = source.Key{Platform: "twitch", ID: "1"}

func next(before *source.Document, _ source.Parts) (source.Result, error) {
	n := int64(1)
	if before != nil {
		n += *before.ViewerCount
	}
	return source.Result{Changed: true, Document: &source.Document{ID: hot.ID, Platform: hot.Platform, ViewerCount: &n}}, nil
}

// Stores share nothing but the database, like the instances of a function.
func TestInstancesLoseNothing(t *testing.T) {
	emulator.Firestore(t)
	project := emulator.Project(t)
	const instances, each = 4, 4
	var group sync.WaitGroup
	for range instances {
		s, err := firestore.Open(t.Context(), project, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for range each {
			group.Go(func() {
				if err := s.Update(t.Context(), hot, next); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	s, err := firestore.Open(t.Context(), project, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	document, err := s.Get(t.Context(), hot)
	if err != nil {
		t.Fatal(err)
	}
	if *document.ViewerCount != instances*each {
		t.Errorf("%d updates are stored, want %d", *document.ViewerCount, instances*each)
	}
}

func TestAnUpdateThatIsAlwaysOvertakenGivesUp(t *testing.T) {
	emulator.Firestore(t)
	project := emulator.Project(t)
	var stores [2]*firestore.Store
	for i := range stores {
		s, err := firestore.Open(t.Context(), project, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		stores[i] = s
	}
	calls := int64(0)
	err := stores[0].Update(t.Context(), hot, func(before *source.Document, _ source.Parts) (source.Result, error) {
		calls++
		if err := stores[1].Update(t.Context(), hot, next); err != nil {
			t.Error(err)
		}
		result, err := next(before, nil)
		result.Document.DisplayName = "overtaken"
		return result, err
	})
	if !errors.Is(err, store.ErrContention) {
		t.Errorf("Update = %v, want ErrContention", err)
	}
	document, err := stores[0].Get(t.Context(), hot)
	if err != nil {
		t.Fatal(err)
	}
	if *document.ViewerCount != calls || document.DisplayName != "" {
		t.Errorf("after %d updates of the other there is %+v", calls, document)
	}
}

func TestAMergeThatFailsLikeContentionIsNotRepeated(t *testing.T) {
	s, _ := both(t, time.Now)
	aborted := status.Error(codes.Aborted, "of the merge itself")
	calls := 0
	err := s.Update(t.Context(), hot, func(*source.Document, source.Parts) (source.Result, error) {
		calls++
		return source.Result{}, aborted
	})
	if !errors.Is(err, aborted) || calls != 1 {
		t.Errorf("Update = %v after %d calls, want the error of the merge after one", err, calls)
	}
}
