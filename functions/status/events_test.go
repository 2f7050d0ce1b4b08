package status

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/source"
)

func TestAReaderGetsASnapshotAndThenWhatChanges(t *testing.T) {
	t.Parallel()
	s := keep(t, titled("1", "one"), titled("2", "two"))
	h := New(Config{Redact: true}, s, silent())
	h.now = func() time.Time { return now }
	address, _ := serving(t, h)
	l := listen(t, address, "", "")
	_, snapshot := l.await(t, "snapshot")
	if diff := cmp.Diff(decoded(t, get(t, h, "/api/sources"), http.StatusOK), snapshot); diff != "" {
		t.Errorf("the snapshot is not what the API answers (-API +event):\n%s", diff)
	}
	d := titled("2", "<script>\n\u2028")
	d.LastError = &source.LastError{Message: "secret"}
	put(t, s, d)
	first, changed := l.await(t, "source")
	if diff := cmp.Diff(decoded(t, get(t, h, "/api/sources/twitch:2"), http.StatusOK), changed); diff != "" {
		t.Errorf("the event is not what the API answers (-API +event):\n%s", diff)
	}
	put(t, s, titled("3", "three"))
	second, created := l.await(t, "source")
	if created["id"] != "3" || first.ID == second.ID {
		t.Errorf("events %+v and %+v", first, second)
	}
	// While somebody reads, lists come from what is watched.
	put(t, s, titled("4", "four"))
	l.await(t, "source")
	if got := ids(decoded(t, get(t, h, "/api/sources?limit=3"), http.StatusOK)); len(got) != 3 {
		t.Errorf("a page of %v", got)
	}
	page := decoded(t, get(t, h, "/api/sources?limit=3"), http.StatusOK)
	rest := decoded(t, get(t, h, fmt.Sprint("/api/sources?limit=3&cursor=", page["nextCursor"])), http.StatusOK)
	if diff := cmp.Diff([]string{"4"}, ids(rest)); diff != "" || rest["nextCursor"] != nil {
		t.Errorf("the last page (-want +got):\n%s", diff)
	}
	if r := get(t, h, "/api/sources?cursor=x"); r.StatusCode != http.StatusBadRequest {
		t.Errorf("a malformed cursor is answered %d", r.StatusCode)
	}
}

func TestAReaderThatComesBackGetsWhatItMissed(t *testing.T) {
	t.Parallel()
	s := keep(t, titled("1", "one"))
	h := New(Config{}, s, silent())
	address, ended := serving(t, h)
	first := listen(t, address, "first", "")
	began, _ := first.await(t, "snapshot")
	put(t, s, titled("1", "changed"))
	seen, _ := first.await(t, "source")
	first.close()
	<-ended // nobody reads, and nothing is watched
	put(t, s, titled("2", "new"))
	put(t, s, titled("3", "new"))

	back := listen(t, address, "back", seen.ID)
	for _, want := range []string{"2", "3"} {
		if _, data := back.await(t, "source"); data["id"] != want {
			t.Errorf("got %v, want source %s", data, want)
		}
	}
	earlier := listen(t, address, "earlier&lastEventId="+began.ID, "")
	for _, want := range []string{"1", "2", "3"} {
		if _, data := earlier.await(t, "source"); data["id"] != want {
			t.Errorf("got %v, want source %s", data, want)
		}
	}
	for _, unknown := range []string{"nonsense", "AAAA-1", "-", strings.Split(seen.ID, "-")[0] + "-999"} {
		_, snapshot := listen(t, address, "unknown", unknown).await(t, "snapshot")
		if diff := cmp.Diff([]string{"1", "2", "3"}, ids(snapshot)); diff != "" {
			t.Errorf("after %q (-want +got):\n%s", unknown, diff)
		}
	}
}

func TestThereIsOneWatchAndOnlyWhileSomebodyReads(t *testing.T) {
	t.Parallel()
	s := scripted{keep(t), make(chan watchCall, 10)}
	h := New(Config{}, s, silent())
	address, ended := serving(t, h)
	get(t, h, "/api/sources")
	var readers []*listener
	begun := s.begin()
	for range 10 {
		readers = append(readers, listen(t, address, "", ""))
	}
	for _, l := range readers {
		l.await(t, "snapshot")
	}
	if got := h.hub.count(); got != 10 || len(s.calls) > 0 {
		t.Errorf("%d readers, %d more watches", got, len(s.calls))
	}
	for _, l := range readers {
		l.close()
	}
	for range readers {
		<-ended
	}
	<-(<-begun).ctx.Done()
	if got := h.hub.count(); got != 0 {
		t.Errorf("%d readers are left", got)
	}
}

func TestAWatchThatFailsEndsTheStreams(t *testing.T) {
	t.Parallel()
	s := scripted{keep(t), make(chan watchCall, 10)}
	h := New(Config{}, s, silent())
	address, _ := serving(t, h)
	begun := s.begin(titled("1", "one"))
	l := listen(t, address, "", "")
	l.await(t, "snapshot")
	(<-begun).end <- errors.New("down")
	if e, ok := l.next(); ok {
		t.Errorf("after the watch failed came %+v", e)
	}

	go func() { (<-s.calls).end <- errors.New("still down") }()
	if got := get(t, h, "/api/events").StatusCode; got != http.StatusServiceUnavailable {
		t.Errorf("while the watch fails: %d", got)
	}

	begun = s.begin(titled("1", "one"))
	l = listen(t, address, "", "")
	l.await(t, "snapshot")
	// What is removed is told by a snapshot.
	(<-begun).changed([]*source.Document{titled("2", "two")}, []source.Key{{Platform: "twitch", ID: "1"}})
	_, snapshot := l.await(t, "snapshot")
	if diff := cmp.Diff([]string{"2"}, ids(snapshot)); diff != "" {
		t.Errorf("after one was removed (-want +got):\n%s", diff)
	}
}

func TestTimePassesForReaders(t *testing.T) {
	t.Parallel()
	d := titled("1", "one")
	d.LastStatusUpdate = source.Time{Time: now}
	ticks := make(ticking)
	h := New(Config{Interval: time.Minute}, keep(t, d), silent())
	var mu sync.Mutex
	clock := now
	h.now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return clock
	}
	h.every = ticks.every
	address, _ := serving(t, h)
	l := listen(t, address, "", "")
	l.await(t, "snapshot")
	mu.Lock()
	clock = clock.Add(4 * time.Minute)
	mu.Unlock()
	// Both the reader and the watch hear a clock that beats: whoever takes a
	// beat, both have had one when both kinds of news have come.
	stop := make(chan struct{})
	var beating sync.WaitGroup
	beating.Go(func() {
		for {
			select {
			case ticks <- now:
			case <-stop:
				return
			}
		}
	})
	alive, stale := false, false
	for !alive || !stale {
		e, ok := l.next()
		if !ok {
			t.Fatal("the stream ended")
		}
		alive = alive || e.Comment != ""
		stale = stale || e.Name == "source" && strings.Contains(e.Data, `"stale":true,"ageSeconds":240`)
	}
	close(stop)
	beating.Wait()
}

// A stuck is a reader that takes nothing from some moment on, until the deadline of
// its connection has passed.
type stuck struct {
	http.ResponseWriter
	deadlines chan time.Time
	passed    chan struct{}
}

func (s stuck) SetWriteDeadline(t time.Time) error {
	s.deadlines <- t
	return nil
}

func (s stuck) Flush() {}

func (s stuck) Write(p []byte) (int, error) {
	if !strings.Contains(string(p), "changed") {
		return len(p), nil
	}
	<-s.passed
	return 0, os.ErrDeadlineExceeded
}

func TestASlowReaderIsDroppedAndHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s := keep(t, titled("1", "one"))
	h := New(Config{}, s, silent())
	address, _ := serving(t, h)
	quick := listen(t, address, "", "")
	quick.await(t, "snapshot")
	slow := stuck{httptest.NewRecorder(), make(chan time.Time, 100), make(chan struct{})}
	dropped := make(chan struct{})
	go func() {
		defer close(dropped)
		h.ServeHTTP(slow, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/events", nil))
	}()
	for range 2 { // the beginning and the snapshot
		if left := time.Until(<-slow.deadlines); left <= 0 || left > writeTimeout {
			t.Errorf("a write may take %v", left)
		}
	}
	put(t, s, titled("1", "changed"))
	<-slow.deadlines
	for i := range 20 { // all the while it is stuck
		put(t, s, titled("1", fmt.Sprint(i)))
	}
	for last := fmt.Sprint(19); ; {
		if e, ok := quick.next(); !ok {
			t.Fatal("the quick reader was dropped")
		} else if strings.Contains(e.Data, `"title":"`+last+`"`) {
			break
		}
	}
	select {
	case <-dropped:
		t.Error("the slow reader was dropped before its time")
	default:
	}
	close(slow.passed)
	<-dropped
	if got := h.hub.count(); got != 1 {
		t.Errorf("%d readers", got)
	}
}

func TestStreamsEndWithTheServer(t *testing.T) {
	t.Parallel()
	h := New(Config{}, keep(t), silent())
	address, ended := serving(t, h)
	l := listen(t, address, "", "")
	l.await(t, "snapshot")
	h.Close()
	h.Close()
	if e, ok := l.next(); ok {
		t.Errorf("after the end came %+v", e)
	}
	<-ended
	if got := get(t, h, "/healthz").StatusCode; got != http.StatusOK {
		t.Errorf("other requests are answered %d", got)
	}
}

func TestTooManyReadersAreRefused(t *testing.T) {
	t.Parallel()
	h := New(Config{}, keep(t), silent())
	h.hub.readers = maxReaders
	r := get(t, h, "/api/events")
	if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("answered %d, %v", r.StatusCode, r.Header)
	}
	if r := request(t, h, http.MethodHead, "/api/events"); r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD is answered %d, %v", r.StatusCode, r.Header)
	}
}
