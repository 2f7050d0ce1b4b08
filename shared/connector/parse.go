package connector

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sourcestate/sourcestate/shared/event"
)

// maxSnapshots bounds what one answer may hold.
const maxSnapshots = 1000

// Parse reads an answer with its HTTP status: all snapshots in it, in the order
// of their connectors' names. Name is that of the target, for an answer that is a
// bare snapshot. The error is a *Finding.
func Parse(name string, status int, body []byte) ([]Snapshot, error) {
	root, err := event.DecodeObject(body)
	if status < 200 || status > 299 {
		return nil, refusal(status, root)
	}
	if err != nil {
		return nil, unreadable("%w", err)
	}
	if root.Has("error") && !isSnapshot(root) {
		return nil, refusal(status, root)
	}
	entries, err := unwrap(name, root)
	if err != nil {
		return nil, err
	}
	if len(entries) > maxSnapshots {
		return nil, unreadable("more than %d connectors", maxSnapshots)
	}
	var snapshots []Snapshot
	for _, connector := range slices.Sorted(maps.Keys(entries)) {
		snapshots = append(snapshots, read(connector, entries[connector])...)
	}
	return snapshots, nil
}

// refusal is the finding in an answer that is none: the connector's own word
// where it has one.
func refusal(status int, root event.Object) *Finding {
	word := root.Text("error")
	plain := word != "" && len(word) <= 64 && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
	if !plain {
		word = reasonHTTP + strconv.Itoa(status)
		if status >= 200 && status <= 299 {
			word = reasonUnreadable
		}
		return &Finding{Reason: word, Answered: true}
	}
	return &Finding{Reason: word, Answered: true, Err: errors.New("answered " + strconv.Itoa(status))}
}

// unwrap finds the snapshots of an answer by the names of their connectors.
func unwrap(name string, root event.Object) (map[string]event.Object, error) {
	if connectors := root.Object("connectors"); connectors != nil {
		return objects(connectors), nil
	}
	if snapshot := root.Object("snapshot"); snapshot != nil {
		return map[string]event.Object{name: snapshot}, nil
	}
	if isSnapshot(root) {
		return map[string]event.Object{name: root}, nil
	}
	// The manager's own map: nothing but snapshots.
	entries := objects(root)
	for _, entry := range entries {
		if !isSnapshot(entry) {
			entries = nil
			break
		}
	}
	if len(entries) == 0 || len(entries) != len(root) {
		return nil, unreadable("no snapshot in any shape")
	}
	return entries, nil
}

// isSnapshot reports whether an object looks like a snapshot. What stands at
// other addresses (instance, health, eventsub) has none of these.
func isSnapshot(o event.Object) bool {
	for _, name := range []string{"state", "counters", "started", "lastError"} {
		if o.Has(name) {
			return true
		}
	}
	return false
}

// objects are the values that are objects.
func objects(o event.Object) map[string]event.Object {
	found := make(map[string]event.Object, len(o))
	for name := range o {
		if value := o.Object(name); value != nil {
			found[name] = value
		}
	}
	return found
}

// instanceOf is the instance that an answer of /_debug/instance names.
func instanceOf(body []byte) string {
	root, err := event.DecodeObject(body)
	if err != nil {
		return ""
	}
	return bounded(root.Text("instanceId"))
}

func bounded(text string) string {
	const limit = 200
	if len(text) > limit {
		return strings.ToValidUTF8(text[:limit], "")
	}
	return text
}
