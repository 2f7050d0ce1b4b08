package source

import (
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
)

var errCompact = errors.New("bookkeeping of another kind")

// unmarshalBytes reads the bytes that stand in CBOR, and nothing else that may
// stand there: a value that merely implements encoding.BinaryUnmarshaler is
// filled from a map as well, as if that were its fields.
func unmarshalBytes(data []byte, value encoding.BinaryUnmarshaler) error {
	var encoded []byte
	if err := lenient.Unmarshal(data, &encoded); err != nil {
		return fmt.Errorf("%w: %w", errCompact, err)
	}
	return value.UnmarshalBinary(encoded)
}

// A compactWriter writes lists of like things, for bookkeeping: numbers of variable
// length, and each text once, however many things name it.
//
//	encoded = count text* number*
//	text    = length byte*
//
// Where a number stands for a text it is its place in the list from 1, or 0 for
// the empty one.
type compactWriter struct {
	body   []byte
	texts  []string
	places map[string]uint64 // of the texts
}

// newCompactWriter has room for so many things, most of which bring a text.
func newCompactWriter(things int) compactWriter {
	const usual, fields = 16, 12 // texts that they share, and bytes of one
	return compactWriter{
		body:   make([]byte, 0, fields*things+usual),
		texts:  make([]string, 0, things+usual),
		places: make(map[string]uint64, things+usual),
	}
}

func (w *compactWriter) number(n uint64) { w.body = binary.AppendUvarint(w.body, n) }

func (w *compactWriter) signed(n int64) { w.body = binary.AppendVarint(w.body, n) }

// text writes a text of a field of which last is the place before: nearly
// always the text is the same again, or the one that follows it.
func (w *compactWriter) text(last *uint64, text string) {
	switch place := *last; {
	case text == "":
		w.number(0)
		return
	case place > 0 && w.texts[place-1] == text:
	case place < uint64(len(w.texts)) && w.texts[place] == text:
		*last = place + 1
	default:
		*last = w.place(text)
	}
	w.number(*last)
}

func (w *compactWriter) place(text string) uint64 {
	if place, ok := w.places[text]; ok {
		return place
	}
	w.texts = append(w.texts, text)
	place := uint64(len(w.texts))
	w.places[text] = place
	return place
}

func (w *compactWriter) encoded() []byte {
	size := binary.MaxVarintLen64 + len(w.body)
	for _, text := range w.texts {
		size += binary.MaxVarintLen64 + len(text)
	}
	encoded := binary.AppendUvarint(make([]byte, 0, size), uint64(len(w.texts)))
	for _, text := range w.texts {
		encoded = append(binary.AppendUvarint(encoded, uint64(len(text))), text...)
	}
	return append(encoded, w.body...)
}

// A compactReader reads what a compactWriter wrote. After the first thing that
// this cannot have written, it is broken and reads zeros.
type compactReader struct {
	rest   string // the texts are parts of it
	texts  []string
	broken bool
}

func newCompactReader(encoded []byte) *compactReader {
	r := &compactReader{rest: string(encoded)}
	r.texts = make([]string, r.count(1))
	for i := range r.texts {
		length := r.count(1)
		r.texts[i], r.rest = r.rest[:length], r.rest[length:]
	}
	return r
}

// whole reports whether all was read, and nothing else than was written.
func (r *compactReader) whole() bool { return !r.broken && r.rest == "" }

func (r *compactReader) fail() { r.broken, r.rest = true, "" }

func (r *compactReader) number() uint64 {
	var n uint64
	for i := range min(len(r.rest), binary.MaxVarintLen64) {
		b := r.rest[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.rest = r.rest[i+1:]
			return n
		}
	}
	r.fail()
	return 0
}

func (r *compactReader) signed() int64 {
	n := r.number()
	return int64(n>>1) ^ -int64(n&1)
}

// count is a number of things that take at least so many bytes each, and are
// there as far as that tells.
func (r *compactReader) count(least int) int {
	n := r.number()
	if n > uint64(len(r.rest)/least) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *compactReader) text() string {
	switch place := r.number(); {
	case place == 0:
		return ""
	case place > uint64(len(r.texts)):
		r.fail()
		return ""
	default:
		return r.texts[place-1]
	}
}
