package source

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

const (
	connectorState      = "connectorState"
	metadataViewerCount = "viewerCount"

	maxMetadataKeys  = 32
	maxMetadataKey   = 64  // bytes
	maxMetadataValue = 640 // bytes of JSON
	maxMetadataDepth = 5
)

// readMetadata takes over what a payload says as metadata: null removes a key,
// "state" is the connector's own word, viewerCount is derived and never taken
// over. Keys that a store refuses or that may hold a secret are left out, and
// values are cut to what a small document can hold.
func readMetadata(raw map[string]any) map[string]any {
	metadata := make(map[string]any, len(raw))
	for key, value := range raw {
		if !goodKey(key) || key == metadataViewerCount {
			continue
		}
		if value == nil {
			metadata[key] = nil
			continue
		}
		if clean := cleaned(value, maxMetadataDepth); clean != nil {
			metadata[key] = clean
		}
	}
	if state, ok := metadata["state"]; ok {
		delete(metadata, "state")
		if _, isText := state.(string); isText {
			metadata[connectorState] = state
		}
	}
	return metadata
}

func goodKey(key string) bool {
	lower := strings.ToLower(key)
	return key != "" && len(key) <= maxMetadataKey && !strings.HasPrefix(key, "__") &&
		!strings.Contains(lower, "token") && !strings.Contains(lower, "secret") && !strings.Contains(lower, "password")
}

// cleaned is a decoded JSON value as stores can hold it: without nulls, lists
// directly in lists, deep nesting and long texts; nil if nothing is left.
func cleaned(value any, depth int) any {
	switch v := plain(value).(type) {
	case string:
		return cut(v)
	case []any:
		return cleanedList(v, depth)
	case map[string]any:
		if depth == 0 {
			return nil
		}
		clean := make(map[string]any, len(v))
		for key, inner := range v {
			if goodKey(key) {
				if c := cleaned(inner, depth-1); c != nil {
					clean[key] = c
				}
			}
		}
		if size(clean) > maxMetadataValue {
			return nil
		}
		return clean
	default:
		return v
	}
}

func cleanedList(list []any, depth int) any {
	if depth == 0 {
		return nil
	}
	clean := make([]any, 0, min(len(list), maxMetadataValue))
	room := maxMetadataValue - len("[]")
	for _, inner := range list {
		if _, nested := inner.([]any); nested {
			continue
		}
		c := cleaned(inner, depth-1)
		if c == nil {
			continue
		}
		if room -= size(c) + len(","); room < 0 {
			break
		}
		clean = append(clean, c)
	}
	return clean
}

// cut shortens a text until its JSON fits.
func cut(text string) string {
	text = truncate(text, maxMetadataValue-len(`""`))
	for size(text) > maxMetadataValue {
		text = truncate(text, len(text)*3/4)
	}
	return text
}

func size(value any) int {
	encoded, err := json.Marshal(value)
	if err != nil { // cannot be: the value came from JSON
		return maxMetadataValue + 1
	}
	return len(encoded)
}

// mergeMetadata lets each key be a register of its own. Removed keys keep their
// stamp, lest a late event bring them back. Only the newest keys are kept.
func (m *merging) mergeMetadata(u *Update) bool {
	changed := false
	for key, value := range u.metadata {
		now := u.stamp()
		if at, ok := m.state.Keys[key]; ok && !replaces(now, at, value, m.doc.Metadata[key]) {
			continue
		}
		if m.state.Keys == nil {
			m.state.Keys = make(map[string]stamp)
		}
		if m.doc.Metadata == nil {
			m.doc.Metadata = make(Metadata)
		}
		m.state.Keys[key] = now
		m.doc.Metadata[key] = value
		if value == nil {
			delete(m.doc.Metadata, key)
		}
		changed = true
	}
	if changed {
		m.limitMetadata()
	}
	return changed
}

func (m *merging) limitMetadata() {
	if len(m.state.Keys) <= maxMetadataKeys {
		return
	}
	keys := make([]string, 0, len(m.state.Keys))
	for key := range m.state.Keys {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if order := m.state.Keys[b].compare(m.state.Keys[a]); order != 0 {
			return order
		}
		return strings.Compare(a, b)
	})
	for _, key := range keys[maxMetadataKeys:] {
		delete(m.state.Keys, key)
		delete(m.doc.Metadata, key)
	}
}

// replaces reports whether a value written at now replaces the one written at
// then. Two events of one time and id that disagree are decided by the values,
// so that their order does not matter.
func replaces(now, then stamp, value, current any) bool {
	if order := now.compare(then); order != 0 {
		return order > 0
	}
	if reflect.DeepEqual(value, current) {
		return false
	}
	a, _ := json.Marshal(value)
	b, _ := json.Marshal(current)
	return string(a) > string(b)
}
