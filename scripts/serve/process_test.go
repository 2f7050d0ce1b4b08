package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for the program on a busy machine.
const patience = 20 * time.Second

func build(t testing.TB) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "serve")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("building: %v\n%s", err, output)
	}
	return program
}

// command is the program with nothing of the surroundings in its environment.
// Where the clients should connect to, nobody is.
func command(t testing.TB, program string, env ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), program)
	c.Env = append(env, "PATH="+os.Getenv("PATH"), "HOME="+t.TempDir(),
		"PUBSUB_EMULATOR_HOST=127.0.0.1:1", "FIRESTORE_EMULATOR_HOST=127.0.0.1:1")
	return c
}

// freePort is a port that was free a moment ago.
func freePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// await waits until somebody listens.
func await(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	awaitEvery(ctx, t, 5*time.Millisecond, address)
}

// awaitEvery waits until somebody listens, with a pause after each attempt.
func awaitEvery(ctx context.Context, t testing.TB, pause time.Duration, address string) {
	t.Helper()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			connection.Close()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("nobody listens: %v", err)
		}
	}
}

func TestTheProgram(t *testing.T) {
	t.Parallel()
	program := build(t)
	t.Run("refuses to start without secrets", func(t *testing.T) {
		t.Parallel()
		c := command(t, program, "FUNCTION_TARGET=EventSub", "GOOGLE_CLOUD_PROJECT=p", "PORT="+freePort(t))
		var stderr bytes.Buffer
		c.Stderr = &stderr
		err := c.Run()
		if err == nil || c.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), "TWITCH_EVENTSUB_SECRETS") {
			t.Errorf("ended with %v, saying %q", err, &stderr)
		}
	})
	env := []string{"GOOGLE_CLOUD_PROJECT=p", "TWITCH_EVENTSUB_SECRETS=s3cre7-serve-0123456789"}
	tests := []struct {
		name    string
		env     []string
		answers map[string]int // by method and path
	}{
		{
			name: "serves one function at every path and ends with a signal",
			env:  []string{"FUNCTION_TARGET=Status"},
			answers: map[string]int{
				"GET /healthz": 200, "POST /": 405, "GET /api/sources/none": 400, "GET /EventSub": 404,
			},
		},
		{
			name: "serves all functions, each at its path, and ends with a signal",
			answers: map[string]int{
				"POST /EventSub": 400, "GET /EventSub": 405, "POST /Persistence": 400, "POST /Status": 405,
				"GET /": 404, "GET /eventsub": 404,
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			c := command(t, program, append(append([]string{"PORT=" + port}, env...), test.env...)...)
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			await(t, "127.0.0.1:"+port)
			for request, want := range test.answers {
				method, path, _ := strings.Cut(request, " ")
				if got := answered(t, method, "http://127.0.0.1:"+port+path); got != want {
					t.Errorf("%s: %d, want %d", request, got, want)
				}
			}
			if err := c.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			giveUp := time.AfterFunc(patience, func() { _ = c.Process.Kill() })
			defer giveUp.Stop()
			if err := c.Wait(); err != nil {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

func answered(t *testing.T, method, url string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}
