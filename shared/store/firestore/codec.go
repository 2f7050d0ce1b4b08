package firestore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// What JSON can say and Firestore refuses is written so that decode finds it
// again: a field name that Firestore refuses (empty, or "__...__") gets a "%" in
// front, and a list directly within a list, or a value nested too deeply, becomes
// {"%json": "its JSON"}. A name that is too long is dropped.
const (
	escape  = "%"
	wrapper = "json" // after the escape
	// maxDepth is below Firestore's limit of 20 levels of maps and lists.
	maxDepth = 16
)

// encode is the JSON of a value as Firestore fields. Numbers are int64 where
// they are whole, else float64; timestamps stay the strings that they are.
func encode(value any) (map[string]any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encoding for Firestore: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		return nil, fmt.Errorf("encoding for Firestore: %w", err)
	}
	fields, err = fitFields(fields, 1)
	if err != nil {
		return nil, fmt.Errorf("encoding for Firestore: %w", err)
	}
	return fields, nil
}

// decode is the inverse of encode: it reads fields as JSON into a value. What
// another writer stored as a Firestore timestamp is read as its ISO string.
func decode(fields map[string]any, into any) error {
	text, err := json.Marshal(restored(fields))
	if err != nil {
		return fmt.Errorf("decoding from Firestore: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("decoding from Firestore: %w", err)
	}
	return nil
}

// bookkeeping is the field of what a merge must remember: bytes, the most of a
// document. They pass by the JSON, which would make a text of them.
const (
	bookkeeping      = "_merge"
	bookkeepingState = "state"
)

// encodeKept is encode of a value without its bookkeeping, and with it.
func encodeKept(public any, kept *source.Bookkeeping) (map[string]any, error) {
	fields, err := encode(public)
	if err == nil && kept != nil {
		fields[bookkeeping] = map[string]any{bookkeepingState: kept.State}
	}
	return fields, err
}

// decodeKept is the inverse of encodeKept, and decode for what has no bookkeeping.
func decodeKept(fields map[string]any, into any) error {
	var place **source.Bookkeeping
	switch v := into.(type) {
	case *source.Document:
		place = &v.Bookkeeping
	case *source.Session:
		place = &v.Bookkeeping
	case *source.Hour:
		place = &v.Bookkeeping
	default:
		return decode(fields, into)
	}
	public := maps.Clone(fields)
	delete(public, bookkeeping)
	if err := decode(public, into); err != nil {
		return err
	}
	kept, _ := fields[bookkeeping].(map[string]any)
	if state, ok := kept[bookkeepingState].([]byte); ok {
		*place = &source.Bookkeeping{State: state}
	}
	return nil
}

func fitFields(fields map[string]any, depth int) (map[string]any, error) {
	fitted := make(map[string]any, len(fields))
	for name, value := range fields {
		name = escaped(name)
		if !store.ValidName(name) {
			continue
		}
		value, err := fit(value, depth)
		if err != nil {
			return nil, err
		}
		fitted[name] = value
	}
	return fitted, nil
}

func fit(value any, depth int) (any, error) {
	switch v := value.(type) {
	case json.Number:
		if whole, err := v.Int64(); err == nil {
			return whole, nil
		}
		return v.Float64()
	case map[string]any:
		if depth >= maxDepth {
			return wrap(v)
		}
		return fitFields(v, depth+1)
	case []any:
		if depth >= maxDepth {
			return wrap(v)
		}
		for i, element := range v {
			var err error
			if list, ok := element.([]any); ok {
				v[i], err = wrap(list)
			} else {
				v[i], err = fit(element, depth+1)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

func wrap(value any) (any, error) {
	text, err := json.Marshal(value)
	return map[string]any{escape + wrapper: string(text)}, err
}

// restored undoes fit, but for the numbers, which JSON writes alike.
func restored(value any) any {
	switch v := value.(type) {
	case map[string]any:
		if text, ok := v[escape+wrapper].(string); ok && len(v) == 1 && json.Valid([]byte(text)) {
			return json.RawMessage(text)
		}
		original := make(map[string]any, len(v))
		for name, element := range v {
			original[unescaped(name)] = restored(element)
		}
		return original
	case []any:
		original := make([]any, len(v))
		for i := range v {
			original[i] = restored(v[i])
		}
		return original
	}
	return value
}

func escaped(name string) string {
	if special(name) {
		return escape + name
	}
	return name
}

func unescaped(name string) string {
	if strings.HasPrefix(name, escape) && special(name) {
		return name[len(escape):]
	}
	return name
}

// special reports whether a name, apart from the escapes in front of it, is one
// that Firestore refuses, or is escaped and the name of the wrapper.
func special(name string) bool {
	bare := strings.TrimLeft(name, escape)
	return !store.ValidName(bare) || bare == wrapper && bare != name
}
