package connector

import (
	"strings"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// facts are the fields of snapshots that become metadata as they are.
var facts = []string{"guildId", "channelIds", "joinedChannels", "lastMessageAt"}

// read is what an entry says: one snapshot, one more where an EventSub connection
// is nested in it, none where the connector is off and names no source.
func read(name string, o event.Object) []Snapshot {
	s := Snapshot{
		Connector:   name,
		ID:          id(o),
		DisplayName: bounded(o.Text("displayName")),
		State:       bounded(o.Text("state")),
		Counts:      counts(o),
		Instance:    bounded(o.Text("instanceId")),
		Metadata:    make(map[string]any),
	}
	s.Platform, _, _ = strings.Cut(name, "-")
	if s.Platform == "" {
		return nil
	}
	if strings.EqualFold(s.State, "DISABLED") && s.ID == "" {
		return nil
	}
	if s.DisplayName == "" {
		s.DisplayName = bounded(o.Text("identity"))
	}
	s.Status = statusOf(o)
	s.Error = errorOf(o, s.Status)
	for _, fact := range facts {
		if value := o[fact]; value != nil {
			s.Metadata[fact] = value
		}
	}
	for _, channel := range o.List("joinedChannels") {
		s.Joined = append(s.Joined, strings.ToLower(strings.TrimPrefix(event.Text(channel), "#")))
	}
	return append([]Snapshot{s}, nested(s, o)...)
}

// id is the id of the source that a snapshot tells: id, userId or identity, in
// this order.
func id(o event.Object) string {
	for _, name := range []string{"id", "userId", "identity"} {
		if text := o.Text(name); text != "" {
			return text
		}
	}
	return ""
}

// statusOf maps the state by facts/bus.md section 5.3. Missing is not bad.
func statusOf(o event.Object) string {
	switch strings.ToUpper(o.Text("state")) {
	case source.Connected:
		if started, ok := o.Bool("started"); ok && !started {
			return source.Disconnected
		}
		return source.Connected
	case source.Error:
		return source.Error
	case source.Disconnected, "CONNECTING", "RECONNECTING", "DISABLED":
		return source.Disconnected
	}
	return ""
}

// errorOf reads lastError. Where it is absent, a connector that is connected has
// none, and of another nothing is known (design section 5, rule 5).
func errorOf(o event.Object, status string) *Error {
	value, said := o["lastError"]
	switch v := value.(type) {
	case string:
		if v != "" {
			return &Error{Message: v}
		}
	case map[string]any:
		details := event.Object(v)
		e := Error{Code: details.Text("code"), Message: details.Text("message")}
		if e.Code != "" || e.Message != "" {
			return &e
		}
	case nil:
		if said || status == source.Connected {
			return &Error{None: true}
		}
	}
	return nil
}

// documentNames are the document's names of what connectors count under their
// own (facts/bus.md section 5.4).
var documentNames = map[string]string{"received": "messagesIn", "failed": "errors", "sent": "messagesOut"}

const maxCounters = 16

// counts reads the counters, wherever they stand. What is no count is left out,
// and so is a connector's own name where the document's is there, too.
func counts(o event.Object) map[string]int64 {
	found := make(map[string]int64)
	for _, home := range []event.Object{o.Object("counters"), o.Object("metrics")} {
		for name := range home {
			count, ok := home.Count(name)
			if !ok || name == "" || len(name) > 64 || len(found) >= maxCounters {
				continue
			}
			if document, mapped := documentNames[name]; mapped {
				if _, has := home.Count(document); !has {
					found[document] = count
				}
				continue
			}
			found[name] = count
		}
	}
	if _, has := found["reconnects"]; !has {
		if count, ok := o.Count("reconnects"); ok {
			found["reconnects"] = count
		}
	}
	return found
}

// nested is the EventSub connection in a snapshot: a connector of its own, of the
// same source.
func nested(outer Snapshot, o event.Object) []Snapshot {
	inner := o.Object("eventSub")
	if enabled, _ := inner.Bool("enabled"); !enabled {
		return nil
	}
	s := Snapshot{
		Connector: outer.Connector + "-eventsub", Platform: outer.Platform, ID: outer.ID,
		DisplayName: outer.DisplayName, State: bounded(inner.Text("state")), Instance: outer.Instance,
		Counts: counts(inner), Metadata: make(map[string]any),
	}
	s.Status = statusOf(inner)
	s.Error = errorOf(inner, s.Status)
	return []Snapshot{s}
}
