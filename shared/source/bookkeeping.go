package source

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Bookkeeping is what the merge must remember to stay independent of the order
// of deliveries. It is opaque bytes, because a store would index every field of a
// map, and readers ignore it. They are CBOR, with the lists that grow in an
// encoding of their own: read and written with each event, they would be most of
// what an event costs as JSON.
type Bookkeeping struct {
	State []byte `json:"state"`
}

var (
	// deterministic gives the same bytes for the same state.
	deterministic, errDeterministic = cbor.CoreDetEncOptions().EncMode()
	// lenient takes back every text that was written.
	lenient, errLenient = cbor.DecOptions{UTF8: cbor.UTF8DecodeInvalid}.DecMode()
)

func newBookkeeping(state any) (*Bookkeeping, error) {
	if errDeterministic != nil {
		return nil, errDeterministic
	}
	encoded, err := deterministic.Marshal(state)
	if err != nil {
		return nil, fmt.Errorf("encoding the bookkeeping: %w", err)
	}
	return &Bookkeeping{State: encoded}, nil
}

// load reads the bookkeeping into a state; false if there is none that can be
// read, after which the state may hold a part of it.
func (b *Bookkeeping) load(state any) bool {
	return b != nil && errLenient == nil && lenient.Unmarshal(b.State, state) == nil
}
