// Package connector asks the platform's connectors how they are: it fetches their
// snapshots, reads every shape that these have had (facts/bus.md section 6), and
// turns each into an event about its source.
package connector

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// DefaultTimeout is how long a connector may take to answer a poll.
const DefaultTimeout = 5 * time.Second

const (
	maxTimeout    = 30 * time.Second
	maxTargetName = 64 // bytes
)

// A Target is something to poll that answers with the snapshots of one or more
// connectors.
type Target struct {
	Name     string
	URL      string        // http or https, without credentials
	Audience string        // of the ID token that is sent along; empty: none
	Timeout  time.Duration // 0: DefaultTimeout
}

// ParseTargets reads CONNECTORS: a JSON list of {name, url, audience?, timeout?},
// where timeout is a duration such as "3s". The error joins all faults and holds
// no URL, because they may hold secrets.
func ParseTargets(value string) ([]Target, error) {
	if strings.TrimSpace(value) == "" {
		return nil, nil
	}
	var entries []json.RawMessage
	if err := json.Unmarshal([]byte(value), &entries); err != nil || entries == nil {
		// The error of the decoder would quote the value.
		return nil, errors.New("not a JSON list of {name, url, audience?, timeout?}")
	}
	var faults []error
	targets := make([]Target, len(entries))
	seen := make(map[string]bool)
	for i, entry := range entries {
		target, found := parseTarget(entry)
		switch {
		case !goodName(target.Name):
		case seen[target.Name]:
			found = append(found, errors.New("the name is there twice"))
		default:
			seen[target.Name] = true
		}
		for _, fault := range found {
			faults = append(faults, fmt.Errorf("entry %d%s: %w", i+1, shown(target.Name), fault))
		}
		targets[i] = target
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return targets, nil
}

// shown is a name for people; one that would not do may be anything, and is not
// repeated.
func shown(name string) string {
	if !goodName(name) {
		return ""
	}
	return fmt.Sprintf(" (%q)", name)
}

func goodName(name string) bool {
	return name != "" && len(name) <= maxTargetName && !strings.ContainsFunc(name, func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r)
	})
}

// parseTarget reads one entry, with all its faults.
func parseTarget(entry json.RawMessage) (Target, []error) {
	var e struct {
		Name     string `json:"name"`
		URL      string `json:"url"`
		Audience string `json:"audience"`
		Timeout  string `json:"timeout"`
	}
	if err := json.Unmarshal(entry, &e); err != nil {
		return Target{}, []error{errors.New("not an object {name, url, audience?, timeout?} of texts")}
	}
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	switch {
	case e.Name == "":
		fault("the name is missing")
	case !goodName(e.Name):
		fault("the name is longer than %d bytes, or not of letters, digits, dots, dashes and underscores", maxTargetName)
	}
	u, err := url.Parse(e.URL)
	known := err == nil && u.Hostname() != "" && (u.Scheme == "http" || u.Scheme == "https")
	if !known {
		fault("url is not an http or https URL")
	}
	if known && u.User != nil {
		fault("url holds credentials; use audience, or a network that needs none")
	}
	if known && e.Audience != "" && exposed(u) {
		fault("a token for audience would go over plain http")
	}
	target := Target{Name: e.Name, URL: e.URL, Audience: e.Audience, Timeout: DefaultTimeout}
	if e.Timeout != "" {
		timeout, err := time.ParseDuration(e.Timeout)
		if err != nil || timeout <= 0 || timeout > maxTimeout {
			fault("timeout is not a duration above 0 and up to %v", maxTimeout)
		}
		target.Timeout = timeout
	}
	return target, faults
}

// exposed reports whether others could read what is sent to a URL.
func exposed(u *url.URL) bool { return u.Scheme != "https" && !loopback(u) }

func loopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
