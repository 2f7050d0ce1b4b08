package connector

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sourcestate/sourcestate/shared/event"
)

// What one answer may hold.
const (
	maxSnapshots = 1000
	maxText      = 200  // bytes of a name or a word
	maxMessage   = 1000 // bytes of an error's message
	maxListed    = 100  // entries of a list
	maxCounters  = 16
)

// Parse reads an answer with its HTTP status: all snapshots in it, sorted by the
// names of their connectors. Name is that of the target, for an answer that is a
// bare snapshot; where it is empty, as it may be of a pushed one, the snapshot must
// name its connector itself. The error is a *Finding.
func Parse(name string, status int, body []byte) ([]Snapshot, error) {
	root, err := event.DecodeObject(body)
	if status < 200 || status > 299 {
		return nil, refusal(status, root)
	}
	if err != nil {
		return nil, unreadable("%w", err)
	}
	entries, err := unwrap(name, root)
	if err != nil {
		if root.Has("error") {
			return nil, refusal(status, root)
		}
		return nil, err
	}
	if len(entries) > maxSnapshots {
		return nil, unreadable("more than %d connectors", maxSnapshots)
	}
	instance := bounded(root.Text("instanceId"), maxText)
	var snapshots []Snapshot
	for connector, entry := range entries {
		s, ok := read(connector, entry)
		if !ok {
			continue
		}
		s.Instance = cmp.Or(s.Instance, instance)
		snapshots = append(snapshots, s)
		// A connector that is listed itself knows better than what holds it.
		if inner, ok := nested(s, entry); ok && entries[inner.Connector] == nil {
			snapshots = append(snapshots, inner)
		}
	}
	slices.SortFunc(snapshots, func(a, b Snapshot) int { return strings.Compare(a.Connector, b.Connector) })
	return snapshots, nil
}

// refusal is the finding in an answer that is none: the connector's own word
// where it has one.
func refusal(status int, root event.Object) *Finding {
	word := root.Text("error")
	if plain(word) {
		return &Finding{Reason: word, Answered: true, Err: errors.New("answered " + strconv.Itoa(status))}
	}
	switch {
	case status >= 200 && status <= 299:
		word = reasonUnreadable
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		word = reasonUnauthorized
	default:
		word = reasonHTTP + strconv.Itoa(status)
	}
	return &Finding{Reason: word, Answered: true}
}

// plain reports whether a text is a short word as reasons are.
func plain(word string) bool {
	return word != "" && len(word) <= 64 && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// unwrap finds the snapshots of an answer by the names of their connectors.
func unwrap(name string, root event.Object) (map[string]event.Object, error) {
	if connectors := root.Object("connectors"); connectors != nil {
		return objects(connectors), nil
	}
	snapshot := root.Object("snapshot")
	if snapshot == nil && isSnapshot(root) {
		snapshot = root
	}
	if snapshot != nil {
		if name = cmp.Or(name, snapshot.Text("connector")); name == "" {
			return nil, unreadable("a snapshot that names no connector")
		}
		return map[string]event.Object{name: snapshot}, nil
	}
	// The manager's own map: nothing but snapshots.
	entries := objects(root)
	for _, entry := range entries {
		if !isSnapshot(entry) {
			return nil, unreadable("no snapshot in any shape")
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
	for _, name := range []string{"state", "counters", "metrics", "started", "lastError"} {
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
	return bounded(root.Text("instanceId"), maxText)
}

// bounded cuts a text to so many bytes, between characters.
func bounded(text string, limit int) string {
	if len(text) > limit {
		return strings.ToValidUTF8(text[:limit], "")
	}
	return text
}
