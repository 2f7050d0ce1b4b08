// Package emulator gives tests and benchmarks a Firestore or a Pub/Sub: the
// emulators of the Google Cloud SDK, each started at most once per test binary,
// on a free port, and gone when the binary is, however that ends.
//
// A test package that uses it has
//
//	func TestMain(m *testing.M) { emulator.Main(m) }
package emulator

import (
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
)

// An emulator is one of the SDK's emulators and, once started, its process.
type emulator struct {
	name        string
	environment string   // where Google's libraries look for its address
	path        []string // of the program within the SDK
	args        []string
	ready       string // what it prints when it serves

	mu      sync.Mutex // guards what follows
	started bool
	address string
	err     error
	process *process
}

var firestore = &emulator{
	name:        "Firestore",
	environment: "FIRESTORE_EMULATOR_HOST",
	path:        []string{"platform", "cloud-firestore-emulator", "cloud_firestore_emulator"},
	args:        []string{"start"},
	ready:       "Dev App Server is now running",
}

var pubSub = &emulator{
	name:        "Pub/Sub",
	environment: "PUBSUB_EMULATOR_HOST",
	path:        []string{"platform", "pubsub-emulator", "bin", "cloud-pubsub-emulator"},
	ready:       "Server started, listening on",
}

// errNoSDK says that this machine cannot run emulators.
var errNoSDK = errors.New("no Google Cloud SDK with this emulator")

// Firestore is the address (host:port) of a Firestore emulator that serves until
// the test binary ends. It is that of FIRESTORE_EMULATOR_HOST where this is set;
// otherwise an emulator is started and the variable set, so that Google's
// library finds it. Without the Cloud SDK the test is skipped, with CI=true it
// fails. It is safe for parallel tests.
func Firestore(tb testing.TB) string {
	tb.Helper()
	return firestore.serve(tb)
}

// PubSub is like Firestore, with PUBSUB_EMULATOR_HOST.
func PubSub(tb testing.TB) string {
	tb.Helper()
	return pubSub.serve(tb)
}

// Project is a project id that nobody else uses, so that tests which share an
// emulator do not see each other's data.
func Project(tb testing.TB) string {
	tb.Helper()
	return "test-" + strings.ToLower(rand.Text()[:20])
}

// Main runs the tests, stops what they started and exits. It is called from
// TestMain. A binary that does not get here (a timeout, a kill) takes its
// emulators along all the same, only nobody waits for their end.
func Main(m *testing.M) {
	code := m.Run()
	firestore.stop()
	pubSub.stop()
	os.Exit(code)
}

func (e *emulator) serve(tb testing.TB) string {
	tb.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.started {
		e.started = true
		e.address, e.err = e.find(tb)
	}
	switch {
	case errors.Is(e.err, errNoSDK) && os.Getenv("CI") != "true":
		tb.Skipf("needs the %s emulator: %v", e.name, e.err)
	case e.err != nil:
		tb.Fatalf("starting the %s emulator: %v", e.name, e.err)
	}
	return e.address
}

// find is the emulator that the environment names, else a new one.
func (e *emulator) find(tb testing.TB) (address string, err error) {
	if address := os.Getenv(e.environment); address != "" {
		return address, nil
	}
	program, err := locate(tb.Context(), e.path)
	if err != nil {
		return "", err
	}
	// Another process may take the port between our asking for a free one and
	// the emulator's binding it.
	for range 3 {
		e.process, err = start(tb.Context(), program, e.args, e.ready)
		if !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return "", err
	}
	return e.process.address, os.Setenv(e.environment, e.process.address)
}

func (e *emulator) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.process != nil {
		e.process.stop()
	}
}
