package eventsub

import (
	"encoding/json"

	"github.com/sourcestate/sourcestate/shared/twitch"
)

// maxDepth is how deep what we publish may be nested. Readers stop at 10,000
// levels (encoding/json), and the envelope adds a few to what came.
const maxDepth = 1000

func messageTooDeep(m twitch.Message) bool {
	if tooDeep(map[string]any(m.Event), maxDepth) {
		return true
	}
	for _, entry := range m.Events {
		if tooDeep(map[string]any(entry.Data), maxDepth) {
			return true
		}
	}
	return m.Subscription != nil && tooDeep(map[string]any(m.Subscription.Condition), maxDepth)
}

// tooDeep reports whether a decoded JSON value has more than so many levels.
func tooDeep(value any, levels int) bool {
	switch v := value.(type) {
	case string, json.Number, bool, nil:
		return false
	case map[string]any:
		for _, inner := range v {
			if levels == 0 || tooDeep(inner, levels-1) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if levels == 0 || tooDeep(inner, levels-1) {
				return true
			}
		}
	}
	return false
}
