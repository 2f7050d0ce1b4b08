package persistence

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// vectorFiles are the cases that shared/source holds its merge to; their form is
// told in the README.md beside them.
const vectorFiles = "../../shared/source/testdata/events/*.json"

// permutations is in how many orders each case is delivered.
const permutations = 8

type vector struct {
	Name   string `json:"name"`
	Events []struct {
		PublishTime source.Time      `json:"publishTime"`
		Attributes  event.Attributes `json:"attributes"`
		Data        json.RawMessage  `json:"data"`
	} `json:"events"`
	Want            map[string]map[string]any `json:"want"`
	WantHistory     map[string][]vectorChange `json:"wantHistory"`
	WantDeadLetters int                       `json:"wantDeadLetters"`
}

type vectorChange struct {
	Facet source.Facet `json:"facet"`
	From  *string      `json:"from"` // nil: not compared
	To    string       `json:"to"`
	At    string       `json:"at"`
}

func decodeVector(t tester, data []byte) vector {
	t.Helper()
	var v vector
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v vector) messages() []event.BusMessage {
	messages := make([]event.BusMessage, len(v.Events))
	for i, e := range v.Events {
		data := []byte(e.Data)
		var text string
		if json.Unmarshal(data, &text) == nil {
			data = []byte(text)
		}
		messages[i] = event.BusMessage{
			ID: fmt.Sprint(i), Data: data, Attributes: e.Attributes, PublishTime: e.PublishTime.Time,
		}
	}
	return messages
}

func TestVectorsThroughTheHandler(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(vectorFiles)
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v := decodeVector(t, data)
		messages := v.messages()
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			t.Run("in the given order", func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				for _, m := range messages {
					b.deliver(t, m, http.StatusNoContent)
				}
				if letters := b.letters(); letters != v.WantDeadLetters {
					t.Errorf("%d dead letters, want %d", letters, v.WantDeadLetters)
				}
				v.check(t, b)
			})
			for seed := range permutations {
				t.Run(fmt.Sprint("in another order ", seed), func(t *testing.T) {
					t.Parallel()
					b := newBench(t)
					for _, m := range shuffledWithDuplicates(uint64(seed), messages) {
						b.deliver(t, m, http.StatusNoContent)
					}
					v.check(t, b)
				})
			}
			t.Run("all at once", func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				var group sync.WaitGroup
				for _, m := range shuffledWithDuplicates(permutations, messages) {
					group.Go(func() {
						if answer := serve(b, push(t, m)); answer.StatusCode != http.StatusNoContent {
							t.Errorf("status = %d, want 204", answer.StatusCode)
						}
					})
				}
				group.Wait()
				v.check(t, b)
			})
		})
	}
}

// shuffledWithDuplicates is another order, in which half of the messages come
// again under new ids.
func shuffledWithDuplicates(seed uint64, messages []event.BusMessage) []event.BusMessage {
	random := rand.New(rand.NewPCG(seed, 1))
	delivered := append([]event.BusMessage{}, messages...)
	for _, m := range messages {
		if random.IntN(2) == 0 {
			m.ID += "-again"
			delivered = append(delivered, m)
		}
	}
	random.Shuffle(len(delivered), func(i, j int) {
		delivered[i], delivered[j] = delivered[j], delivered[i]
	})
	return delivered
}

// letters is the number of dead letters among what was published.
func (b *bench) letters() int {
	n := 0
	for _, p := range b.rec.take() {
		if p.Topic == bus.DeadLetter {
			n++
		}
	}
	return n
}

func (v vector) check(t *testing.T, b *bench) {
	t.Helper()
	documents := make(map[string]*source.Document)
	for _, d := range documentsOf(t, b.store) {
		documents[d.Key().String()] = d
	}
	for name, want := range v.Want {
		d := documents[name]
		switch {
		case want == nil && d != nil:
			t.Errorf("%s has a document", name)
		case want != nil && d == nil:
			t.Errorf("%s has no document", name)
		case want != nil:
			var got map[string]any
			if err := json.Unmarshal(encode(t, d), &got); err != nil {
				t.Fatal(err)
			}
			compare(t, name, want, got)
		}
	}
	for name, want := range v.WantHistory {
		compareHistory(t, name, want, history(t, b.store, key(t, name)))
	}
}

// compareHistory checks the changes of those facets that are listed.
func compareHistory(t *testing.T, name string, want []vectorChange, changes []source.Change) {
	t.Helper()
	listed := make(map[source.Facet]bool)
	for _, change := range want {
		listed[change.Facet] = true
	}
	var got []source.Change
	for _, change := range changes {
		if listed[change.Facet] {
			got = append(got, change)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: history %s, want %s", name, encode(t, got), encode(t, want))
		return
	}
	for i, w := range want {
		g := got[i]
		if g.Facet != w.Facet || string(g.To) != w.To || event.FormatTime(g.At.Time) != w.At ||
			w.From != nil && (g.From == nil || string(*g.From) != *w.From) {
			t.Errorf("%s: change %d is %s, want %s", name, i, encode(t, g), encode(t, w))
		}
	}
}

// compare checks objects by the fields listed and everything else exactly; null
// stands for absent or empty.
func compare(t *testing.T, path string, want, got any) {
	t.Helper()
	switch want := want.(type) {
	case nil:
		if value := reflect.ValueOf(got); got != nil && (value.Kind() != reflect.Map && value.Kind() != reflect.Slice || value.Len() > 0) {
			t.Errorf("%s is %v, want none", path, got)
		}
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s is %v, want %v", path, got, want)
			return
		}
		for name, value := range want {
			compare(t, path+"."+name, value, object[name])
		}
	default:
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
}
