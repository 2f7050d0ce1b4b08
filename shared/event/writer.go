package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// A writer appends JSON objects field by field: the envelope is written for
// every webhook, and field order is part of its readability.
type writer struct {
	buf   bytes.Buffer
	first bool     // no field yet in the object that is open
	named []string // the fields of the open part that are not out of its Extra
	err   error
}

func newWriter() *writer {
	w := &writer{named: make([]string, 0, 16)}
	w.buf.Grow(1024)
	return w
}

func (w *writer) open()  { w.buf.WriteByte('{'); w.first = true }
func (w *writer) close() { w.buf.WriteByte('}'); w.first = false }

func (w *writer) key(name string) {
	if !w.first {
		w.buf.WriteByte(',')
	}
	w.first = false
	w.string(name)
	w.buf.WriteByte(':')
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
		w.value(name, value)
	}
}

// part writes a part of the envelope; an empty one only when it was there.
func (w *writer) part(name string, wasThere bool, write func(*writer)) {
	before, first, named := w.buf.Len(), w.first, w.named
	w.key(name)
	w.open()
	w.named = named[len(named):]
	write(w)
	empty := w.first
	w.close()
	w.named = append(named, name)
	if empty && !wasThere {
		w.buf.Truncate(before)
		w.first, w.named = first, named
	}
}

// rest writes the fields of a part's extra. One that is named by the part too
// was of no use there when it was read, so what is named stands in its place.
func (w *writer) rest(extra Object) {
	for _, name := range slices.Sorted(maps.Keys(extra)) {
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
			w.buf.WriteString("true")
		} else {
			w.buf.WriteString("false")
		}
	case nil:
		w.buf.WriteString("null")
	case Object:
		w.fields(v)
	case map[string]any:
		w.fields(v)
	default:
		encoded, err := json.Marshal(v)
		if err != nil && w.err == nil {
			w.err = fmt.Errorf("encoding an event: %w", err)
		}
		w.buf.Write(encoded)
	}
}

// fields writes an object, its fields in the order of their names.
func (w *writer) fields(value Object) {
	w.open()
	for _, name := range slices.Sorted(maps.Keys(value)) {
		w.key(name)
		w.any(value[name])
	}
	w.close()
}

// string writes a quoted string. Nearly all are plain ASCII and need no
// escaping; the others are json.Marshal's work.
func (w *writer) string(value string) {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			encoded, err := json.Marshal(value)
			if err != nil && w.err == nil {
				w.err = fmt.Errorf("encoding an event: %w", err)
			}
			w.buf.Write(encoded)
			return
		}
	}
	w.buf.WriteByte('"')
	w.buf.WriteString(value)
	w.buf.WriteByte('"')
}

func (w *writer) result() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	return w.buf.Bytes(), nil
}
