package source

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
)

// A Facet is a field of the document whose changes are kept as history and
// published as transitions. It is named as the field.
type Facet string

// The facets.
const (
	FacetStatus       Facet = "status"
	FacetStreamStatus Facet = "streamStatus"
	FacetAuthStatus   Facet = "authStatus"
	FacetPermissions  Facet = "permissions"
)

// A Value is the value of a facet: a state's name, or for permissions the roles
// in order, joined by commas. The empty Value of permissions means known and
// none; unknown is a nil *Value.
type Value string

// A Change is one step of a facet, caused by one event: an entry of the history,
// and a transition when the current value took that step.
type Change struct {
	Facet   Facet
	From    *Value // nil: unknown before
	To      Value
	At      Time   // event time, not processing time
	EventID string // of the event that caused it
	Reason  string // e.g. an error code, or "poll"; may be empty
	By      string // the function or service that said so
}

// HistoryLifetime is how long an entry of the history is kept after its event
// time.
const HistoryLifetime = 400 * 24 * time.Hour

// ExpireAt is when a store may drop the entry from the history.
func (c Change) ExpireAt() time.Time { return c.At.Add(HistoryLifetime) }

// Key names the change within the history of its source. Keys sort as the merge
// orders events: by event time, then by event id.
func (c Change) Key() string {
	return event.FormatTime(c.At.Time) + "~" + Escape(c.EventID) + "~" + string(c.Facet)
}

// changeJSON is a Change as readers see it.
type changeJSON struct {
	Facet   Facet  `json:"facet"`
	From    any    `json:"from,omitempty"`
	To      any    `json:"to"`
	At      Time   `json:"at"`
	EventID string `json:"eventId"`
	Reason  string `json:"reason,omitempty"`
	By      string `json:"by,omitempty"`
}

// MarshalJSON writes permissions as lists, like the field of the document.
func (c Change) MarshalJSON() ([]byte, error) {
	out := changeJSON{
		Facet: c.Facet, To: c.Facet.JSON(c.To), At: c.At,
		EventID: c.EventID, Reason: c.Reason, By: c.By,
	}
	if c.From != nil {
		out.From = c.Facet.JSON(*c.From)
	}
	return json.Marshal(out)
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (c *Change) UnmarshalJSON(data []byte) error {
	var in changeJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*c = Change{Facet: in.Facet, At: in.At, EventID: in.EventID, Reason: in.Reason, By: in.By, To: internal(in.To)}
	if in.From != nil {
		from := internal(in.From)
		c.From = &from
	}
	return nil
}

// JSON is a value of the facet as readers see it: a string, or the list of roles.
func (f Facet) JSON(v Value) any {
	if f != FacetPermissions {
		return string(v)
	}
	return v.roles()
}

func (v Value) roles() []string {
	if v == "" {
		return []string{}
	}
	return strings.Split(string(v), ",")
}

func permissionsValue(roles []string) Value { return Value(strings.Join(roles, ",")) }

func internal(external any) Value {
	switch v := external.(type) {
	case string:
		return Value(v)
	case []any:
		roles := make([]string, len(v))
		for i := range v {
			roles[i] = event.Text(v[i])
		}
		return permissionsValue(roles)
	}
	return ""
}

// A Result is what a merge found.
type Result struct {
	// Document is the state after the merge; nil if the source has none and
	// gets none. It equals the state before when Changed is false.
	Document *Document
	// Changed says that Document must be stored, and what follows with it.
	Changed bool
	// History holds, by Change.Key, what the history must hold from now on; nil
	// removes the entry. A late event may add, move and remove entries.
	History map[string]*Change
	// Sessions and Hours are those that changed, by key and by name.
	Sessions map[string]*Session
	Hours    map[string]*Hour
	// Transitions are the changes of current values that this event caused, be
	// it now or when it was merged before: a redelivery finds them again, so that
	// a crash between storing and publishing loses none.
	Transitions []Change
}
