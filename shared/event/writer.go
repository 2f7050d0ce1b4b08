package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

// A writer appends JSON objects field by field: the envelope is written for
// every webhook, and field order is part of its readability.
type writer struct {
	buf   []byte
	first bool     // no field yet in the object that is open
	named []string // the fields of the open part that are not out of its Extra
	err   error
}

// writers are kept for their memory.
var writers = sync.Pool{New: func() any {
	const usual = 2 << 10
	return &writer{buf: make([]byte, 0, usual), named: make([]string, 0, 16)}
}}

func newWriter() *writer { return writers.Get().(*writer) }

func (w *writer) open()  { w.buf = append(w.buf, '{'); w.first = true }
func (w *writer) close() { w.buf = append(w.buf, '}'); w.first = false }

func (w *writer) key(name string) {
	if !w.first {
		w.buf = append(w.buf, ',')
	}
	w.first = false
	w.string(name)
	w.buf = append(w.buf, ':')
}

// text writes a string field, unless it is empty.
func (w *writer) text(name, value string) {
	if value == "" {
		return
	}
	w.named = append(w.named, name)
	w.key(name)
	w.string(value)
}

// value writes any field.
func (w *writer) value(name string, value any) {
	w.named = append(w.named, name)
	w.key(name)
	w.any(value)
}

// object writes an object field, unless it is nil.
func (w *writer) object(name string, value Object) {
	if value != nil {
		w.named = append(w.named, name)
		w.key(name)
		w.fields(value)
	}
}

// list writes a list field, unless it is nil.
func (w *writer) list(name string, value []any) {
	if value != nil {
		w.named = append(w.named, name)
		w.key(name)
		w.items(value)
	}
}

// part writes a part of the envelope; an empty one only when it was there.
func (w *writer) part(name string, wasThere bool, write func(*writer)) {
	before, first, named := len(w.buf), w.first, w.named
	w.key(name)
	w.open()
	w.named = named[len(named):]
	write(w)
	empty := w.first
	w.close()
	w.named = append(named, name)
	if empty && !wasThere {
		w.buf = w.buf[:before]
		w.first, w.named = first, named
	}
}

// rest writes the fields of a part's extra. One that is named by the part too
// was of no use there when it was read, so what is named stands in its place.
func (w *writer) rest(extra Object) {
	if len(extra) == 0 {
		return // nearly always
	}
	var room [usualFields]string
	for _, name := range sortedNames(room[:0], extra) {
		if !slices.Contains(w.named, name) {
			w.key(name)
			w.any(extra[name])
		}
	}
}

func (w *writer) any(value any) {
	switch v := value.(type) {
	case string:
		w.string(v)
	case bool:
		if v {
			w.buf = append(w.buf, "true"...)
		} else {
			w.buf = append(w.buf, "false"...)
		}
	case nil:
		w.buf = append(w.buf, "null"...)
	case Object:
		w.fields(v)
	case map[string]any:
		w.fields(v)
	case []any:
		w.items(v)
	default:
		w.encoded(v)
	}
}

// fields writes an object, its fields in the order of their names.
func (w *writer) fields(value Object) {
	var room [usualFields]string
	w.open()
	for _, name := range sortedNames(room[:0], value) {
		w.key(name)
		w.any(value[name])
	}
	w.close()
}

// items writes a list.
func (w *writer) items(list []any) {
	w.buf = append(w.buf, '[')
	for i, item := range list {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.any(item)
	}
	w.buf = append(w.buf, ']')
}

// usualFields is how many fields need no memory of their own to be sorted.
const usualFields = 16

// sortedNames appends the names of an object in order.
func sortedNames(names []string, o Object) []string {
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// string writes a quoted string. Nearly all are plain ASCII and need no
// escaping; the others are json.Marshal's work.
func (w *writer) string(value string) {
	for i := range len(value) {
		if !plain[value[i]] {
			w.encoded(value)
			return
		}
	}
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, value...)
	w.buf = append(w.buf, '"')
}

// plain are the bytes that json.Marshal writes as they are.
var plain = func() (table [256]bool) {
	for c := ' '; c <= '~'; c++ {
		switch c {
		case '"', '\\', '<', '>', '&':
		default:
			table[c] = true
		}
	}
	return table
}()

func (w *writer) encoded(value any) {
	encoded, err := json.Marshal(value)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("encoding an event: %w", err)
	}
	w.buf = append(w.buf, encoded...)
}

// result is what was written. It ends the use of the writer.
func (w *writer) result() ([]byte, error) {
	written, err := bytes.Clone(w.buf), w.err
	const large = 64 << 10 // to be kept for one that comes but rarely
	if cap(w.buf) <= large {
		*w = writer{buf: w.buf[:0], named: w.named[:0]}
		writers.Put(w)
	}
	if err != nil {
		return nil, err
	}
	return written, nil
}
