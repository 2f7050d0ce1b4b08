package connector

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// read is what an entry says; ok is false where the connector is off and names no
// source, or where nothing could be named like it.
func read(name string, o event.Object) (s Snapshot, ok bool) {
	platform, _, _ := strings.Cut(name, "-")
	if key, err := source.ParseKey(platform + ":" + name); err != nil || key.Platform != platform || !utf8.ValidString(name) {
		return Snapshot{}, false
	}
	s = Snapshot{
		Connector:   name,
		Platform:    platform,
		ID:          id(platform, o),
		DisplayName: bounded(o.Text("displayName"), maxText),
		State:       bounded(o.Text("state"), maxText),
		Status:      statusOf(o),
		Counts:      counts(o),
		Instance:    bounded(o.Text("instanceId"), maxText),
		Joined:      joined(o),
		Metadata:    metadata(o),
	}
	if strings.EqualFold(s.State, "DISABLED") && s.ID == "" {
		return Snapshot{}, false
	}
	if s.DisplayName == "" {
		s.DisplayName = bounded(o.Text("identity"), maxText)
	}
	s.Error = errorOf(o, s.Status)
	if at, ok := o.Time("lastMessageAt"); ok {
		s.LastMessageAt = at
	}
	return s, true
}

// id is the id of the source that a snapshot tells: id, userId or identity, in
// this order, the first that can be one (design section 5, rule 4).
func id(platform string, o event.Object) string {
	for _, name := range []string{"id", "userId", "identity"} {
		text := o.Text(name)
		if _, err := source.ParseKey(platform + ":" + text); err == nil {
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

// errorOf reads lastError. Where it is absent or empty, a connector that is
// connected has none, and of another nothing is known (design section 5, rule 5).
func errorOf(o event.Object, status string) *Error {
	value, said := o["lastError"]
	e := Error{Message: bounded(event.Text(value), maxMessage)}
	if details := o.Object("lastError"); details != nil {
		e.Code = bounded(details.Text("code"), maxText)
		e.Message = bounded(details.Text("message"), maxMessage)
	}
	switch {
	case e.Code != "" || e.Message != "":
		return &e
	case said && value == nil, status == source.Connected:
		return &Error{None: true}
	}
	return nil
}

// joined are the logins of the channels that a connector has joined.
func joined(o event.Object) []string {
	var logins []string
	for _, channel := range o.List("joinedChannels") {
		if login := strings.ToLower(strings.TrimPrefix(event.Text(channel), "#")); login != "" {
			logins = append(logins, login)
		}
	}
	slices.Sort(logins)
	return slices.Compact(logins)
}

// metadata are the further facts of a snapshot that readers may see, none of which
// can hold a secret. "started" is why one that says CONNECTED is not believed.
func metadata(o event.Object) map[string]any {
	facts := make(map[string]any)
	if guild := o.Text("guildId"); guild != "" {
		facts["guildId"] = bounded(guild, maxText)
	}
	for _, name := range []string{"channelIds", "joinedChannels"} {
		if o.List(name) != nil {
			facts[name] = texts(o.List(name))
		}
	}
	if started, ok := o.Bool("started"); ok {
		facts["started"] = started
	}
	return facts
}

// texts are the texts in a list, sorted: connectors list sets, in any order.
func texts(list []any) []any {
	found := make([]string, 0, len(list))
	for _, value := range list {
		if text := bounded(event.Text(value), maxText); text != "" {
			found = append(found, text)
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	facts := make([]any, 0, min(len(found), maxListed))
	for _, text := range found[:min(len(found), maxListed)] {
		facts = append(facts, text)
	}
	return facts
}

// documentNames are the document's names of what connectors count, and what they
// call it themselves (facts/bus.md section 5.4).
var documentNames = []struct{ document, connector string }{
	{"messagesIn", "received"}, {"messagesOut", "sent"}, {"errors", "failed"},
}

// counts reads the counters, wherever they stand. What is no count is left out,
// and so is a connector's own name where the document's is there, too.
func counts(o event.Object) map[string]int64 {
	found := make(map[string]int64)
	for _, home := range []event.Object{{"reconnects": o["reconnects"]}, o.Object("counters"), o.Object("metrics")} {
		for name := range home {
			if count, ok := home.Count(name); ok && name != "" && len(name) <= 64 && !secret(name) {
				found[name] = count
			}
		}
	}
	kept := make(map[string]int64, min(len(found), maxCounters))
	for _, n := range documentNames {
		count, ok := found[n.document]
		if !ok {
			count, ok = found[n.connector]
		}
		if ok {
			kept[n.document] = count
		}
		delete(found, n.document)
		delete(found, n.connector)
	}
	if count, ok := found["reconnects"]; ok {
		kept["reconnects"] = count
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if len(kept) < maxCounters {
			kept[name] = found[name]
		}
	}
	return kept
}

// secret reports whether what is named like this is not to be shown (facts/bus.md
// section 6).
func secret(name string) bool {
	lower := strings.ToLower(name)
	return strings.Contains(lower, "token") || strings.Contains(lower, "secret")
}

// nested is the EventSub connection in a snapshot: a connector of its own, of the
// same source.
func nested(outer Snapshot, o event.Object) (s Snapshot, ok bool) {
	inner := o.Object("eventSub")
	if enabled, _ := inner.Bool("enabled"); !enabled {
		return Snapshot{}, false
	}
	s = Snapshot{
		Connector: outer.Connector + "-eventsub", Within: outer.Connector, Platform: outer.Platform, ID: outer.ID,
		DisplayName: outer.DisplayName, State: bounded(inner.Text("state"), maxText), Status: statusOf(inner),
		Counts: counts(inner), Instance: outer.Instance, Metadata: make(map[string]any),
	}
	s.Error = errorOf(inner, s.Status)
	for _, name := range []string{"subscriptionCount", "activeSubscriptions"} {
		if count, ok := inner.Count(name); ok {
			s.Metadata[name] = count
		}
	}
	return s, true
}
