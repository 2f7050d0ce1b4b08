package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
)

// soon is how long before its end a token is worth a word.
const soon = 3 * 24 * time.Hour

// unknown is what is said of a state that nobody has told of. It is not bad.
const unknown = "unknown"

// A badge is a word and the class that colours it.
type badge struct{ Text, Class string }

func stateBadge(s publicSource) badge {
	switch s.Status {
	case "":
		return badge{unknown, "quiet"}
	case source.Connected:
		return badge{"connected", "good"}
	case source.Disconnected:
		return badge{"disconnected", "poor"}
	case source.Error:
		return badge{"error", "bad"}
	}
	return badge{strings.ToLower(s.Status), "quiet"}
}

// The severities, from the worst to none.
const (
	severityNone = iota
	severityStale
	severityExpired
	severityRevoked
	severityDisconnected
	severityError
)

// severity is how much a source needs somebody.
func severity(s publicSource) int {
	switch {
	case s.Status == source.Error:
		return severityError
	case s.Status == source.Disconnected:
		return severityDisconnected
	case s.AuthStatus == source.Revoked:
		return severityRevoked
	case s.AuthStatus == source.Expired:
		return severityExpired
	case s.Stale:
		return severityStale
	}
	return severityNone
}

// ending is in how long a valid token ends, false if that is not soon or not
// known. One whose time is over and that is said to be valid was renewed.
func ending(s publicSource, now time.Time) (time.Duration, bool) {
	if s.AuthStatus != source.Valid || s.Auth == nil || s.Auth.ExpiresAt.IsZero() {
		return 0, false
	}
	left := s.Auth.ExpiresAt.Sub(now)
	return left, left > 0 && left <= soon
}

// facts are the token and the roles.
func facts(s publicSource, now time.Time) []badge {
	var found []badge
	if s.Stale {
		found = append(found, badge{"stale", "poor"})
	}
	switch s.AuthStatus {
	case "":
	case source.Valid:
		b := badge{"token valid", "good"}
		if left, ok := ending(s, now); ok {
			b = badge{"token expires in " + period(left), "poor"}
		}
		found = append(found, b)
	default:
		found = append(found, badge{"token " + strings.ToLower(s.AuthStatus), "bad"})
	}
	for _, role := range s.Permissions {
		found = append(found, badge{strings.ToLower(role), "quiet"})
	}
	if s.Permissions != nil && len(s.Permissions) == 0 {
		found = append(found, badge{"no role", "quiet"})
	}
	return found
}

// A verdict answers the question of the page: are all sources well?
type verdict struct {
	Class string
	Text  string
	Notes []string
}

func newVerdict(sources []publicSource, now time.Time) verdict {
	count := make(map[string]int)
	worst, ends, next := severityNone, 0, soon
	for _, s := range sources {
		worst = max(worst, severity(s))
		count[s.Status]++
		count[s.StreamStatus]++
		count[s.AuthStatus]++
		if s.Status == "" {
			count[unknown]++
		}
		if s.Stale {
			count["stale"]++
		}
		if left, ok := ending(s, now); ok {
			ends, next = ends+1, min(next, left)
		}
	}
	v := verdict{Class: verdictClass(worst, count), Text: verdictText(len(sources), count[source.Connected])}
	for _, note := range []struct {
		n    int
		text string
	}{
		{count[source.Error], "%d with an error"},
		{count[source.Disconnected], "%d disconnected"},
		{count[unknown], "%d unknown"},
		{count["stale"], "%d stale"},
		{count[source.Online], "%d live"},
	} {
		if note.n > 0 {
			v.Notes = append(v.Notes, fmt.Sprintf(note.text, note.n))
		}
	}
	for _, state := range []string{source.Revoked, source.Expired} {
		if n := count[state]; n > 0 {
			v.Notes = append(v.Notes, counted(n, "token")+" "+strings.ToLower(state))
		}
	}
	switch {
	case ends == 1:
		v.Notes = append(v.Notes, "1 token expires in "+period(next))
	case ends > 1:
		v.Notes = append(v.Notes, fmt.Sprintf("%d tokens expire, the first in %s", ends, period(next)))
	}
	return v
}

func verdictClass(worst int, count map[string]int) string {
	switch {
	case worst == severityNone && count[source.Connected] == 0:
		return "quiet"
	case worst == severityNone:
		return "good"
	case worst == severityStale || worst == severityDisconnected:
		return "poor"
	}
	return "bad"
}

func verdictText(all, connected int) string {
	switch {
	case all == 0:
		return "No sources yet"
	case all == connected && all == 1:
		return "The only source is connected"
	case all == connected:
		return fmt.Sprintf("All %s sources connected", grouped(int64(all)))
	}
	return fmt.Sprintf("%s of %s connected", grouped(int64(connected)), counted(all, "source"))
}
