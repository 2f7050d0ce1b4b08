package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
)

// An Object is a JSON object as it came off the wire: maps, slices, strings,
// bools, nil and json.Number, so that nothing is lost between decoding and
// encoding. Its accessors are lenient, because publishers are: they answer the
// zero value for a key that is missing, null or of another type.
type Object map[string]any

var (
	// ErrNotJSON says that a body is no JSON text.
	ErrNotJSON = errors.New("not JSON")
	// ErrNotObject says that a body is JSON, but not an object.
	ErrNotObject = errors.New("not a JSON object")
)

// DecodeObject reads data as one JSON object with nothing behind it. The error
// is ErrNotJSON or ErrNotObject, wrapped.
func DecodeObject(data []byte) (Object, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotJSON, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows the value", ErrNotJSON)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, ErrNotObject
	}
	return object, nil
}

// Has reports whether the key is there, be it with null.
func (o Object) Has(key string) bool {
	_, ok := o[key]
	return ok
}

// Text is the string under key; a number is its digits as they were sent.
func (o Object) Text(key string) string {
	return Text(o[key])
}

// Text is a decoded JSON value as a string: strings as they are, numbers as
// their digits, anything else "".
func Text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// Object is the object under key, or nil.
func (o Object) Object(key string) Object {
	switch v := o[key].(type) {
	case map[string]any:
		return v
	case Object:
		return v
	}
	return nil
}

// List is the list under key, or nil.
func (o Object) List(key string) []any {
	list, _ := o[key].([]any)
	return list
}

// Bool is the boolean under key; ok is false where there is none.
func (o Object) Bool(key string) (value, ok bool) {
	value, ok = o[key].(bool)
	return value, ok
}

// maxCount is the largest integer that every JSON reader holds exactly.
const maxCount = 1<<53 - 1

// Count is the whole number of at least 0 under key; ok is false for anything
// else, text and negative numbers included.
func (o Object) Count(key string) (count int64, ok bool) {
	number, isNumber := o[key].(json.Number)
	if !isNumber {
		return 0, false
	}
	if n, err := strconv.ParseInt(number.String(), 10, 64); err == nil {
		return n, n >= 0 && n <= maxCount
	}
	f, err := number.Float64()
	if err != nil || f < 0 || f > maxCount || f != math.Trunc(f) {
		return 0, false
	}
	return int64(f), true
}

// Time is the instant under key; ok is false where none can be read.
func (o Object) Time(key string) (t time.Time, ok bool) {
	text, isText := o[key].(string)
	if !isText {
		return time.Time{}, false
	}
	t, err := ParseTime(text)
	return t, err == nil
}

// take removes the string (or number) under key and gives it back as text. An
// empty one stays.
func (o Object) take(key string) string {
	text := o.Text(key)
	if text != "" {
		delete(o, key)
	}
	return text
}

// takeList removes the list under key; what is no list stays.
func (o Object) takeList(key string) []any {
	list := o.List(key)
	if list != nil {
		delete(o, key)
	}
	return list
}

// takeObject removes the object under key; what is no object stays.
func (o Object) takeObject(key string) Object {
	object := o.Object(key)
	if object != nil {
		delete(o, key)
	}
	return object
}
