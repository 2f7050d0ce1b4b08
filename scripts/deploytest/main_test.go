// Package deploytest holds the deployment to its promises: what Terraform makes of
// the configuration, the archives that it packs, the scripts beside it, and what
// an event and a tick cost. It meets no cloud: Terraform works with stand-ins for
// its providers, the scripts with stand-ins for gcloud and Terraform.
package deploytest

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sourcestate/sourcestate/shared/emulator"
)

// listenVariable makes the test binary a program that listens there, in place of
// an emulator.
const listenVariable = "DEPLOYTEST_LISTEN"

func TestMain(m *testing.M) {
	if address := os.Getenv(listenVariable); address != "" {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			os.Exit(1)
		}
		for {
			connection, err := listener.Accept()
			if err != nil {
				os.Exit(1)
			}
			_ = connection.Close()
		}
	}
	emulator.Main(m)
}

// root is the top of the repository.
func root(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// checkout copies parts of the repository, as git would give them, to a place
// where they may be changed.
func checkout(t testing.TB, parts ...string) string {
	t.Helper()
	to := t.TempDir()
	for _, part := range parts {
		from := filepath.Join(root(t), part)
		info, err := os.Stat(from)
		if err != nil {
			t.Fatal(err)
		}
		if !info.IsDir() {
			copyFile(t, from, filepath.Join(to, part))
			continue
		}
		err = filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(root(t), path)
			if err != nil {
				return err
			}
			switch name := entry.Name(); {
			case entry.IsDir() && (name == ".terraform" || name == "build" || name == "node_modules"):
				return filepath.SkipDir
			case entry.IsDir() || strings.Contains(name, ".tfstate") || name == ".terraform.lock.hcl" ||
				strings.HasSuffix(name, ".tfvars") || strings.HasSuffix(name, ".tfvars.json"):
			default:
				copyFile(t, path, filepath.Join(to, relative))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, info.Mode().Perm()); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A result is how a program ended.
type result struct {
	code           int
	stdout, stderr string
}

// run runs a program to its end.
func run(t testing.TB, command *exec.Cmd) result {
	t.Helper()
	var stdout, stderr strings.Builder
	command.Stdout, command.Stderr = &stdout, &stderr
	if command.Stdin == nil {
		command.Stdin = strings.NewReader("")
	}
	err := command.Run()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		t.Fatalf("%s: %v", command, err)
	}
	return result{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// need skips the test where a program is missing, and fails it in CI.
func need(t testing.TB, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("CI needs %s", program)
			}
			t.Skipf("no %s here", program)
		}
	}
}

// drain closes a body after reading it.
func drain(body io.ReadCloser) {
	_, _ = io.Copy(io.Discard, body)
	_ = body.Close()
}
