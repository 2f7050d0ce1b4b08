package persistence

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/sourcestate/sourcestate/shared/event"
)

// However many events of one source come at once, each has its place in the
// history, and the newest is what counts.
func TestACrowdOnOneSourceIsAppliedWhole(t *testing.T) {
	t.Parallel()
	const events = 120
	b := newBench(t)
	messages := make([]event.BusMessage, events)
	for n := range messages {
		messages[n] = flap(t, "a", n)
	}
	var group sync.WaitGroup
	for _, m := range shuffledWithDuplicates(1, messages) {
		group.Go(func() {
			if answer := serve(b, push(t, m)); answer.StatusCode != http.StatusNoContent {
				t.Errorf("status = %d, want 204", answer.StatusCode)
			}
		})
	}
	group.Wait()
	var missing []string
	told := make(map[string]bool)
	for _, change := range history(t, b.store, key(t, "slack:a")) {
		told[change.EventID] = true
	}
	for n := range events {
		if id := fmt.Sprintf("c-%03d", n); !told[id] {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		t.Errorf("not in the history: %v", missing)
	}
	if d := document(t, b.store, "slack:a"); d.Status != "ERROR" || d.LatencyMs == nil || *d.LatencyMs != events-1 {
		t.Errorf("the document is not of the newest event: %s", encode(t, d.Public()))
	}
}
