// Package trace carries a W3C trace context from the request through the
// context to the bus and into the log, so that one webhook can be followed
// through all functions. It makes no spans of its own. What cannot be read is
// no trace: a wrong one would join what does not belong together.
package trace

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
)

const (
	headerTraceparent = "Traceparent"
	// headerGoogle is what Google's load balancers set, older than the standard:
	// TRACE/SPAN;o=SAMPLED, the span a decimal number.
	headerGoogle = "X-Cloud-Trace-Context"
)

// The places of version-trace-parent-flags, e.g.
// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.
const (
	traceFrom, traceTo   = 3, 35
	parentFrom, parentTo = 36, 52
	flagsFrom, flagsTo   = 53, 55
)

// sampled is the only flag of version 00 that later versions share.
const sampled = 0x01

type contextKey struct{}

// FromRequest is the context of r with the trace that its headers name:
// traceparent, else X-Cloud-Trace-Context converted. Without a readable one it
// is the context of r as it is.
func FromRequest(r *http.Request) context.Context {
	ctx := r.Context()
	// More than one traceparent is none (the standard, section 3.2).
	if values := r.Header.Values(headerTraceparent); len(values) == 1 {
		if parent, ok := parse(values[0]); ok {
			return context.WithValue(ctx, contextKey{}, parent)
		}
	}
	if parent, ok := parseGoogle(r.Header.Get(headerGoogle)); ok {
		return context.WithValue(ctx, contextKey{}, parent)
	}
	return ctx
}

// With is ctx with the trace that traceparent (of a bus message, say) names, or
// ctx as it is when that cannot be read.
func With(ctx context.Context, traceparent string) context.Context {
	parent, ok := parse(traceparent)
	if !ok {
		return ctx
	}
	return context.WithValue(ctx, contextKey{}, parent)
}

// Parent is the trace of ctx as a traceparent of version 00, "" where there is
// none.
func Parent(ctx context.Context) string {
	parent, _ := ctx.Value(contextKey{}).(string)
	return parent
}

// ID is the trace id of ctx, 32 lower-case hexadecimal digits, "" where there is
// no trace.
func ID(ctx context.Context) string {
	parent := Parent(ctx)
	if parent == "" {
		return ""
	}
	return parent[traceFrom:traceTo]
}

// parse reads a traceparent and writes it in version 00. A later version may
// have more at its end, and flags that mean nothing here.
func parse(text string) (parent string, ok bool) {
	if len(text) < flagsTo || text[traceFrom-1] != '-' || text[parentFrom-1] != '-' || text[flagsFrom-1] != '-' {
		return "", false
	}
	version, trace := text[:traceFrom-1], text[traceFrom:traceTo]
	span, flags := text[parentFrom:parentTo], text[flagsFrom:flagsTo]
	if !isHex(version) || version == "ff" || !isID(trace) || !isID(span) || !isHex(flags) {
		return "", false
	}
	rest := text[flagsTo:]
	switch {
	case version == "00":
		return text, rest == ""
	case rest != "" && rest[0] != '-':
		return "", false
	}
	bits, err := strconv.ParseUint(flags, 16, 8)
	if err != nil {
		return "", false
	}
	return format(trace, span, bits&sampled != 0), true
}

// parseGoogle reads an X-Cloud-Trace-Context. Without a span there is nothing
// to be the child of.
func parseGoogle(text string) (parent string, ok bool) {
	text, option, _ := strings.Cut(text, ";")
	trace, number, _ := strings.Cut(text, "/")
	if len(trace) != traceTo-traceFrom || !isID(trace) {
		return "", false
	}
	span, err := strconv.ParseUint(number, 10, 64)
	if err != nil || span == 0 {
		return "", false
	}
	id := hex.EncodeToString(binary.BigEndian.AppendUint64(nil, span))
	switch option {
	case "o=1", "o=3": // 3: sampled because somebody asked for it
		return format(trace, id, true), true
	case "", "o=0", "o=2":
		return format(trace, id, false), true
	}
	return "", false
}

func format(trace, span string, isSampled bool) string {
	flags := "00"
	if isSampled {
		flags = "01"
	}
	return "00-" + trace + "-" + span + "-" + flags
}

// isID reports whether text is an id: hexadecimal and not zero.
func isID(text string) bool {
	return isHex(text) && strings.Trim(text, "0") != ""
}

func isHex(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
