package firestore_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/source"
)

func TestAWatchLeavesOutWhatIsNoDocumentAndTellsWhatIsGone(t *testing.T) {
	t.Parallel()
	s, client := both(t, time.Now)
	documents := client.Collection("sources")
	write := func(name string, fields map[string]any) {
		t.Helper()
		if _, err := documents.Doc(name).Set(t.Context(), fields); err != nil {
			t.Fatal(err)
		}
	}
	write("twitch:1", map[string]any{"platform": "twitch", "id": "1"})
	write("odd", map[string]any{"platform": 7})

	type told struct{ documents, gone []source.Key }
	tells := make(chan told, 10)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.Watch(ctx, func(documents []*source.Document, gone []source.Key) {
			t := told{gone: gone}
			for _, d := range documents {
				t.documents = append(t.documents, d.Key())
			}
			tells <- t
		})
	}()
	await := func(want told) {
		t.Helper()
		select {
		case got := <-tells:
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(told{})); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		case err := <-ended:
			t.Fatalf("the watch ended: %v", err)
		}
	}
	one, two := source.Key{Platform: "twitch", ID: "1"}, source.Key{Platform: "twitch", ID: "2"}
	await(told{documents: []source.Key{one}})
	write("odd", map[string]any{"platform": 8})
	write("twitch:2", map[string]any{"platform": "twitch", "id": "2"})
	await(told{documents: []source.Key{two}})
	if _, err := documents.Doc("twitch:1").Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(told{gone: []source.Key{one}})
	stop()
	if err := <-ended; err == nil {
		t.Error("the watch ended without an error")
	}
}
