package firestore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
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

const workers = 32

// BenchmarkUpdate measures updates of spread sources at 32 goroutines beside
// their floor: bare transactions that get and set a document of like size.
// The metric of-floor is the share of the floor's throughput that is reached.
func BenchmarkUpdate(b *testing.B) {
	emulator.Firestore(b)
	var floor float64 // per second
	var warm sync.Once
	compare := func(b *testing.B) {
		rate := float64(b.N) / b.Elapsed().Seconds()
		b.ReportMetric(rate, "updates/s")
		if floor > 0 {
			b.ReportMetric(rate/floor, "of-floor")
		}
	}
	b.Run("floor", func(b *testing.B) {
		client, err := cloud.NewClient(b.Context(), emulator.Project(b))
		if err != nil {
			b.Fatal(err)
		}
		defer client.Close()
		text, err := json.Marshal(sample(spread(0, 0), 0))
		if err != nil {
			b.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil {
			b.Fatal(err)
		}
		transaction := func(worker, n int) error {
			document := client.Collection("sources").Doc(spread(worker, n).DocumentID())
			return client.RunTransaction(b.Context(), func(_ context.Context, tx *cloud.Transaction) error {
				if snapshot, err := tx.Get(document); snapshot == nil {
					return err
				}
				changed := maps.Clone(fields)
				changed["id"], changed["viewerCount"] = fmt.Sprint(worker), int64(n)
				for _, name := range []string{"lastStatusUpdate", "lastStreamUpdate", "createdAt", "updatedAt"} {
					changed[name] = event.FormatTime(time.Unix(int64(n), 0))
				}
				return tx.Set(document, changed)
			})
		}
		// A cold emulator would make a low floor.
		warm.Do(func() { concurrently(b, 3000, transaction) })
		concurrently(b, b.N, transaction)
		floor = 0
		compare(b)
		floor = float64(b.N) / b.Elapsed().Seconds()
	})
	for _, c := range []struct {
		name   string
		result func(key source.Key, n int) source.Result
	}{
		{"document", func(key source.Key, n int) source.Result {
			return source.Result{Changed: true, Document: sample(key, n)}
		}},
		{"document and history", func(key source.Key, n int) source.Result {
			change := source.Change{
				Facet: source.FacetStatus, To: source.Connected, EventID: fmt.Sprint(n),
				At: source.Time{Time: time.Unix(int64(n), 0)}, By: "benchmark",
			}
			return source.Result{
				Changed: true, Document: sample(key, n),
				History: map[string]*source.Change{change.Key(): &change},
			}
		}},
		{"unchanged", func(source.Key, int) source.Result { return source.Result{} }},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, err := firestore.Open(b.Context(), emulator.Project(b), time.Now)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			concurrently(b, b.N, func(worker, n int) error {
				key := spread(worker, n)
				return s.Update(b.Context(), key, func(*source.Document, source.Parts) (source.Result, error) {
					return c.result(key, n), nil
				})
			})
			compare(b)
		})
	}
}

// spread gives each worker sources of its own.
func spread(worker, n int) source.Key {
	return source.Key{Platform: "twitch", ID: fmt.Sprint(worker*100 + n%8)}
}

func sample(key source.Key, n int) *source.Document {
	moment := source.Time{Time: time.Unix(int64(n), 0)}
	viewers := int64(n)
	return &source.Document{
		ID: key.ID, Platform: key.Platform, DisplayName: "A Channel", Status: source.Connected,
		LastStatusUpdate: moment,
		Connectors: map[string]source.Connector{
			"irc":      {Status: source.Connected, State: "CONNECTED", At: moment, InstanceID: "i-1"},
			"eventsub": {Status: source.Connected, At: moment},
		},
		StreamStatus: source.Online, LastStreamUpdate: moment,
		Stream: &source.Stream{ID: "42", Type: "live", StartedAt: moment}, ViewerCount: &viewers,
		Metadata: source.Metadata{
			"title": "A title of usual length, which says little", "categoryId": "509658",
			"categoryName": "Just Chatting", "language": "en", "tags": []any{"English", "Chill"}, "viewerCount": viewers,
		},
		AuthStatus: source.Valid, Auth: &source.Auth{ExpiresAt: moment, Scopes: []string{"chat:read"}, At: moment},
		Permissions: []string{source.Moderator},
		Metrics:     &source.Metrics{Counts: map[string]int64{"messagesIn": viewers, "errors": 0}, LastHeartbeat: moment},
		Bookkeeping: &source.Bookkeeping{State: []byte(strings.Repeat("0123456789", 150))},
	}
}

// concurrently runs n calls on all workers and measures them alone.
func concurrently(b *testing.B, n int, call func(worker, n int) error) {
	b.ReportAllocs()
	b.ResetTimer()
	b.StartTimer()
	var begun atomic.Int64
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for own := 0; begun.Add(1) <= int64(n); own++ {
				if err := call(worker, own); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
}
