package emulator_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/emulator"
)

// childVariable tells the binary that it is the child of
// TestAnEmulatorDiesWithItsTestBinary.
const childVariable = "SOURCESTATE_EMULATOR_CHILD"

func TestMain(m *testing.M) { emulator.Main(m) }

func TestAnEmulatorServesAndIsFoundByTheLibrary(t *testing.T) {
	cases := []struct {
		name        string
		serve       func(testing.TB) string
		environment string
	}{
		{"Firestore", emulator.Firestore, "FIRESTORE_EMULATOR_HOST"},
		{"Pub/Sub", emulator.PubSub, "PUBSUB_EMULATOR_HOST"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address := c.serve(t)
			response, err := http.Get("http://" + address + "/")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("the emulator answers %s", response.Status)
			}
			if got := os.Getenv(c.environment); got != address {
				t.Errorf("%s = %q, want %q", c.environment, got, address)
			}
			if again := c.serve(t); again != address {
				t.Errorf("the second call starts another emulator: %s, not %s", again, address)
			}
		})
	}
}

func TestProjectsDiffer(t *testing.T) {
	if a, b := emulator.Project(t), emulator.Project(t); a == b {
		t.Errorf("two calls give the same project %q", a)
	}
}

func TestAnEmulatorDiesWithItsTestBinary(t *testing.T) {
	if os.Getenv(childVariable) != "" {
		fmt.Println("serving", emulator.Firestore(t))
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), childVariable+"=1", "FIRESTORE_EMULATOR_HOST=")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var address string
	lines := bufio.NewScanner(stdout)
	for address == "" && lines.Scan() {
		if strings.Contains(lines.Text(), "--- SKIP") {
			t.Skip("the child could start no emulator")
		}
		address, _ = strings.CutPrefix(lines.Text(), "serving ")
		if address == lines.Text() {
			address = ""
		}
	}
	// An open connection shows the end of the emulator without asking for it again
	// and again.
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("dialing the emulator of the child: %v", err)
	}
	defer connection.Close()
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()

	if err := connection.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, connection)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		t.Error("the emulator still serves although its test binary was killed")
	}
}
