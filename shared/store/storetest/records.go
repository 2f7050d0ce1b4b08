package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/store"
)

// records are the promises of store.Records.
var records = []test{
	{"a record comes back as it was written, whatever its size", writesRecords},
	{"records are replaced whole and removed by nil", replacesRecords},
	{"collections are apart", keepsCollectionsApart},
	{"a lease has one holder until it is over", leases},
	{"of a crowd one gets the lease", leasesToOne},
}

type record struct {
	Login string            `json:"login,omitempty"`
	Large map[string]string `json:"large,omitempty"`
}

func (f *fixture) write(t *testing.T, collection store.Collection, values map[string]any) {
	t.Helper()
	if err := f.Write(t.Context(), collection, values); err != nil {
		t.Fatalf("writing to %s: %v", collection, err)
	}
}

func (f *fixture) records(t *testing.T, collection store.Collection) map[string]record {
	t.Helper()
	stored, err := f.Records(t.Context(), collection)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]record)
	for name, encoded := range stored {
		var r record
		if err := json.Unmarshal(encoded, &r); err != nil {
			t.Fatal(err)
		}
		found[name] = r
	}
	return found
}

func writesRecords(t *testing.T, f *fixture) {
	var none record
	if err := f.Record(t.Context(), store.Watchlist, "twitch:1", &none); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a record that is not there: %v", err)
	}
	large := record{Large: make(map[string]string)}
	for i := range 2000 {
		large.Large[fmt.Sprint("key", i)] = "a value of some length, as ledgers hold them by the hundreds"
	}
	want := map[string]record{"twitch:1": {Login: "one"}, "twitch:a%2Fb": {Login: "two"}, "page-0": large}
	f.write(t, store.Ledger, map[string]any{"twitch:1": want["twitch:1"], "twitch:a%2Fb": want["twitch:a%2Fb"], "page-0": large})
	equal(t, "records", f.records(t, store.Ledger), want)
	for name, wanted := range want {
		var got record
		if err := f.Record(t.Context(), store.Ledger, name, &got); err != nil {
			t.Error(err)
		}
		equal(t, name, got, wanted)
	}
}

func replacesRecords(t *testing.T, f *fixture) {
	f.write(t, store.Watchlist, map[string]any{"a": record{Login: "one", Large: map[string]string{"x": "y"}}, "b": record{Login: "b"}})
	f.write(t, store.Watchlist, map[string]any{"a": record{Login: "two"}, "b": nil, "c": nil})
	equal(t, "records", f.records(t, store.Watchlist), map[string]record{"a": {Login: "two"}})
	f.write(t, store.Watchlist, nil)
}

func keepsCollectionsApart(t *testing.T, f *fixture) {
	f.write(t, store.Watchlist, map[string]any{"a": record{Login: "one"}})
	equal(t, "another collection", f.records(t, store.Ledger), map[string]record{})
}

func leases(t *testing.T, f *fixture) {
	claim := func(holder string, want error) {
		t.Helper()
		err := f.Claim(t.Context(), store.Heartbeat, "lease", holder, f.clock.now().Add(time.Minute))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", holder, err, want)
		}
	}
	claim("a", nil)
	claim("b", store.ErrHeld)
	f.clock.advance(59 * time.Second)
	claim("a", nil) // extended
	f.clock.advance(59 * time.Second)
	claim("b", store.ErrHeld)
	f.clock.advance(time.Second)
	claim("b", nil)
	claim("a", store.ErrHeld)
	f.write(t, store.Heartbeat, map[string]any{"lease": nil})
	claim("a", nil)
}

func leasesToOne(t *testing.T, f *fixture) {
	var crowd sync.WaitGroup
	var got atomic.Int32
	for i := range 5 {
		crowd.Go(func() {
			err := f.Claim(t.Context(), store.Heartbeat, "lease", fmt.Sprint(i), f.clock.now().Add(time.Minute))
			if err == nil {
				got.Add(1)
			} else if !errors.Is(err, store.ErrHeld) {
				t.Error(err)
			}
		})
	}
	crowd.Wait()
	equal(t, "holders", got.Load(), int32(1))
}
