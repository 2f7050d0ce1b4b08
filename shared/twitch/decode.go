package twitch

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/sourcestate/sourcestate/shared/event"
)

// decodeObject is event.DecodeObject, more than twice as fast for bodies like
// Twitch's: webhooks are the busiest path of the suite, and encoding/json takes
// two passes and a call a byte. A body that a reader does
// not understand, be it wrong or only unusual, is read by event.DecodeObject, so
// that the reader need not be complete, only right.
func decodeObject(body []byte) (event.Object, error) {
	if utf8.Valid(body) { // else parts of it are to be replaced
		r := reader{text: string(body)}
		if object, ok := r.document(); ok {
			return object, nil
		}
	}
	return event.DecodeObject(body)
}

// A reader reads JSON in one pass. Its strings share the memory of the text.
type reader struct {
	text string
	at   int
}

// maxReaderDepth is where a reader gives up. encoding/json goes deeper.
const maxReaderDepth = 100

// document reads an object with nothing behind it.
func (r *reader) document() (object event.Object, ok bool) {
	if r.space() != '{' {
		return nil, false
	}
	object, ok = r.object(maxReaderDepth)
	return object, ok && r.space() == 0 && r.at == len(r.text)
}

// space skips white space and gives the byte that follows, 0 at the end.
func (r *reader) space() byte {
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (r *reader) value(depth int) (value any, ok bool) {
	switch c := r.space(); {
	case depth == 0:
		return nil, false
	case c == '"':
		return r.boxed(r.string())
	case c == '{':
		object, ok := r.object(depth)
		return object, ok
	case c == '[':
		return r.list(depth)
	case c == '-' || '0' <= c && c <= '9':
		return boxedNumber(r.number())
	case c == 't':
		return true, r.word("true")
	case c == 'f':
		return false, r.word("false")
	case c == 'n':
		return nil, r.word("null")
	}
	return nil, false
}

func (r *reader) boxed(text string, ok bool) (any, bool) { return text, ok }

func boxedNumber(number json.Number, ok bool) (any, bool) { return number, ok }

func (r *reader) word(word string) bool {
	if len(r.text)-r.at < len(word) || r.text[r.at:r.at+len(word)] != word {
		return false
	}
	r.at += len(word)
	return true
}

// object reads an object, at whose brace the reader stands. Of equal names the
// last one counts.
func (r *reader) object(depth int) (map[string]any, bool) {
	object := make(map[string]any)
	ok := r.fields(func(name string) (ok bool) {
		object[name], ok = r.value(depth - 1)
		return ok
	})
	return object, ok
}

// fields goes through an object, at whose brace the reader stands. Read is to
// read the value of each field.
func (r *reader) fields(read func(name string) (ok bool)) bool {
	r.at++
	if r.space() == '}' {
		r.at++
		return true
	}
	for {
		if r.space() != '"' {
			return false
		}
		name, ok := r.string()
		if !ok || r.space() != ':' {
			return false
		}
		r.at++
		if !read(name) {
			return false
		}
		switch r.space() {
		case ',':
			r.at++
		case '}':
			r.at++
			return true
		default:
			return false
		}
	}
}

// skip reads a value that nobody wants.
func (r *reader) skip(depth int) bool {
	switch c := r.space(); {
	case c == '"':
		_, ok := r.string()
		return ok
	case c == '{' && depth > 0:
		return r.fields(func(string) bool { return r.skip(depth - 1) })
	}
	_, ok := r.value(depth)
	return ok
}

// list reads a list, at whose bracket the reader stands.
func (r *reader) list(depth int) (any, bool) {
	r.at++
	list := []any{}
	if r.space() == ']' {
		r.at++
		return list, true
	}
	for {
		value, ok := r.value(depth - 1)
		if !ok {
			return nil, false
		}
		list = append(list, value)
		switch r.space() {
		case ',':
			r.at++
		case ']':
			r.at++
			return list, true
		default:
			return nil, false
		}
	}
}

// string reads a string, at whose quote the reader stands.
func (r *reader) string() (string, bool) {
	begin := r.at + 1
	for i := begin; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.at = i + 1
			return r.text[begin:i], true
		case c == '\\':
			return r.escaped(i)
		case c < ' ':
			return "", false
		}
	}
	return "", false
}

// escaped reads a string that has an escape at i. What that means is for
// encoding/json to say, here is only found where the string ends.
func (r *reader) escaped(i int) (text string, ok bool) {
	for i < len(r.text) && r.text[i] != '"' {
		if r.text[i] == '\\' {
			i++
		}
		i++
	}
	if i >= len(r.text) || json.Unmarshal([]byte(r.text[r.at:i+1]), &text) != nil {
		return "", false
	}
	r.at = i + 1
	return text, true
}

// number reads a number: -? int frac? exp?
func (r *reader) number() (json.Number, bool) {
	begin := r.at
	if r.text[r.at] == '-' {
		r.at++
	}
	switch {
	case r.peek() == '0':
		r.at++
	case !r.digits():
		return "", false
	}
	if r.peek() == '.' {
		r.at++
		if !r.digits() {
			return "", false
		}
	}
	if c := r.peek(); c == 'e' || c == 'E' {
		r.at++
		if c := r.peek(); c == '+' || c == '-' {
			r.at++
		}
		if !r.digits() {
			return "", false
		}
	}
	return json.Number(r.text[begin:r.at]), true
}

func (r *reader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

// digits skips digits and reports whether there were any.
func (r *reader) digits() bool {
	begin := r.at
	for c := r.peek(); '0' <= c && c <= '9'; c = r.peek() {
		r.at++
	}
	return r.at > begin
}
