package source

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sourcestate/sourcestate/shared/event"
)

// authorizationKind begins the externalEvent.kind of events by which a user
// grants or takes back an authorization. Anyone can cause them for any account,
// so they never create a document.
const authorizationKind = "user.authorization."

// readStatus reads a system.source.status.
func readStatus(d *event.Delivery) (*Update, error) {
	body := d.Body()
	key, ok := statusKey(body)
	if !ok {
		return nil, noIdentity()
	}
	u := newUpdate(d, key)
	u.existingOnly = d.ExternalEvent != nil && strings.HasPrefix(d.ExternalEvent.Kind, authorizationKind)
	u.displayName = nameOf(d, key, body.Text("displayName"))
	u.connector = connectorName(d, key)
	u.instance = short(body.Text("instanceId"))
	u.metadata = readMetadata(body.Object("metadata"))

	u.readLastError(d, body)
	u.readState(body, body.Text("status"))
	u.readAuth(body)
	u.readRoles(body)
	u.readCounts(body)
	if latency, ok := body.Count("latencyMs"); ok {
		u.latency = &latency
	}
	return u, nil
}

// readConnectorChanged reads a connector.status.changed, which says something
// only where it carries an id. Its platform is the connector's name up to the
// first "-".
func readConnectorChanged(d *event.Delivery) (*Update, error) {
	body := d.Extra
	connector := body.Text("connector")
	if connector == "undefined" || connector == "null" {
		connector = ""
	}
	platform, _, _ := strings.Cut(connector, "-")
	key := Key{Platform: body.Text("platform"), ID: firstID(body.Text("id"))}
	if key.Platform == "" {
		key.Platform = platform
	}
	if !key.valid() {
		return nil, fmt.Errorf("%w: %s without an id", ErrIgnored, event.TypeConnectorChanged)
	}
	u := newUpdate(d, key)
	u.displayName = nameOf(d, key, body.Text("displayName"))
	if u.connector = short(connector); u.connector == "" {
		u.connector = key.Platform
	}
	u.instance = short(body.Text("instanceId"))
	u.readState(body, body.Text("currentState"))
	return u, nil
}

// connectorName is payload.connector, else ingress.source without "ingress.",
// else the platform (design section 5, rule 2).
func connectorName(d *event.Delivery, key Key) string {
	if name := d.Body().Text("connector"); name != "" {
		return short(name)
	}
	source := d.Ingress.Source
	if source == "" {
		// Version 1 has it at the root, where a bare payload has "platform:id".
		if root := d.Extra.Text("source"); strings.HasPrefix(root, "ingress.") {
			source = root
		}
	}
	if name := strings.TrimPrefix(source, "ingress."); name != "" {
		return short(name)
	}
	return key.Platform
}

// readState maps a connector's own word to a status (bus contract, section 5.3).
// A word that is missing or unknown writes no status.
func (u *Update) readState(body event.Object, word string) {
	word = truncate(word, maxName)
	state := strings.ToUpper(word)
	metadata := body.Object("metadata")

	var status string
	switch state {
	case Connected:
		status = Connected
		for _, o := range []event.Object{body, metadata} {
			if started, ok := o.Bool("started"); ok && !started {
				status = Disconnected
			}
		}
	case Error, Disconnected:
		status = state
	case "CONNECTING", "RECONNECTING", "DISABLED":
		status = Disconnected
	}
	if word != "" && u.metadata[connectorState] == nil {
		if u.metadata == nil {
			u.metadata = make(map[string]any, 1)
		}
		u.metadata[connectorState] = word
	}
	if status == "" {
		return
	}
	u.heartbeat = true
	o := observation{Key: u.connector, Value: status, Instance: u.instance}
	// A publisher that maps states itself leaves the connector's word there.
	if raw, ok := u.metadata[connectorState].(string); ok {
		word = truncate(raw, maxName)
	}
	if word != status {
		o.State = word
	}
	if u.lastError != nil {
		o.Reason = u.lastError.code
	}
	u.observe(FacetStatus, o)
}

// readLastError reads null as "there is none" and an absent key as nothing.
func (u *Update) readLastError(d *event.Delivery, body event.Object) {
	if !body.Has("lastError") {
		return
	}
	report := &errorReport{at: u.At}
	switch v := body["lastError"].(type) {
	case nil:
		report.none = true
	case map[string]any:
		details := event.Object(v)
		report.code = truncate(details.Text("code"), maxReason)
		report.message = truncate(details.Text("message"), maxMessage)
		if at, ok := details.Time("at"); ok && !d.Future(at) {
			report.at = at
		}
	default:
		report.message = truncate(event.Text(v), maxMessage)
	}
	if report.none || report.code != "" || report.message != "" {
		u.lastError = report
	}
}

// readAuth reads authStatus and auth. VALID without auth says nothing: older
// publishers stamp it on everything (design section 5, rule 2).
func (u *Update) readAuth(body event.Object) {
	status := strings.ToUpper(body.Text("authStatus"))
	details := body.Object("auth")
	switch status {
	case Valid:
		if details == nil {
			return
		}
	case Expired, Revoked:
	default:
		return
	}
	auth := &Auth{At: Time{u.At}, Reason: truncate(details.Text("reason"), maxReason)}
	if expires, ok := details.Time("expiresAt"); ok {
		auth.ExpiresAt = Time{expires}
	}
	const maxScopes = 60
	for _, scope := range details.List("scopes") {
		if text := event.Text(scope); text != "" && len(auth.Scopes) < maxScopes {
			auth.Scopes = append(auth.Scopes, truncate(text, maxName))
		}
	}
	u.auth = auth
	u.observe(FacetAuthStatus, observation{Value: status, Reason: auth.Reason})
}

var roles = []string{Broadcaster, Moderator, VIP}

// readRoles reads permissions, a list that states all three roles, and roles,
// which states only those it names.
func (u *Update) readRoles(body event.Object) {
	has := make(map[string]bool, len(roles))
	if listed, ok := body["permissions"].([]any); ok {
		for _, role := range roles {
			has[role] = false
		}
		for _, role := range listed {
			if name := strings.ToUpper(event.Text(role)); name != "" {
				has[name] = true
			}
		}
	}
	named := body.Object("roles")
	for name := range named {
		if value, ok := named.Bool(name); ok {
			has[strings.ToUpper(name)] = value
		}
	}
	for _, role := range roles {
		if value, ok := has[role]; ok {
			u.observe(FacetPermissions, observation{Key: role, Value: strconv.FormatBool(value)})
		}
	}
}

// counterNames maps the connectors' counter names to the document's, the
// document's own name first (bus contract, section 5.4). "published" counts what
// went onto the bus and is not messagesOut.
var counterNames = []struct{ document, connector string }{
	{"messagesIn", "received"},
	{"messagesOut", "sent"},
	{"errors", "failed"},
}

const maxCounters = 16

func (u *Update) readCounts(body event.Object) {
	metrics := body.Object("metrics")
	if metrics != nil {
		u.heartbeat = true
	}
	counts := make(map[string]int64, len(metrics))
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		if name == "" || name == lastHeartbeat || len(name) > maxName {
			continue
		}
		if count, ok := metrics.Count(name); ok && len(counts) < maxCounters {
			counts[name] = count
		}
	}
	for _, name := range counterNames {
		count, ok := counts[name.connector]
		if _, has := counts[name.document]; ok && !has {
			counts[name.document] = count
		}
		delete(counts, name.connector)
	}
	if _, has := counts["reconnects"]; !has {
		if count, ok := body.Count("reconnects"); ok {
			counts["reconnects"] = count
		}
	}
	if len(counts) > 0 {
		u.counts = counts
	}
}
