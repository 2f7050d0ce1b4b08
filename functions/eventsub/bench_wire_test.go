package eventsub

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/emulator"
	"github.com/sourcestate/sourcestate/shared/logging"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

// The contestants, in this order. The floor publishes the body as it came; the
// full floor publishes as many bytes and attributes as ours, which is what has to
// go out, be it made for nothing.
var contestantNames = []string{"ours", "floor", "full-floor"}

// BenchmarkThroughput is design section 10's: signed notification to acked
// publish at 32 connections, in turns. One op is a round of all. It means
// something on an idle machine with two cores or more.
//
// Its Pub/Sub is Google's emulator or the library's pstest. Both share the machine
// with the contestants, so what a request costs there is saved with it: more with
// the emulator than with pstest.
func BenchmarkThroughput(b *testing.B) {
	b.Run("emulator", func(b *testing.B) { throughput(b, emulated(b)) })
	b.Run("pstest", func(b *testing.B) { throughput(b, imitated(b)) })
}

func throughput(b *testing.B, contestants []*contestant) {
	const connections = 32
	messages := 20_000
	if testing.Short() {
		messages = 2_000
	}
	// The clients, and pstest with them, have one core like the server: with more
	// they would take the server's now and then.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	took := make([]time.Duration, len(contestants))
	for b.Loop() {
		for i, c := range contestants {
			took[i] += c.round(b, connections, messages)
		}
	}
	rates := make([]float64, len(took))
	for i, name := range contestantNames {
		rates[i] = float64(b.N*messages) / took[i].Seconds()
		b.ReportMetric(rates[i], name+"-msg/s")
	}
	b.ReportMetric(rates[0]/rates[1], "of-floor")
	b.ReportMetric(rates[0]/rates[2], "of-full-floor")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkLightLoad is the p50 at 300 messages a second, in turns.
func BenchmarkLightLoad(b *testing.B) {
	const messages, interval = 300, time.Second / 300
	contestants := imitated(b)
	took := make([][]time.Duration, len(contestants))
	for b.Loop() {
		for i, c := range contestants {
			took[i] = append(took[i], c.paced(b, messages, interval)...)
		}
	}
	medians := make([]float64, len(took))
	for i, name := range contestantNames {
		slices.Sort(took[i])
		medians[i] = float64(took[i][len(took[i])/2].Microseconds())
		b.ReportMetric(medians[i], name+"-p50-µs")
	}
	b.ReportMetric(medians[0]/medians[1], "of-floor")
	b.ReportMetric(medians[0]/medians[2], "of-full-floor")
	b.ReportMetric(0, "ns/op")
}

// contestant is a server in a process of its own, with one core as an instance
// has in the cloud. The clients are in this process.
type contestant struct {
	address string
	clear   func() // what its Pub/Sub would keep for ever
	sent    int    // messages so far
}

// emulated are the contestants on the emulator, each with a project of its own.
func emulated(b *testing.B) []*contestant {
	b.Helper()
	address := emulator.PubSub(b)
	contestants := make([]*contestant, len(contestantNames))
	for i, name := range contestantNames {
		project := emulator.Project(b)
		client, err := pubsub.NewClient(b.Context(), project)
		if err != nil {
			b.Fatal(err)
		}
		topic := &pubsubpb.Topic{Name: "projects/" + project + "/topics/" + bus.Ingress}
		if _, err := client.TopicAdminClient.CreateTopic(b.Context(), topic); err != nil {
			b.Fatal(err)
		}
		_ = client.Close() // it has done its work
		contestants[i] = newContestant(b, name, project, address, func() {})
	}
	if !testing.Short() {
		for range 3 { // what runs it compiles what is hot
			for _, c := range contestants {
				c.round(b, 32, 10_000)
			}
		}
	}
	return contestants
}

// imitated are the contestants with a pstest for each, in this process.
func imitated(b *testing.B) []*contestant {
	b.Helper()
	contestants := make([]*contestant, len(contestantNames))
	for i, name := range contestantNames {
		server := pstest.NewServer()
		b.Cleanup(func() { server.Close() })
		topic := &pubsubpb.Topic{Name: "projects/p/topics/" + bus.Ingress}
		if _, err := server.GServer.CreateTopic(b.Context(), topic); err != nil {
			b.Fatal(err)
		}
		contestants[i] = newContestant(b, name, "p", server.Addr, server.ClearMessages)
	}
	return contestants
}

func newContestant(b *testing.B, which, project, pubsub string, clear func()) *contestant {
	b.Helper()
	server := exec.CommandContext(b.Context(), os.Args[0])
	server.Env = append(os.Environ(), benchServer+"="+which, benchProject+"="+project,
		"PUBSUB_EMULATOR_HOST="+pubsub, "GOMAXPROCS=1")
	server.Stderr = os.Stderr
	output, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait() // tells only that it was killed
	})
	address, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	c := &contestant{address: strings.TrimSpace(address), clear: clear}
	c.round(b, 32, 2000) // connects
	return c
}

// What is set in the environment of a contestant's process.
const (
	benchServer  = "EVENTSUB_BENCH_SERVER"
	benchProject = "EVENTSUB_BENCH_PROJECT"
)

func TestMain(m *testing.M) {
	which := os.Getenv(benchServer)
	if which == "" {
		emulator.Main(m)
	}
	if err := serveContestant(context.Background(), which); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serveContestant prints its address and serves until the process is killed.
func serveContestant(ctx context.Context, which string) error {
	var h http.Handler
	var err error
	switch which {
	case "ours":
		h, err = ours(ctx)
	case "floor":
		h, err = floor(ctx, func(body []byte) *pubsub.Message { return &pubsub.Message{Data: body} })
	default:
		h, err = fullFloor(ctx)
	}
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	return http.Serve(listener, h)
}

func ours(ctx context.Context) (http.Handler, error) {
	publisher, err := bus.Open(ctx, bus.Config{Project: os.Getenv(benchProject)})
	if err != nil {
		return nil, err
	}
	secrets, err := twitch.ParseSecrets(secret)
	if err != nil {
		return nil, err
	}
	h := New(Config{Secrets: secrets}, publisher, logging.New(os.Stderr, "p"))
	h.Now = func() time.Time { return now }
	return h, nil
}

// floor is what one would write in an hour: the same HMAC, each message
// published at once with the library and waited for.
func floor(ctx context.Context, message func([]byte) *pubsub.Message) (http.Handler, error) {
	client, err := pubsub.NewClient(ctx, os.Getenv(benchProject))
	if err != nil {
		return nil, err
	}
	publisher := client.Publisher(bus.Ingress)
	publisher.PublishSettings.CountThreshold = 1
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		wanted := twitch.Sign(secret, r.Header.Get(twitch.HeaderID), r.Header.Get(twitch.HeaderTimestamp), body)
		if wanted != r.Header.Get(twitch.HeaderSignature) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if _, err := publisher.Publish(r.Context(), message(body)).Get(r.Context()); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}), nil
}

// fullFloor publishes what ours makes of one body, whatever comes.
func fullFloor(ctx context.Context) (http.Handler, error) {
	d := newDelivery(twitch.Headers{ID: messageID}, []byte(onlineBody), now, now)
	messages, err := d.notified("")
	if err != nil {
		return nil, err
	}
	return floor(ctx, func([]byte) *pubsub.Message {
		return &pubsub.Message{Data: messages[0].Data, Attributes: messages[0].Attributes}
	})
}

// round sends so many messages over so many connections, each as fast as its
// answers come.
func (c *contestant) round(b *testing.B, connections, messages int) time.Duration {
	b.Helper()
	requests := c.requests(messages)
	var next atomic.Int64
	var all sync.WaitGroup
	conns := make([]*connection, connections)
	for i := range conns {
		conns[i] = c.dial(b)
	}
	began := time.Now()
	for _, conn := range conns {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(messages); i = next.Add(1) - 1 {
				conn.send(b, requests[i])
				if i%1000 == 999 {
					c.clear()
				}
			}
		})
	}
	all.Wait()
	return time.Since(began)
}

// paced sends messages at fixed intervals and gives the time of each.
func (c *contestant) paced(b *testing.B, messages int, interval time.Duration) []time.Duration {
	b.Helper()
	conn := c.dial(b)
	requests := c.requests(messages)
	took := make([]time.Duration, 0, messages)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for _, request := range requests {
		<-ticker.C
		began := time.Now()
		conn.send(b, request)
		took = append(took, time.Since(began))
	}
	return took
}

// requests are signed requests, each with an id of its own, made beforehand so
// that only the servers are measured.
func (c *contestant) requests(n int) [][]byte {
	requests := make([][]byte, n)
	for i := range requests {
		c.sent++
		id := fmt.Sprintf("0f9d8c7b-4a1e-4b6f-9d1c-%012d", c.sent)
		requests[i] = fmt.Appendf(nil, "POST /webhooks/twitch HTTP/1.1\r\nHost: example.com\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n"+
			"Twitch-Eventsub-Message-Id: %s\r\nTwitch-Eventsub-Message-Retry: 0\r\nTwitch-Eventsub-Message-Signature: %s\r\n"+
			"Twitch-Eventsub-Message-Timestamp: %s\r\nTwitch-Eventsub-Message-Type: notification\r\n"+
			"Twitch-Eventsub-Subscription-Type: stream.online\r\nTwitch-Eventsub-Subscription-Version: 1\r\n\r\n%s",
			len(onlineBody), id, twitch.Sign(secret, id, timestamp, []byte(onlineBody)), timestamp, onlineBody)
	}
	return requests
}

// A connection is a client as cheap as can be.
type connection struct {
	net.Conn
	answers *bufio.Reader
}

func (c *contestant) dial(b *testing.B) *connection {
	b.Helper()
	conn, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", c.address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return &connection{Conn: conn, answers: bufio.NewReader(conn)}
}

// send sends a request and waits for its answer, which must be a 204: a head
// without a body.
func (c *connection) send(b *testing.B, request []byte) {
	if _, err := c.Write(request); err != nil {
		b.Error(err)
		return
	}
	for line, n := []byte(nil), 0; n == 0 || len(line) > len("\r\n"); n++ {
		var err error
		if line, err = c.answers.ReadSlice('\n'); err != nil {
			b.Error(err)
			return
		}
		if n == 0 && !bytes.HasPrefix(line, []byte("HTTP/1.1 204 ")) {
			b.Errorf("answer = %q", line)
		}
	}
}
