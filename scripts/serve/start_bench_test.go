package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkStart measures how long a program takes from its start to its first
// answer, beside a Functions Framework program that answers 204 and does nothing
// else: one function alone, as each is deployed, and this command, which holds
// all of them. One of each starts in turn, so that both meet the same machine.
// The metric of-bare is the ratio of the medians (design section 10: under 2).
func BenchmarkStart(b *testing.B) {
	bare := launch{framework(b, `"github.com/sourcestate/sourcestate/scripts/serve/testdata/bare"`), "Bare", "/"}
	all := build(b)
	for _, function := range []struct{ target, folder, path string }{
		{"EventSub", "eventsub", "/"},
		{"Persistence", "persistence", "/"},
		{"Heartbeat", "heartbeat", "/"},
		{"Status", "status", "/healthz"}, // the page would read Firestore, and there is none
	} {
		alone := framework(b, `"github.com/sourcestate/sourcestate/functions/`+function.folder+`"`)
		b.Run(function.target+"/alone", func(b *testing.B) { compareStarts(b, bare, launch{alone, function.target, function.path}) })
		b.Run(function.target+"/serve", func(b *testing.B) { compareStarts(b, bare, launch{all, function.target, function.path}) })
	}
}

// framework builds a program that serves what a package registers, like the one
// that the cloud builds around it.
func framework(b *testing.B, registers string) (program string) {
	b.Helper()
	source := `package main

import (
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	_ ` + registers + `
)

func main() { _ = funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")) }
`
	dir := b.TempDir()
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		b.Fatal(err)
	}
	program = filepath.Join(dir, "program")
	output, err := exec.CommandContext(b.Context(), "go", "build", "-o", program, file).CombinedOutput()
	if err != nil {
		b.Fatalf("building: %v\n%s", err, output)
	}
	return program
}

// A launch is a program, what it serves, and what it is asked first.
type launch struct{ program, target, path string }

func compareStarts(b *testing.B, floor, ours launch) {
	floor.first(b) // their files are in memory from now on
	ours.first(b)
	var floors, times []time.Duration
	for b.Loop() {
		floors = append(floors, floor.first(b))
		times = append(times, ours.first(b))
	}
	f, t := median(floors), median(times)
	b.ReportMetric(0, "ns/op") // it would count both, and their ends
	b.ReportMetric(float64(f.Microseconds())/1000, "bare-ms")
	b.ReportMetric(float64(t.Microseconds())/1000, "ours-ms")
	b.ReportMetric(float64(t)/float64(f), "of-bare")
}

// first is the time from the start of the program to its first answer. It is
// asked whether it listens ten times a millisecond: a caller that never paused would
// have one of the processors that the program wants.
func (l launch) first(b *testing.B) time.Duration {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	port := freePort(b)
	address := "127.0.0.1:" + port
	c := command(b, l.program, "FUNCTION_TARGET="+l.target, "PORT="+port,
		"GOOGLE_CLOUD_PROJECT=p", "TWITCH_EVENTSUB_SECRETS=s3cre7-serve-0123456789")
	c.Stdout, c.Stderr = io.Discard, io.Discard
	began := time.Now()
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	}()
	awaitEvery(ctx, b, 100*time.Microsecond, address)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+l.path, nil)
	if err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		b.Fatalf("the first request of %s: %v", l.target, err)
	}
	answer.Body.Close()
	took := time.Since(began)
	if answer.StatusCode >= http.StatusInternalServerError {
		b.Fatalf("%s answers %s", l.target, answer.Status)
	}
	return took
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
