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
)

// DefaultTimeout is how long a connector may take to answer a poll.
const DefaultTimeout = 5 * time.Second

const maxTimeout = 30 * time.Second

// A Target is something to poll that answers with the snapshots of one or more
// connectors.
type Target struct {
	Name     string
	URL      string // http or https, without credentials
	Audience string // of the ID token that is sent along; empty: none
	Timeout  time.Duration
}

// ParseTargets reads CONNECTORS: a JSON list of {name, url, audience?, timeout?},
// where timeout is a duration such as "3s". The error joins all faults and holds
// no URL, because they may hold secrets.
func ParseTargets(value string) ([]Target, error) {
	if strings.TrimSpace(value) == "" {
		return nil, nil
	}
	var entries []struct {
		Name     string `json:"name"`
		URL      string `json:"url"`
		Audience string `json:"audience"`
		Timeout  string `json:"timeout"`
	}
	if err := json.Unmarshal([]byte(value), &entries); err != nil {
		return nil, errors.New("not a JSON list of {name, url, audience?, timeout?}")
	}
	var faults []error
	targets := make([]Target, len(entries))
	seen := make(map[string]bool)
	for i, e := range entries {
		fault := func(format string, args ...any) {
			faults = append(faults, fmt.Errorf("entry %d (%.40q): "+format, append([]any{i + 1, e.Name}, args...)...))
		}
		switch {
		case e.Name == "" || len(e.Name) > 64 || strings.ContainsFunc(e.Name, func(r rune) bool { return r <= ' ' || r == 0x7f }):
			fault("the name is missing, or longer than 64 bytes, or holds spaces")
		case seen[e.Name]:
			fault("the name is there twice")
		}
		seen[e.Name] = true
		u, err := url.Parse(e.URL)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			fault("url is not an http or https URL")
		case u.User != nil:
			fault("url holds credentials; use audience, or a network that needs none")
		case e.Audience != "" && u.Scheme == "http" && !loopback(u.Hostname()):
			fault("a token for audience would go over plain http")
		}
		targets[i] = Target{Name: e.Name, URL: e.URL, Audience: e.Audience, Timeout: DefaultTimeout}
		if e.Timeout != "" {
			timeout, err := time.ParseDuration(e.Timeout)
			if err != nil || timeout <= 0 || timeout > maxTimeout {
				fault("timeout is not a duration up to %v", maxTimeout)
			}
			targets[i].Timeout = timeout
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return targets, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
