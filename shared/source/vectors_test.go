package source_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// A vector is one case of testdata/events; its form is told in
// testdata/README.md.
type vector struct {
	Name   string `json:"name"`
	Events []struct {
		PublishTime source.Time      `json:"publishTime"`
		Attributes  event.Attributes `json:"attributes"`
		Data        json.RawMessage  `json:"data"`
	} `json:"events"`
	Want            map[string]map[string]any      `json:"want"`
	WantHistory     map[string][]map[string]string `json:"wantHistory"`
	WantDeadLetters int                            `json:"wantDeadLetters"`
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

func TestVectorsHoldInEveryOrder(t *testing.T) {
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v := decode[vector](t, data)
		t.Run(v.Name, func(t *testing.T) {
			messages := v.messages()
			random := rand.New(rand.NewPCG(1, 2))
			for round := range 200 {
				delivered := messages
				if round > 0 {
					delivered = shuffledWithDuplicates(random, messages)
				}
				w := newWorld(t).deliver(delivered...)
				v.check(t, w)
				if round == 0 && w.deadLetters != v.WantDeadLetters {
					t.Errorf("%d dead letters, want %d", w.deadLetters, v.WantDeadLetters)
				}
				if t.Failed() {
					t.Fatalf("in round %d", round)
				}
			}
		})
	}
}

func shuffledWithDuplicates(random *rand.Rand, messages []event.BusMessage) []event.BusMessage {
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

func (v vector) check(t *testing.T, w *world) {
	t.Helper()
	for key, want := range v.Want {
		d, ok := w.documents[key]
		if want == nil {
			if ok {
				t.Errorf("%s has a document", key)
			}
			continue
		}
		if !ok {
			t.Errorf("%s has no document", key)
			continue
		}
		compare(t, key, want, decode[map[string]any](t, encode(t, d)))
	}
	for key, want := range v.WantHistory {
		var got []source.Change
		facets := make(map[source.Facet]bool)
		for _, entry := range want {
			facets[source.Facet(entry["facet"])] = true
		}
		for _, change := range w.changes(key) {
			if facets[change.Facet] {
				got = append(got, change)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: history %s, want %v", key, encode(t, got), want)
			continue
		}
		for i, entry := range want {
			from := source.Value("")
			if got[i].From != nil {
				from = *got[i].From
			}
			if string(got[i].Facet) != entry["facet"] || string(got[i].To) != entry["to"] ||
				event.FormatTime(got[i].At.Time) != entry["at"] || entry["from"] != "" && string(from) != entry["from"] {
				t.Errorf("%s: entry %d is %s, want %v", key, i, encode(t, got[i]), entry)
			}
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
