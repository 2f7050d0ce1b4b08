package heartbeat

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/connector"
	"github.com/sourcestate/sourcestate/shared/connectortest"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

// latency is how long the simulated Helix takes for each answer.
const latency = 50 * time.Millisecond

// taken counts the messages that are published, and takes them.
type taken struct{ n atomic.Int64 }

func (p *taken) Publish(_ context.Context, _ string, messages ...event.BusMessage) error {
	p.n.Add(int64(len(messages)))
	return nil
}

// crowd is a suite with many channels, half of them live, and a hundred
// connectors. The documents are empty, so nothing has to be corrected twice.
func crowd(b *testing.B, channels int) (*suite, *taken) {
	const connectors = 100
	s := start(b, func(c *Config) {
		c.BotUserID, c.Refresh = "", 1000*time.Hour
		for i := range channels {
			c.Broadcasters = append(c.Broadcasters, fmt.Sprint(1_000_000+i))
		}
	})
	wait := func(ctx context.Context, d time.Duration) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.world = twitchtest.New(twitchtest.Config{
		Now: s.clock.Now, RateLimit: 1 << 20, Latency: latency, Sleep: wait,
	})
	helix := httptest.NewServer(s.world)
	b.Cleanup(helix.Close)
	for i, id := range s.Config.Broadcasters {
		user := s.world.AddUser(id, "login"+id, "Name"+id)
		if i%2 == 0 {
			user.GoLive("A title of usual length", chess, 100)
		}
	}
	s.Config.Connectors = nil
	for i := range connectors {
		service := connectortest.New("instance")
		service.Shape(connectortest.Bare)
		name := fmt.Sprint("kick-", i)
		service.Set(name, connectortest.Snapshot{
			"state": "CONNECTED", "id": fmt.Sprint(i), "counters": map[string]int{"received": 1},
		})
		server := httptest.NewServer(service)
		b.Cleanup(server.Close)
		s.Config.Connectors = append(s.Config.Connectors, connector.Target{
			Name: name, URL: server.URL + "/_debug/" + name, Timeout: 5 * time.Second,
		})
	}
	s.Config.APIURL, s.Config.AuthURL = helix.URL+"/helix", helix.URL
	published := new(taken)
	s.Handler = New(s.Config, s.records, published, slog.New(slog.NewJSONHandler(io.Discard, nil)))
	s.Now = s.clock.Now
	for range 12 { // until all is believed
		s.settled(b)
	}
	return s, published
}

// settled is a tick in which nothing failed, by a request.
func (s *suite) settled(b *testing.B) {
	b.Helper()
	if w := s.request(http.MethodPost, "/", ""); w.Code != http.StatusOK {
		b.Fatalf("answered %d %s", w.Code, w.Body)
	}
	s.clock.advance(time.Minute)
}

// BenchmarkTick is a whole tick against a Helix that takes 50 ms for each answer:
// a quiet one, and one in which every channel that is live has other viewers and
// every channel another state.
func BenchmarkTick(b *testing.B) {
	for _, channels := range []int{1000, 10_000, 20_000} {
		if testing.Short() && channels > 1000 {
			continue // minutes go by before all is believed
		}
		b.Run(fmt.Sprint("quiet/", channels), func(b *testing.B) {
			s, published := crowd(b, channels)
			s.records.takeReads()
			published.n.Store(0)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				s.settled(b)
			}
			b.ReportMetric(float64(s.records.takeReads())/float64(b.N), "reads/tick")
			b.ReportMetric(float64(published.n.Load())/float64(b.N), "messages/tick")
		})
		b.Run(fmt.Sprint("all-changed/", channels), func(b *testing.B) {
			s, published := crowd(b, channels)
			published.n.Store(0)
			b.ReportAllocs()
			b.ResetTimer()
			for n := range b.N {
				b.StopTimer()
				for _, id := range s.Config.Broadcasters {
					s.world.User(id).GoLive(fmt.Sprint("Title ", n), chess, 200+n)
				}
				b.StartTimer()
				s.settled(b)
			}
			b.StopTimer()
			b.ReportMetric(float64(published.n.Load())/float64(b.N), "messages/tick")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(channels), "ns/source")
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			b.ReportMetric(float64(memory.Sys)/(1<<20), "MiB-process")
		})
	}
}
