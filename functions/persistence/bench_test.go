package persistence

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cloud "cloud.google.com/go/firestore"

	"github.com/sourcestate/sourcestate/shared/emulator"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store/firestore"
)

const (
	// together is how many requests are under way at a time.
	together = 64
	// spread is how many sources there are, so that no two requests at a time are
	// about the same one.
	spread = 4 * together
	// turn is how many operations of one kind run before as many of the other, so
	// that whatever else the machine does hits both alike.
	turn = 512
	// warm is how many writes warm up the emulator.
	warm = 1024
)

// discarding is a bus that keeps nothing: the store is what is measured.
type discarding struct{}

func (discarding) Publish(context.Context, string, ...event.BusMessage) error { return nil }

// An arena is Persistence on the emulator, and beside it the bare transactions
// that are its floor.
type arena struct {
	b       *testing.B
	handler *Handler
	store   *firestore.Store
	client  *cloud.Client
	fields  map[string]any // of a document that Persistence wrote

	ours, floor time.Duration
}

// newArena has that many sources, whose documents exist as those of a deployment
// do.
func newArena(b *testing.B, sources int, l load) *arena {
	b.Helper()
	emulator.Firestore(b)
	project := emulator.Project(b)
	documents, err := firestore.Open(b.Context(), project, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { documents.Close() })
	client, err := cloud.NewClient(b.Context(), project)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { client.Close() })
	a := &arena{b: b, handler: New(documents, discarding{}, silent()), store: documents, client: client}

	// A cold emulator answers slower than an update may take.
	concurrently(warm, func(i int) {
		if _, err := a.bare(i).Set(b.Context(), map[string]any{"warm": i}); err != nil {
			b.Error(err)
		}
	})
	for n := -4; n < 0; n++ {
		concurrently(sources, func(s int) { a.push(l.body(b, s, n)) })
	}
	snapshot, err := client.Collection("sources").Doc(about(0).DocumentID()).Get(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	a.fields = snapshot.Data()
	concurrently(sources, func(s int) { a.transaction(s, 0) })
	return a
}

func about(s int) source.Key { return source.Key{Platform: "slack", ID: fmt.Sprint(s)} }

func (a *arena) push(body []byte) {
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)))
	if w.Code != http.StatusNoContent {
		a.b.Errorf("status = %d, want 204", w.Code)
	}
}

// bare is a document that only the floor writes.
func (a *arena) bare(s int) *cloud.DocumentRef { return a.client.Collection("bare").Doc(fmt.Sprint(s)) }

// transaction is the least that any reader and writer of a document does.
func (a *arena) transaction(s, n int) {
	document := a.bare(s)
	err := a.client.RunTransaction(a.b.Context(), func(_ context.Context, tx *cloud.Transaction) error {
		if snapshot, err := tx.Get(document); snapshot == nil {
			return err // a document that does not exist yet has a snapshot
		}
		changed := maps.Clone(a.fields)
		changed["latencyMs"], changed["lastStatusUpdate"] = int64(n), event.FormatTime(day.Add(time.Duration(n)*time.Second))
		return tx.Set(document, changed)
	})
	if err != nil {
		a.b.Error(err)
	}
}

// compare runs b.N operations of both kinds by turns and reports ours, and which
// part of the floor's throughput it has. The bodies are made beforehand.
func (a *arena) compare(body func(n int) []byte, floor func(from, to int), ours func(bodies [][]byte)) {
	a.b.ReportAllocs()
	a.b.ResetTimer()
	for from := 0; from < a.b.N; from += turn {
		to := min(from+turn, a.b.N)
		a.b.StopTimer()
		start := time.Now()
		floor(from, to)
		a.floor += time.Since(start)
		bodies := make([][]byte, to-from)
		for i := range bodies {
			bodies[i] = body(from + i)
		}
		a.b.StartTimer()
		start = time.Now()
		ours(bodies)
		a.ours += time.Since(start)
	}
	a.b.StopTimer()
	a.b.ReportMetric(float64(a.b.N)/a.ours.Seconds(), "events/s")
	a.b.ReportMetric(a.floor.Seconds()/a.ours.Seconds(), "of-floor")
}

// concurrently makes n calls, many at a time.
func concurrently(n int, call func(i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range together {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				call(i)
			}
		})
	}
	group.Wait()
}

// A load is a kind of events.
type load struct {
	name   string
	status func(n int) string
}

// loads are kinds of events, by what they make the store do.
func loads() []load {
	return []load{
		// What a heartbeat says of a source that is well: the document is written.
		{"refresh", func(int) string { return "CONNECTED" }},
		// The current value changes each time: the document and the history are
		// written together.
		{"change", func(n int) string { return []string{"CONNECTED", "ERROR"}[n&1] }},
	}
}

// body is the n-th event about a source as Pub/Sub pushes it.
func (l load) body(b *testing.B, s, n int) []byte {
	b.Helper()
	when := day.Add(time.Duration(n) * time.Second)
	m := message(b, event.Object{
		"v": "2", "type": event.TypeSourceStatus, "correlationId": fmt.Sprintf("event-%d-%d", s, n),
		"ingress": event.Object{"ingressAt": event.FormatTime(when), "source": "ingress.heartbeat", "connector": "system"},
		"payload": event.Object{
			"platform": "slack", "id": fmt.Sprint(s), "displayName": "A Source", "observedAt": event.FormatTime(when),
			"status": l.status(n), "connector": "slack", "instanceId": "bot-1", "latencyMs": n & 127,
			"metrics":     event.Object{"received": n + 4, "failed": 1, "published": n + 4},
			"metadata":    event.Object{"state": "CONNECTED", "title": "A title of usual length, which says little", "language": "en"},
			"permissions": []any{"MODERATOR"}, "authStatus": "VALID", "auth": event.Object{"scopes": []any{"chat:read"}},
		},
	})
	m.PublishTime = when
	encoded, err := event.EncodePush(m, "s")
	if err != nil {
		b.Fatal(err)
	}
	return encoded
}

// BenchmarkSpread is 64 events at a time, each about another source, beside bare
// transactions at the same concurrency.
func BenchmarkSpread(b *testing.B) {
	for _, l := range loads() {
		b.Run(l.name, func(b *testing.B) {
			a := newArena(b, spread, l)
			a.compare(func(n int) []byte {
				return l.body(b, n%spread, n/spread)
			}, func(from, to int) {
				concurrently(to-from, func(i int) { a.transaction((from+i)%spread, from+i) })
			}, func(bodies [][]byte) {
				concurrently(len(bodies), func(i int) { a.push(bodies[i]) })
			})
		})
	}
}

// BenchmarkHot is 64 events at a time, all about one source, beside bare
// transactions on one document one at a time.
func BenchmarkHot(b *testing.B) {
	for _, l := range loads() {
		b.Run(l.name, func(b *testing.B) {
			a := newArena(b, 1, l)
			a.compare(func(n int) []byte {
				return l.body(b, 0, n)
			}, func(from, to int) {
				for n := from; n < to; n++ {
					a.transaction(0, n)
				}
			}, func(bodies [][]byte) {
				concurrently(len(bodies), func(i int) { a.push(bodies[i]) })
			})
			d, err := a.store.Get(b.Context(), about(0))
			if err != nil {
				b.Fatal(err)
			}
			if got := d.Metrics.Counts["messagesIn"]; got != int64(b.N)+3 {
				b.Errorf("messagesIn = %d, want that of the newest event, %d", got, b.N+3)
			}
		})
	}
}
