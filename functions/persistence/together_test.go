package persistence

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// Events of one source that share a commit leave what they would have left one by
// one, and find the same transitions.
func TestEventsTogetherAreAsOneByOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		about := source.Key{Platform: "twitch", ID: "1"}
		var messages []event.BusMessage
		var updates []*source.Update
		for n := range rapid.IntRange(1, 30).Draw(t, "count") {
			m := generated(t, drawn(t), about, n)
			if u, err := source.Read(m); err == nil && u.Key == about {
				messages, updates = append(messages, m), append(updates, u)
			}
		}
		single, _ := newRun(t)
		for _, m := range messages {
			if answer := serve(single, push(t, m)); answer.StatusCode != http.StatusNoContent {
				t.Fatalf("status = %d, want 204", answer.StatusCode)
			}
		}

		together, _ := newRun(t)
		for left := updates; len(left) > 0; {
			n := rapid.IntRange(1, len(left)).Draw(t, "commit")
			results, err := together.update(t.Context(), about, left[:n])
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
				if err := together.publish(t.Context(), about, r.Value.transitions); err != nil {
					t.Fatal(err)
				}
			}
			left = left[n:]
		}

		if diff := cmp.Diff(snapshot(t, single.store), snapshot(t, together.store)); diff != "" {
			t.Fatalf("one by one and together differ (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(transitionsOf(single.rec.take()), transitionsOf(together.rec.take())); diff != "" {
			t.Fatalf("transitions differ (-want +got):\n%s", diff)
		}
	})
}

func transitionsOf(messages []published) []string {
	var list []string
	for _, p := range messages {
		if p.Topic == bus.Transition {
			list = append(list, string(p.Message.Data))
		}
	}
	return list
}
