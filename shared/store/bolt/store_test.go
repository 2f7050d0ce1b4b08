package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
	"github.com/sourcestate/sourcestate/shared/store/storetest"
)

func open(t *testing.T, clock func() time.Time) storetest.Subject {
	t.Helper()
	s, err := bolt.Open(t.TempDir(), clock)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) { storetest.Run(t, open) }

func TestOpenMakesAFileForThisUserAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s, err := bolt.Open(dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for path, want := range map[string]os.FileMode{dir: 0o700 | os.ModeDir, filepath.Join(dir, bolt.File): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
}

func TestOpenFailsOnAFileThatIsNoStore(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, bolt.File), make([]byte, 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := bolt.Open(dir, time.Now); err == nil {
		s.Close()
		t.Error("Open succeeds")
	}
}

func TestDocumentsSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	for n := int64(1); n <= 3; n++ {
		s, err := bolt.Open(dir, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Update(t.Context(), writer(1), func(before *source.Document, _ source.Parts) (source.Result, error) {
			if n > 1 && (before == nil || *before.ViewerCount != n-1) {
				t.Errorf("opening %d finds %+v", n, before)
			}
			return counted(1, n)(before, nil)
		})
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// What is written while a watch reads its beginning follows this.
func TestAWatchMissesNothingThatIsWrittenWhileItBegins(t *testing.T) {
	s := open(t, time.Now)
	defer s.Close()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	write := func(w int) {
		if err := s.Update(ctx, writer(w), counted(w, 1)); err != nil {
			t.Error(err)
		}
	}
	const before = 150
	for w := range before { // so many that the file need not grow for one more, which waits for readers
		write(w)
	}
	reading := &asked{Context: ctx, first: func() { write(before) }}
	var told [][]string
	err := s.Watch(reading, func(documents []*source.Document, _ []source.Key) {
		var ids []string
		for _, d := range documents {
			ids = append(ids, d.ID)
		}
		if told = append(told, ids); slices.Contains(ids, fmt.Sprint(before)) {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Watch = %v: it told only of %v", err, told)
	}
	if len(told) != 2 || len(told[0]) != before {
		t.Errorf("told of %v, want all that there were and then the new one", told)
	}
}

// asked is a context that calls first when its state is asked for, as a store
// does while it reads.
type asked struct {
	context.Context
	once  sync.Once
	first func()
}

func (a *asked) Err() error {
	a.once.Do(a.first)
	return a.Context.Err()
}

// An update that waits behind a slow one can be given up; its merge is then not
// called any more, not even after Update has returned.
func TestAnUpdateThatWaitsHeedsItsContext(t *testing.T) {
	s := open(t, time.Now)
	defer s.Close()
	merging, release := make(chan struct{}), make(chan struct{})
	slow := make(chan error, 1)
	go func() {
		slow <- s.Update(t.Context(), writer(1), func(before *source.Document, _ source.Parts) (source.Result, error) {
			close(merging)
			<-release
			return counted(1, 1)(before, nil)
		})
	}()
	<-merging

	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error, 1)
	go func() {
		waiting <- s.Update(ctx, writer(2), func(*source.Document, source.Parts) (source.Result, error) {
			t.Error("the merge of an update that was given up is called")
			return source.Result{}, nil
		})
	}()
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("Update = %v, want context.Canceled", err)
	}
	close(release)
	if err := <-slow; err != nil {
		t.Errorf("the slow update: %v", err)
	}
}

// One transaction holds several updates; a failing merge is nobody else's.
func TestAFailingMergeDoesNotConcernItsBatch(t *testing.T) {
	s := open(t, time.Now)
	defer s.Close()
	broken := errors.New("broken")
	failed := make(chan error, 1)
	good := make(chan error, 1)
	merging, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- s.Update(t.Context(), writer(0), func(before *source.Document, _ source.Parts) (source.Result, error) {
			close(merging)
			<-release
			return counted(0, 1)(before, nil)
		})
	}()
	<-merging
	go func() {
		failed <- s.Update(t.Context(), writer(1), func(*source.Document, source.Parts) (source.Result, error) {
			return source.Result{}, broken
		})
	}()
	go func() { good <- s.Update(t.Context(), writer(2), counted(2, 1)) }()
	close(release)
	if err := <-failed; err != broken {
		t.Errorf("the failing update = %v, want the error of its merge", err)
	}
	if err := errors.Join(<-first, <-good); err != nil {
		t.Errorf("the others: %v", err)
	}
	if _, err := s.Get(t.Context(), writer(2)); err != nil {
		t.Errorf("the document beside the failed one: %v", err)
	}
}

func BenchmarkUpdate(b *testing.B) {
	s, err := bolt.Open(b.TempDir(), time.Now)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for n := int64(1); pb.Next(); n++ {
			if err := s.Update(b.Context(), writer(int(n%100)), counted(int(n%100), n)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
