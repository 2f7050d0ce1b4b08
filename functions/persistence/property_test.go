package persistence

import (
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// facets are what a document shows of its facets.
type facets map[source.Facet]any

func facetsOf(d *source.Document) facets {
	if d == nil {
		return facets{}
	}
	f := facets{}
	for facet, value := range map[source.Facet]string{
		source.FacetStatus: d.Status, source.FacetStreamStatus: d.StreamStatus, source.FacetAuthStatus: d.AuthStatus,
	} {
		if value != "" {
			f[facet] = value
		}
	}
	if d.Permissions != nil {
		roles := []any{}
		for _, role := range d.Permissions {
			roles = append(roles, role)
		}
		f[source.FacetPermissions] = roles
	}
	return f
}

// A step is a change of what a document shows, as a transition tells it.
type step struct{ source, facet, eventID, from, to string }

// stepsBetween are the changes from one document to the next by one event.
func stepsBetween(t tester, u *source.Update, before, after *source.Document) []step {
	t.Helper()
	var steps []step
	from, to := facetsOf(before), facetsOf(after)
	for facet, value := range to {
		if !cmp.Equal(from[facet], value) {
			steps = append(steps, step{
				u.Key.String(), string(facet), u.EventID, string(encode(t, from[facet])), string(encode(t, value)),
			})
		}
	}
	return steps
}

// stepsOf are the changes that were published.
func stepsOf(t tester, messages []published) map[step]bool {
	t.Helper()
	steps := make(map[step]bool)
	for _, p := range messages {
		if p.Topic != bus.Transition {
			continue
		}
		payload := object(t, p.Message.Data).Object("payload")
		steps[step{
			payload.Text("platform") + ":" + payload.Text("id"), payload.Text("facet"), payload.Text("eventId"),
			string(encode(t, payload["from"])), string(encode(t, payload["to"])),
		}] = true
	}
	return steps
}

// messagesOf is a set of events about several sources.
func messagesOf(t *rapid.T) []event.BusMessage {
	keys := []source.Key{{Platform: "twitch", ID: "1"}, {Platform: "slack", ID: "a/b"}, {Platform: "twitch", ID: "2"}}
	list := make([]event.BusMessage, rapid.IntRange(1, 30).Draw(t, "count"))
	for n := range list {
		roll := drawn(t)
		list[n] = generated(t, roll, keys[roll("source", len(keys))], n)
	}
	return list
}

// newRun is a handler on a store of its own for one run of a property.
func newRun(t *rapid.T) (*bench, *flaky) {
	t.Helper()
	dir, err := os.MkdirTemp("", "persistence")
	if err != nil {
		t.Fatal(err)
	}
	documents := openBolt(t, dir)
	t.Cleanup(func() {
		documents.Close()
		os.RemoveAll(dir)
	})
	f, rec := &flaky{Store: documents}, &recorder{}
	h := New(recording{f, unwritten{}}, rec, silent())
	h.Now = func() time.Time { return now }
	return &bench{Handler: h, store: documents, rec: rec}, f
}

// crash is how a delivery may end badly.
type crash int

const (
	none crash = iota
	beforeCommit
	afterCommit
	beforePublish
	afterPublish
)

// set makes the next delivery end so.
func (c crash) set(rec *recorder, f *flaky) {
	rec.before, rec.after, f.before, f.after = nil, nil, nil, nil
	broken := func(string) error { return errBroken }
	switch c {
	case beforeCommit:
		f.before = func() error { return errBroken }
	case afterCommit:
		f.after = func() error { return errBroken }
	case beforePublish:
		rec.before = broken
	case afterPublish:
		rec.after = broken
	}
}

// Whatever breaks in between, what is not acknowledged comes again, and in the
// end everything is as if nothing had broken: documents, histories, sessions and
// viewers. Every change that a document ever showed was published, and every
// dead letter, at least once each.
func TestCrashesChangeNothingInTheEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := messagesOf(t)
		undisturbed, _ := newRun(t)
		for _, m := range list {
			if answer := serve(undisturbed, push(t, m)); answer.StatusCode != http.StatusNoContent {
				t.Fatalf("status = %d, want 204", answer.StatusCode)
			}
		}

		b, f := newRun(t)
		shown := make(map[step]bool)
		queue := rapid.Permutation(list).Draw(t, "order")
		for crashes := 0; len(queue) > 0; {
			m := queue[0]
			queue = queue[1:]
			how := none
			if crashes < 3*len(list) {
				how = crash(rapid.IntRange(0, 4).Draw(t, "crash"))
			}
			how.set(b.rec, f)
			u, _ := source.Read(m)
			var before *source.Document
			if u != nil {
				before = document(t, b.store, u.Key.String())
			}
			status := serve(b, push(t, m)).StatusCode
			if u != nil {
				for _, s := range stepsBetween(t, u, before, document(t, b.store, u.Key.String())) {
					shown[s] = true
				}
			}
			again := rapid.IntRange(0, 9).Draw(t, "duplicate") == 0 && crashes < 3*len(list)
			if status == http.StatusServiceUnavailable || again {
				crashes++
				i := rapid.IntRange(0, len(queue)).Draw(t, "comes again")
				queue = slices.Insert(slices.Clone(queue), i, m)
			} else if status != http.StatusNoContent {
				t.Fatalf("status = %d", status)
			}
		}

		if diff := cmp.Diff(snapshot(t, undisturbed.store), snapshot(t, b.store)); diff != "" {
			t.Fatalf("undisturbed and disturbed differ (-want +got):\n%s", diff)
		}
		messages := b.rec.take()
		told := stepsOf(t, messages)
		for s := range shown {
			if !told[s] {
				t.Fatalf("never published: %+v", s)
			}
		}
		if diff := cmp.Diff(lettersOf(t, undisturbed.rec.take()), lettersOf(t, messages)); diff != "" {
			t.Fatalf("dead letters differ (-want +got):\n%s", diff)
		}
	})
}

// lettersOf are the originals of all dead letters, each once.
func lettersOf(t tester, messages []published) map[string]bool {
	t.Helper()
	letters := make(map[string]bool)
	for _, p := range messages {
		if p.Topic == bus.DeadLetter {
			letters[object(t, p.Message.Data).Object("payload").Text("original")] = true
		}
	}
	return letters
}
