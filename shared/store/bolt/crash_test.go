package bolt_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
)

// childVariable holds the directory in which the child of a test shall work.
const childVariable = "SOURCESTATE_BOLT_CHILD"

const writers = 4

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		if err := writeUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// writeUntilKilled counts in the documents of several writers, and says on
// standard output what is stored.
func writeUntilKilled(dir string) error {
	s, err := bolt.Open(dir, time.Now)
	if err != nil {
		return err
	}
	fmt.Println("open")
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for n := int64(1); ; n++ {
				if err := s.Update(context.Background(), writer(w), counted(w, n)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				fmt.Printf("stored %d %d.\n", w, n)
			}
		})
	}
	group.Wait()
	return nil
}

func writer(w int) source.Key { return source.Key{Platform: "writer", ID: fmt.Sprint(w)} }

func counted(w int, n int64) store.Merge {
	return func(*source.Document, source.Parts) (source.Result, error) {
		change := source.Change{Facet: source.FacetStatus, To: source.Connected, EventID: fmt.Sprintf("%08d", n)}
		change.At.Time = time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
		return source.Result{
			Changed:  true,
			Document: &source.Document{ID: fmt.Sprint(w), Platform: "writer", ViewerCount: &n},
			History:  map[string]*source.Change{change.Key(): &change},
		}, nil
	}
}

// startChild runs this binary as a writer and waits until it has the file open.
func startChild(t *testing.T, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+dir)
	child.Stderr = os.Stderr
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() || lines.Text() != "open" {
		t.Fatalf("the child says %q", lines.Text())
	}
	return child, lines
}

func TestKillLosesNothingThatWasStored(t *testing.T) {
	dir := t.TempDir()
	child, lines := startChild(t, dir)

	const enough = 200
	stored := make(map[int]int64)
	for said := 0; lines.Scan(); said++ {
		if said == enough {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		// A line without its full stop was cut by the kill.
		text, whole := strings.CutSuffix(lines.Text(), ".")
		var w int
		var n int64
		if _, err := fmt.Sscanf(text, "stored %d %d", &w, &n); err == nil && whole {
			stored[w] = n
		}
	}
	if len(stored) == 0 {
		t.Fatal("the child stored nothing")
	}

	s, err := bolt.Open(dir, time.Now)
	if err != nil {
		t.Fatalf("opening what the child left behind: %v", err)
	}
	defer s.Close()
	for w, n := range stored {
		document, err := s.Get(t.Context(), writer(w))
		if err != nil {
			t.Fatal(err)
		}
		found := *document.ViewerCount
		if found < n {
			t.Errorf("writer %d: %d is stored, although %d was acknowledged", w, found, n)
		}
		var entries int64
		for query := (store.HistoryQuery{Limit: store.MaxLimit}); ; {
			page, err := s.History(t.Context(), writer(w), query)
			if err != nil {
				t.Fatal(err)
			}
			entries += int64(len(page.Changes))
			if query.Cursor = page.NextCursor; query.Cursor == "" {
				break
			}
		}
		if entries != found {
			t.Errorf("writer %d: the history has %d entries and the document says %d", w, entries, found)
		}
	}
}

func TestOpenRefusesAFileThatAnotherProcessHasOpen(t *testing.T) {
	dir := t.TempDir()
	startChild(t, dir)
	s, err := bolt.Open(dir, time.Now)
	if err == nil {
		s.Close()
		t.Fatal("Open succeeds although another process writes")
	}
	if !strings.Contains(err.Error(), "another process has it open") || !strings.Contains(err.Error(), dir) {
		t.Errorf("Open = %v, which does not say why or where", err)
	}
}
