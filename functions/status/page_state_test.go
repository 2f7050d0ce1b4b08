package status

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/source"
)

// public is a source with a name and states.
func public(name, status, stream, auth string) publicSource {
	return publicSource{Document: &source.Document{
		Platform: "twitch", ID: name, Status: status, StreamStatus: stream, AuthStatus: auth,
	}}
}

func expiring(name string, left time.Duration) publicSource {
	s := public(name, source.Connected, "", source.Valid)
	s.Auth = &source.Auth{ExpiresAt: source.Time{Time: now.Add(left)}}
	return s
}

func stale(s publicSource) publicSource {
	s.Stale = true
	return s
}

func TestTheVerdict(t *testing.T) {
	t.Parallel()
	fine := public("a", source.Connected, "", "")
	tests := []struct {
		name    string
		sources []publicSource
		want    verdict
	}{
		{"nothing is quiet", nil, verdict{Class: "quiet", Text: "No sources yet"}},
		{"one is the only one", []publicSource{fine}, verdict{Class: "good", Text: "The only source is connected"}},
		{"all are well", []publicSource{fine, public("b", source.Connected, source.Online, source.Valid)},
			verdict{Class: "good", Text: "All 2 sources connected", Notes: []string{"1 live"}}},
		{"what is not known is not bad", []publicSource{fine, public("b", "", "", "")},
			verdict{Class: "good", Text: "1 of 2 sources connected", Notes: []string{"1 unknown"}}},
		{"nothing known is quiet", []publicSource{public("b", "", "", "")},
			verdict{Class: "quiet", Text: "0 of 1 source connected", Notes: []string{"1 unknown"}}},
		{"an error is bad", []publicSource{fine, public("b", source.Error, "", ""), public("c", source.Disconnected, "", "")},
			verdict{Class: "bad", Text: "1 of 3 sources connected", Notes: []string{"1 with an error", "1 disconnected"}}},
		{"disconnected is poor", []publicSource{fine, public("b", source.Disconnected, "", "")},
			verdict{Class: "poor", Text: "1 of 2 sources connected", Notes: []string{"1 disconnected"}}},
		{"stale is poor", []publicSource{stale(fine)},
			verdict{Class: "poor", Text: "The only source is connected", Notes: []string{"1 stale"}}},
		{"a dead token is bad", []publicSource{fine, public("b", source.Connected, "", source.Revoked), public("c", source.Connected, "", source.Expired)},
			verdict{Class: "bad", Text: "All 3 sources connected", Notes: []string{"1 token revoked", "1 token expired"}}},
		{"a token that expires soon is worth a word", []publicSource{fine, expiring("b", 49*time.Hour), expiring("c", 4*24*time.Hour), expiring("d", -time.Hour)},
			verdict{Class: "good", Text: "All 4 sources connected", Notes: []string{"1 token expires in 2 days 1 h"}}},
		{"of several the first counts", []publicSource{expiring("a", 49*time.Hour), expiring("b", 5*time.Minute)},
			verdict{Class: "good", Text: "All 2 sources connected", Notes: []string{"2 tokens expire, the first in 5 min"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, newVerdict(test.sources, now)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChoosingSources(t *testing.T) {
	t.Parallel()
	viewers := func(s publicSource, n int64, minute int) publicSource {
		s.ViewerCount = &n
		s.UpdatedAt = source.Time{Time: now.Add(time.Duration(minute) * time.Minute)}
		return s
	}
	titled := public("c", source.Connected, source.Online, "")
	titled.DisplayName, titled.Metadata = "Ábel", source.Metadata{"title": "One more dive", "categoryName": "Music"}
	slack := public("z", source.Disconnected, "", "")
	slack.Platform = "slack"
	all := []publicSource{
		viewers(public("b", source.Connected, source.Online, ""), 5, 1),
		viewers(titled, 50, 0), public("a", source.Connected, source.Offline, ""), slack,
		public("e", source.Error, "", ""), stale(public("d", source.Connected, "", "")),
		public("u", "", "", ""), public("r", source.Connected, "", source.Revoked),
	}
	tests := []struct {
		name  string
		query listQuery
		want  string
	}{
		{"trouble comes first, then who is live, then names", listQuery{}, "[e z r d b c a u]"},
		{"by name", listQuery{Sort: "name"}, "[a b d e r u z c]"},
		{"by viewers", listQuery{Sort: "viewers"}, "[c b a d e r u z]"},
		{"by last change", listQuery{Sort: "changed"}, "[b c a d e r u z]"},
		{"of a platform", listQuery{Platform: "slack"}, "[z]"},
		{"in trouble", listQuery{State: "trouble"}, "[e z r d]"},
		{"connected", listQuery{State: "connected", Sort: "name"}, "[a b d r c]"},
		{"unknown", listQuery{State: "unknown"}, "[u]"},
		{"live", listQuery{State: "live"}, "[b c]"},
		{"offline", listQuery{State: "offline"}, "[a]"},
		{"stale", listQuery{State: "stale"}, "[d]"},
		{"by a name in another case", listQuery{Search: "áBEL"}, "[c]"},
		{"by words of title and category", listQuery{Search: "music  DIVE"}, "[c]"},
		{"by key", listQuery{Search: "slack:z"}, "[z]"},
		{"not across fields", listQuery{Search: "divemusic"}, "[]"},
		{"by all at once", listQuery{Search: "twitch", Platform: "twitch", State: "live", Sort: "viewers"}, "[c b]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ids := []string{}
			for _, s := range test.query.choose(all) {
				ids = append(ids, s.ID)
			}
			if got := fmt.Sprint(ids); got != test.want {
				t.Errorf("chose %s, want %s", got, test.want)
			}
		})
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 59*time.Second + 999*time.Millisecond: "59 s", 60 * time.Second: "1 min", 3599 * time.Second: "59 min",
		time.Hour: "1 h", 72 * time.Minute: "1 h 12 min", 24 * time.Hour: "1 day", 49*time.Hour + 30*time.Minute: "2 days 1 h",
	} {
		if got := period(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 100000: "100,000"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for _, test := range []struct {
		part time.Duration
		want string
	}{{0, "0 %"}, {99999, "99.9 %"}, {100000, "100 %"}, {50000, "50 %"}} {
		if got := percent(test.part, 100000); got != test.want {
			t.Errorf("%d of 100000 is %q, want %q", test.part, got, test.want)
		}
	}
}
