package source_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// A failer is a *testing.T or a *rapid.T.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// A world is the least that keeps documents and histories: what a store and
// Persistence do, without either.
type world struct {
	t           failer
	documents   map[string]*source.Document
	history     map[string]map[string]source.Change
	sessions    map[string]map[string]*source.Session
	hours       map[string]map[string]*source.Hour
	deadLetters int
	transitions []source.Change
}

func newWorld(t failer) *world {
	return &world{
		t:         t,
		documents: make(map[string]*source.Document),
		history:   make(map[string]map[string]source.Change),
		sessions:  make(map[string]map[string]*source.Session),
		hours:     make(map[string]map[string]*source.Hour),
	}
}

// parts are the sessions and hours of one source of a world.
type parts struct {
	*world
	key string
}

func (p parts) Session(key string) (*source.Session, error) { return p.sessions[p.key][key], nil }
func (p parts) Hour(name string) (*source.Hour, error)      { return p.hours[p.key][name], nil }

// deliver applies messages one after the other.
func (w *world) deliver(messages ...event.BusMessage) *world {
	w.t.Helper()
	for _, m := range messages {
		u, err := source.Read(m)
		if invalid := (*source.Invalid)(nil); errors.As(err, &invalid) {
			w.deadLetters++
			continue
		} else if err != nil {
			if !errors.Is(err, source.ErrIgnored) {
				w.t.Fatalf("Read: %v", err)
			}
			continue
		}
		w.apply(u)
	}
	return w
}

func (w *world) apply(u *source.Update) source.Result {
	w.t.Helper()
	key := u.Key.String()
	result, err := source.Merge(w.documents[key], parts{w, key}, u)
	if err != nil {
		w.t.Fatalf("Merge: %v", err)
	}
	w.transitions = append(w.transitions, result.Transitions...)
	if !result.Changed {
		return result
	}
	// A store gives back what it was given, through JSON.
	w.documents[key] = decode[*source.Document](w.t, encode(w.t, result.Document))
	if w.history[key] == nil {
		w.history[key] = make(map[string]source.Change)
		w.sessions[key] = make(map[string]*source.Session)
		w.hours[key] = make(map[string]*source.Hour)
	}
	for name, session := range result.Sessions {
		w.sessions[key][name] = decode[*source.Session](w.t, encode(w.t, session))
	}
	for name, hour := range result.Hours {
		w.hours[key][name] = decode[*source.Hour](w.t, encode(w.t, hour))
	}
	for name, change := range result.History {
		if change == nil {
			delete(w.history[key], name)
			continue
		}
		w.history[key][name] = decode[source.Change](w.t, encode(w.t, change))
	}
	return result
}

// changes are the entries of a history in order.
func (w *world) changes(key string) []source.Change {
	changes := make([]source.Change, 0, len(w.history[key]))
	for _, name := range slices.Sorted(maps.Keys(w.history[key])) {
		changes = append(changes, w.history[key][name])
	}
	return changes
}

// public are all documents without their bookkeeping, as JSON.
func (w *world) public() map[string]string {
	documents := make(map[string]string, len(w.documents))
	for key, d := range w.documents {
		documents[key] = string(encode(w.t, d.Public()))
	}
	return documents
}

// shownSessions are all sessions as readers see them, as JSON.
func (w *world) shownSessions() map[string]string {
	shown := make(map[string]string)
	for key, sessions := range w.sessions {
		for name, session := range sessions {
			shown[key+"/"+name] = string(encode(w.t, session.Public()))
		}
	}
	return shown
}

// shownHours are the viewers of all minutes.
func (w *world) shownHours() map[string]int64 {
	shown := make(map[string]int64)
	for key, hours := range w.hours {
		for _, hour := range hours {
			for _, sample := range hour.Samples() {
				shown[key+"/"+event.FormatTime(sample.At.Time)] = sample.Count
			}
		}
	}
	return shown
}

// sameAs fails unless both worlds show the same documents and histories.
func (w *world) sameAs(other *world, what string) {
	w.t.Helper()
	if diff := cmp.Diff(other.public(), w.public()); diff != "" {
		w.t.Fatalf("%s: documents differ (-want +got):\n%s", what, diff)
	}
	if diff := cmp.Diff(other.history, w.history, cmp.Transformer("json", func(c source.Change) string {
		return string(encode(w.t, c))
	})); diff != "" {
		w.t.Fatalf("%s: histories differ (-want +got):\n%s", what, diff)
	}
	if diff := cmp.Diff(other.shownSessions(), w.shownSessions()); diff != "" {
		w.t.Fatalf("%s: sessions differ (-want +got):\n%s", what, diff)
	}
	if diff := cmp.Diff(other.shownHours(), w.shownHours()); diff != "" {
		w.t.Fatalf("%s: hours differ (-want +got):\n%s", what, diff)
	}
}

func encode(t failer, value any) []byte {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func decode[T any](t failer, data []byte) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// at is an instant of the test's day.
func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05.000", "2026-05-01 "+clock)
	if err != nil {
		t, err = time.Parse("2006-01-02 15:04:05", "2026-05-01 "+clock)
	}
	if err != nil {
		panic(err)
	}
	return t
}
