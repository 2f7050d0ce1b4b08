package source

import (
	"maps"
	"slices"
)

// logs are those of a document's facets. They are most of its bookkeeping, and
// are read and written with each event, so that they are encoded compactly: by
// facet the base and the recent observations, with times as distances.
type logs map[Facet]*log

// MarshalBinary implements encoding.BinaryMarshaler. Equal logs give equal bytes.
func (ls logs) MarshalBinary() ([]byte, error) {
	longest := 0 // the others are about the same events
	for _, l := range ls {
		longest = max(longest, len(l.Base)+len(l.Recent))
	}
	w := logWriter{compactWriter: newCompactWriter(longest)}
	w.number(uint64(len(ls)))
	for _, facet := range slices.Sorted(maps.Keys(ls)) {
		w.text(&w.facet, string(facet))
		w.observations(ls[facet].Base)
		w.observations(ls[facet].Recent)
	}
	return w.encoded(), nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. After an error the logs
// are as they were.
func (ls *logs) UnmarshalBinary(encoded []byte) error {
	const least = 3 // bytes of a log: its facet, and that there is nothing in it
	r := logReader{newCompactReader(encoded)}
	read := make(logs)
	for range r.count(least) {
		facet := Facet(r.text())
		read[facet] = &log{Base: r.observations(), Recent: r.observations()}
	}
	if !r.whole() {
		return errCompact
	}
	*ls = read
	return nil
}

// UnmarshalCBOR implements cbor.Unmarshaler, for what MarshalBinary gave.
func (ls *logs) UnmarshalCBOR(data []byte) error { return unmarshalBytes(data, ls) }

type logWriter struct {
	compactWriter
	// Of each field the place of the last text.
	facet, id, key, value, reason, by, state, instance, kind uint64
}

func (w *logWriter) observations(list []observation) {
	w.number(uint64(len(list)))
	before := int64(0)
	for i := range list {
		o := &list[i]
		w.signed(o.At - before)
		before = o.At
		w.text(&w.id, o.ID)
		w.text(&w.key, o.Key)
		w.text(&w.value, o.Value)
		w.text(&w.reason, o.Reason)
		w.text(&w.by, o.By)
		w.text(&w.state, o.State)
		w.text(&w.instance, o.Instance)
		w.signed(o.Start)
		stated := uint64(0)
		if o.Stated {
			stated = 1
		}
		w.number(stated)
		w.text(&w.kind, o.Type)
	}
}

type logReader struct{ *compactReader }

func (r logReader) observations() []observation {
	const least = 11 // bytes of an observation: one for each field
	n := r.count(least)
	if n == 0 {
		return nil
	}
	const more = 4 // than an event adds
	list := make([]observation, n, n+more)
	before := int64(0)
	for i := range list {
		before += r.signed()
		list[i] = observation{
			At: before, ID: r.text(), Key: r.text(), Value: r.text(), Reason: r.text(), By: r.text(),
			State: r.text(), Instance: r.text(), Start: r.signed(), Stated: r.number() != 0, Type: r.text(),
		}
	}
	return list
}
