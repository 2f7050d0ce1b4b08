package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// program is the program as a user runs it, built.
type program string

func build(t *testing.T) program {
	t.Helper()
	p := program(filepath.Join(t.TempDir(), "local"))
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", string(p), ".").CombinedOutput()
	if err != nil {
		t.Fatalf("building: %v\n%s", err, output)
	}
	return p
}

// launch starts the program and waits until it is ready.
func (p program) launch(t *testing.T, dir string) (*instance, *exec.Cmd) {
	t.Helper()
	command := exec.CommandContext(t.Context(), string(p), "-addr", "127.0.0.1:0", "-data", dir, "-demo=false")
	command.Env = append(os.Environ(), "TWITCH_EVENTSUB_SECRETS="+secret,
		// Whoever works with the emulators has these, and they must not matter.
		"PUBSUB_EMULATOR_HOST=127.0.0.1:1", "FIRESTORE_EMULATOR_HOST=127.0.0.1:1")
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	i := new(instance)
	i.await(t, stdout)
	return i, command
}

// kill ends the program as kill -9 does.
func kill(t *testing.T, command *exec.Cmd) {
	t.Helper()
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // it says "killed", which is what was asked for
}

func TestTheProgram(t *testing.T) {
	t.Parallel()
	p := build(t)
	t.Run("keeps through a kill what it has shown", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		i, command := p.launch(t, dir)
		want := i.goesLive(t, secret, online("m1", "1337", "9001"), "twitch:1337")
		kill(t, command)
		i, command = p.launch(t, dir)
		if diff := cmp.Diff(want, i.source(t, "twitch:1337")); diff != "" {
			t.Errorf("document (-before +after):\n%s", diff)
		}
		kill(t, command)
	})
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run("ends cleanly on the signal "+signal.String(), func(t *testing.T) {
			t.Parallel()
			i, command := p.launch(t, t.TempDir())
			i.goesLive(t, secret, online("m1", "1337", "9001"), "twitch:1337")
			if err := command.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			giveUp := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
			defer giveUp.Stop()
			if err := command.Wait(); err != nil {
				t.Errorf("ended with %v", err)
			}
		})
	}
}
