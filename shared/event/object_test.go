package event_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/event"
)

func TestDecodeObjectRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", event.ErrNotJSON},
		{"blanks", " \n", event.ErrNotJSON},
		{"words", "event=1", event.ErrNotJSON},
		{"an object that is cut off", `{"a":{"b":1}`, event.ErrNotJSON},
		{"a second object", `{}{}`, event.ErrNotJSON},
		{"a brace behind it", `{}}`, event.ErrNotJSON},
		{"a word behind it", `{} x`, event.ErrNotJSON},
		{"no UTF-8", "\xff\xfe", event.ErrNotJSON},
		{"a byte order mark", "\ufeff{}", event.ErrNotJSON},
		{"a key without quotes", `{a:1}`, event.ErrNotJSON},
		{"a number that is none", `{"a":01}`, event.ErrNotJSON},
		{"20,000 levels", strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000), event.ErrNotJSON},
		{"null", "null", event.ErrNotObject},
		{"a list", `[{}]`, event.ErrNotObject},
		{"a text", `"{}"`, event.ErrNotObject},
		{"a number", "1", event.ErrNotObject},
		{"true", "true", event.ErrNotObject},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := event.DecodeObject([]byte(tt.text)); !errors.Is(err, tt.want) {
				t.Errorf("error = %v, want %v", err, tt.want)
			}
			if _, err := event.Decode([]byte(tt.text)); !errors.Is(err, tt.want) {
				t.Errorf("Decode: error = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestDecodeObjectKeepsNumbersAsSent(t *testing.T) {
	t.Parallel()
	got := object(t, ` {"big":13370000000000000001,"tiny":1e-400,"zero":-0.0,"last":1,"last":2} `)
	want := event.Object{
		"big": json.Number("13370000000000000001"), "tiny": json.Number("1e-400"),
		"zero": json.Number("-0.0"), "last": json.Number("2"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// answers is what each accessor says of one value.
type answers struct {
	Text   string
	Object event.Object
	List   []any
	Bool   [2]bool // value, ok
	Count  int64   // -1: none
	Time   string  // "": none
}

func TestAccessorsAreLenient(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, value string
		want        answers
	}{
		{"text", `"x"`, answers{Text: "x", Count: -1}},
		{"a number as text", `"12"`, answers{Text: "12", Count: -1}},
		{"true as text", `"true"`, answers{Text: "true", Count: -1}},
		{"an instant", `"2026-05-01T14:00:00+02:00"`,
			answers{Text: "2026-05-01T14:00:00+02:00", Count: -1, Time: "2026-05-01T12:00:00.000Z"}},
		{"a whole number", `12`, answers{Text: "12", Count: 12}},
		{"zero", `0`, answers{Text: "0", Count: 0}},
		{"a whole number with a fraction of zero", `3.0`, answers{Text: "3.0", Count: 3}},
		{"a whole number with an exponent", `1e2`, answers{Text: "1e2", Count: 100}},
		{"a fraction", `1.5`, answers{Text: "1.5", Count: -1}},
		{"a negative number", `-1`, answers{Text: "-1", Count: -1}},
		{"the largest count", `9007199254740991`, answers{Text: "9007199254740991", Count: 1<<53 - 1}},
		{"one more", `9007199254740992`, answers{Text: "9007199254740992", Count: -1}},
		{"beyond 64 bits", `99999999999999999999`, answers{Text: "99999999999999999999", Count: -1}},
		{"beyond any float", `1e400`, answers{Text: "1e400", Count: -1}},
		{"seconds since the epoch are no instant", `1777636800`, answers{Text: "1777636800", Count: 1777636800}},
		{"true", `true`, answers{Bool: [2]bool{true, true}, Count: -1}},
		{"false", `false`, answers{Bool: [2]bool{false, true}, Count: -1}},
		{"null", `null`, answers{Count: -1}},
		{"a list", `["x"]`, answers{List: []any{"x"}, Count: -1}},
		{"an object", `{"x":"y"}`, answers{Object: event.Object{"x": "y"}, Count: -1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := object(t, `{"key":`+tt.value+`}`)
			if diff := cmp.Diff(tt.want, ask(o, "key")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !o.Has("key") {
				t.Error("the key is not there")
			}
		})
	}
	t.Run("a missing key", func(t *testing.T) {
		t.Parallel()
		for _, o := range []event.Object{nil, {}} {
			if diff := cmp.Diff(answers{Count: -1}, ask(o, "key")); diff != "" || o.Has("key") {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	})
	t.Run("an object made in Go", func(t *testing.T) {
		t.Parallel()
		o := event.Object{"key": event.Object{"x": "y"}}
		if diff := cmp.Diff(event.Object{"x": "y"}, o.Object("key")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func ask(o event.Object, key string) answers {
	a := answers{Text: o.Text(key), Object: o.Object(key), List: o.List(key), Count: -1}
	a.Bool[0], a.Bool[1] = o.Bool(key)
	if count, ok := o.Count(key); ok {
		a.Count = count
	}
	if at, ok := o.Time(key); ok {
		a.Time = event.FormatTime(at)
	}
	return a
}

func object(t testing.TB, text string) event.Object {
	t.Helper()
	o, err := event.DecodeObject([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}
