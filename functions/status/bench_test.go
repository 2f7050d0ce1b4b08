package status

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
)

const manySources = 1000

// many is a store with a thousand channels as they are met.
func many(b *testing.B) *bolt.Store {
	b.Helper()
	s := keepAt(b, time.Now)
	var group sync.WaitGroup
	for i := range manySources {
		group.Go(func() {
			d := full()
			d.ID = fmt.Sprint(100_000_000 + i)
			d.DisplayName = fmt.Sprint("ExampleChannel", i)
			d.Metadata["title"] = fmt.Sprint("A title of the usual length, with the number ", i)
			d.LastStatusUpdate.Time = time.Now()
			if i%10 != 0 {
				d.Status, d.LastError = source.Connected, nil
			}
			d.Bookkeeping = &source.Bookkeeping{State: []byte(strings.Repeat("x", 3000))}
			put(b, s, d)
		})
	}
	group.Wait()
	return s
}

// A sink takes an answer and keeps nothing of it.
type sink struct {
	header http.Header
	bytes  int
}

func (s *sink) Header() http.Header { return s.header }

func (s *sink) WriteHeader(int) {}

func (s *sink) Write(p []byte) (int, error) {
	s.bytes += len(p)
	return len(p), nil
}

func BenchmarkAnswers(b *testing.B) {
	s := many(b)
	for _, target := range []string{"/api/sources?limit=1000", "/", "/metrics"} {
		for _, encoding := range []string{"identity", "gzip"} {
			b.Run(target+"/"+encoding, func(b *testing.B) {
				h := New(Config{Redact: true}, s, silent())
				fixed := time.Now()
				h.now = func() time.Time { return fixed } // what was read stays warm
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, target, nil)
				r.Header.Set("Accept-Encoding", encoding)
				bytes := 0
				answer := func() {
					w := &sink{header: make(http.Header)}
					h.ServeHTTP(w, r)
					bytes = w.bytes
				}
				answer()
				b.ReportAllocs()
				for b.Loop() {
					answer()
				}
				b.ReportMetric(float64(bytes), "bytes")
			})
		}
	}
}

// BenchmarkCold is a list that nobody has asked for lately.
func BenchmarkCold(b *testing.B) {
	s := many(b)
	b.ReportAllocs()
	for b.Loop() {
		h := New(Config{Redact: true}, s, silent())
		h.ServeHTTP(&sink{header: make(http.Header)}, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/api/sources?limit=1000", nil))
	}
}

// BenchmarkEvents tells 500 readers of a change, beside a thousand sources.
func BenchmarkEvents(b *testing.B) {
	const readers = 500
	s := many(b)
	h := New(Config{Redact: true}, s, silent())
	address, _ := serving(b, h)
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: 1}}
	changed := make(chan struct{}, readers)
	var snapshots sync.WaitGroup
	for range readers {
		snapshots.Add(1)
		r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address+"/api/events", nil)
		if err != nil {
			b.Fatal(err)
		}
		answer, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = answer.Body.Close() })
		go func() {
			lines := bufio.NewReaderSize(answer.Body, 4<<10)
			for first := true; ; {
				line, whole, err := lines.ReadLine()
				if err != nil {
					return
				}
				if strings.HasPrefix(string(line), "data: ") {
					if first {
						snapshots.Done()
					} else {
						changed <- struct{}{}
					}
					first = false
				}
				for whole {
					if _, whole, err = lines.ReadLine(); err != nil {
						return
					}
				}
			}
		}()
	}
	snapshots.Wait()
	var slowest time.Duration
	n := 0
	for b.Loop() {
		n++
		d := full()
		d.ID, d.Metadata["title"] = "100000000", fmt.Sprint("changed ", n)
		began := time.Now()
		put(b, s, d)
		for range readers {
			<-changed
		}
		slowest = max(slowest, time.Since(began))
	}
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	b.ReportMetric(float64(slowest.Microseconds())/1000, "ms-slowest")
	b.ReportMetric(float64(memory.Sys)/(1<<20), "MiB-sys")
	b.ReportMetric(float64(memory.HeapAlloc+memory.StackInuse)/(1<<20), "MiB-live")
}
