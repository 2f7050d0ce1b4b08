package bus_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/api/option"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
)

// The library's Publisher is measured as one would use it for a webhook: each
// caller waits for the ack of its message. Its telemetry is off as ours is, so
// that only the publishing differs.
func BenchmarkPublish(b *testing.B) {
	ways := []struct {
		name string
		open func(*testing.B, *pstest.Server) func(context.Context, event.BusMessage) error
	}{
		{"ours", ours},
		{"library-count-1", library(1)},
		{"library-default", library(0)},
	}
	for _, way := range ways {
		b.Run("callers=1/"+way.name, func(b *testing.B) { measure(b, 1, way.open) })
	}
	for _, way := range ways {
		b.Run("callers=32/"+way.name, func(b *testing.B) { measure(b, 32, way.open) })
	}
}

func measure(b *testing.B, callers int, open func(*testing.B, *pstest.Server) func(context.Context, event.BusMessage) error) {
	server := serve(b, nil)
	publish := open(b, server)
	m := event.BusMessage{
		Data:       make([]byte, 1000), // what a stream.online comes to
		Attributes: event.Attributes{"type": "system.stream.online", "source": "ingress.twitch.eventsub", "platform": "twitch"},
	}
	if err := publish(b.Context(), m); err != nil { // connects
		b.Fatal(err)
	}
	var published atomic.Int64
	once := func() {
		ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
		defer cancel()
		if err := publish(ctx, m); err != nil {
			b.Error(err)
		}
		// The server keeps every message for ever.
		if published.Add(1)%10_000 == 0 {
			server.ClearMessages()
		}
	}
	b.ReportAllocs()
	if callers == 1 {
		for b.Loop() {
			once()
		}
	} else {
		b.SetParallelism((callers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				once()
			}
		})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

func ours(b *testing.B, server *pstest.Server) func(context.Context, event.BusMessage) error {
	publisher := open(b, server.Addr)
	return func(ctx context.Context, m event.BusMessage) error {
		return publisher.Publish(ctx, bus.Ingress, m)
	}
}

func library(countThreshold int) func(*testing.B, *pstest.Server) func(context.Context, event.BusMessage) error {
	return func(b *testing.B, server *pstest.Server) func(context.Context, event.BusMessage) error {
		client, err := pubsub.NewClient(b.Context(), "p", append(at(server.Addr), option.WithTelemetryDisabled())...)
		if err != nil {
			b.Fatal(err)
		}
		publisher := client.Publisher("pre." + bus.Ingress)
		if countThreshold > 0 {
			publisher.PublishSettings.CountThreshold = countThreshold
		}
		b.Cleanup(func() {
			publisher.Stop()
			client.Close()
		})
		return func(ctx context.Context, m event.BusMessage) error {
			_, err := publisher.Publish(ctx, &pubsub.Message{Data: m.Data, Attributes: m.Attributes}).Get(ctx)
			return err
		}
	}
}
