package heartbeat

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sourcestate/sourcestate/shared/connector"
	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/ledger"
	"github.com/sourcestate/sourcestate/shared/source"
)

const (
	stepConnectors = "connectors"

	// maxMisses is how many polls in a row must fail before it is believed.
	maxMisses = 3
	// codeUnreachable is the lastError of what cannot be reached any more.
	codeUnreachable = "UNREACHABLE"
	// maxServed is how many sources of one target are remembered.
	maxServed = 500
	// stillFor is how long counters may stand still while a stream is live.
	stillFor = 10 * time.Minute
)

// A polled is what came of one poll.
type polled struct {
	target connector.Target
	poll   connector.Poll
	err    error
}

// askConnectors polls all connectors.
func (t *tick) askConnectors(ctx context.Context, report *StepReport) func(context.Context) {
	if len(t.Config.Connectors) == 0 {
		return nil
	}
	report.Looked = len(t.Config.Connectors)
	polls := make([]polled, len(t.Config.Connectors))
	var group errgroup.Group
	for i, target := range t.Config.Connectors {
		group.Go(func() error {
			poll, err := t.Connectors.Poll(ctx, target)
			polls[i] = polled{target, poll, err}
			return nil // each is judged by itself
		})
	}
	_ = group.Wait() // it has none
	return func(context.Context) {
		t.answers = answersOf(polls)
		t.connectorReached = slices.ContainsFunc(polls, func(p polled) bool { return p.err == nil || connector.Answered(p.err) })
		for _, p := range polls {
			if p.err != nil {
				t.judgeMiss(report, p)
			} else {
				t.judgePoll(p)
			}
		}
	}
}

// connectorEntry is the name of the ledger's entry about a connector that is
// polled. No source is named like it: there is no colon before the space.
func connectorEntry(target connector.Target) string { return "connector " + target.Name }

// aboutConnector is what is published of a source by one of its connectors.
func aboutConnector(name string) string { return "connector " + name }

// judgePoll publishes what a connector says of its sources.
func (t *tick) judgePoll(p polled) {
	name := connectorEntry(p.target)
	e := t.ledger.Entry(name)
	known := knownIDs(e)
	served := make([]ledger.Served, 0, len(p.poll.Snapshots))
	for _, s := range p.poll.Snapshots {
		told := s.ID != ""
		last := known[cmp.Or(s.Within, s.Connector)]
		s = s.WithID(last)
		told = told || last != ""
		served = append(served, ledger.Served{Connector: s.Connector, Platform: s.Platform, ID: s.ID, Told: told})
		t.latest.Connectors[s.Connector] = event.FormatTime(t.now)
		t.observeSnapshot(s, p.poll.Latency)
	}
	// A ledger entry stays small; of more than that nobody is told when the connector
	// cannot be reached any more.
	e.Connector = &ledger.Connector{Sources: served[:min(len(served), maxServed)]}
	t.ledger.Note(name, e, t.now)
}

// knownIDs are the ids that connectors told at the last good poll, by their names:
// a snapshot without an id stands for the last known one (design section 5,
// rule 5).
func knownIDs(e ledger.Entry) map[string]string {
	ids := make(map[string]string)
	if e.Connector == nil {
		return ids
	}
	for _, s := range e.Connector.Sources {
		if s.Told {
			ids[s.Connector] = s.ID
		}
	}
	return ids
}

// observeSnapshot publishes what a connector says of one source.
func (t *tick) observeSnapshot(s connector.Snapshot, latency time.Duration) {
	key := source.Key{Platform: s.Platform, ID: s.ID}
	suspect, was := t.standsStill(key, s)
	about := aboutConnector(s.Connector)
	t.observe(observation{
		step: stepConnectors, key: key, about: about, digest: digestOf(s.Digest(), suspect),
		event: func() *event.Event {
			e := s.Event(t.now, latency, "heartbeat")
			if suspect != "" || was {
				metadata := e.Payload.Object("metadata")
				if metadata == nil {
					metadata = make(event.Object, 1)
					e.Payload["metadata"] = metadata
				}
				metadata["suspect"] = nil
				if suspect != "" {
					metadata["suspect"] = suspect
				}
			}
			return e
		},
	})
}

// standsStill finds a connector that is connected and hears nothing: a stream is
// live for which it listens, and for ten minutes no counter moved. That is no
// error, because nobody may have said anything.
func (t *tick) standsStill(key source.Key, s connector.Snapshot) (suspect string, was bool) {
	name := key.String()
	e := t.ledger.Entry(name)
	c, known := e.Counters[s.Connector]
	was = c.Suspect
	digest := countsDigest(s)
	quiet := known && c.Digest == digest && s.Status == source.Connected && len(s.Counts) > 0 && t.listensToLive(name, s)
	switch {
	case !quiet:
		c.Still, c.Suspect = 0, false
	case c.Still == 0:
		c.Still = t.now.Unix()
	}
	c.Digest = digest
	if quiet && t.now.Sub(time.Unix(c.Still, 0)) >= stillFor {
		c.Suspect = true
		suspect = "connected, but its counters stand still while a stream is live"
	}
	if e.Counters == nil {
		e.Counters = make(map[string]ledger.Counters, 1)
	}
	e.Counters[s.Connector] = c
	t.ledger.Note(name, e, t.now)
	return suspect, was
}

func countsDigest(s connector.Snapshot) string {
	names := make([]string, 0, len(s.Counts))
	for name, count := range s.Counts {
		names = append(names, fmt.Sprint(name, "=", count))
	}
	slices.Sort(names)
	return digestOf(append(names, s.Instance)...)
}

// listensToLive reports whether a stream is live, as polls believe, of the source
// itself or of a channel that the connector has joined.
func (t *tick) listensToLive(name string, s connector.Snapshot) bool {
	live := func(name string) bool {
		stream := t.ledger.Entry(name).Stream
		return stream != nil && stream.Known && stream.Believed != ""
	}
	if live(name) {
		return true
	}
	if s.Platform != platform || len(s.Joined) == 0 {
		return false
	}
	for _, b := range t.broadcasters {
		if b.login != "" && slices.Contains(s.Joined, b.login) && live(b.key().String()) {
			return true
		}
	}
	return false
}

// judgeMiss counts a poll that failed, and after the third in a row says of the
// sources that they are not connected. Where nothing at all can be reached the
// heartbeat itself is cut off, and nothing is known.
func (t *tick) judgeMiss(report *StepReport, p polled) {
	if t.cutOff() {
		report.note("nothing can be reached, neither connectors nor Twitch: misses are not counted")
		return
	}
	name := connectorEntry(p.target)
	e := t.ledger.Entry(name)
	if e.Connector == nil {
		e.Connector = &ledger.Connector{}
	}
	e.Connector.Misses = min(e.Connector.Misses+1, maxMisses)
	t.ledger.Note(name, e, t.now)
	reason := connector.Reason(p.err)
	report.note("connector %s: %v (miss %d of %d)", p.target.Name, p.err, e.Connector.Misses, maxMisses)
	if e.Connector.Misses < maxMisses {
		return
	}
	for _, served := range e.Connector.Sources {
		t.observeUnreachable(served, p.target.Name, reason)
	}
}

func (t *tick) observeUnreachable(served ledger.Served, target, reason string) {
	key := source.Key{Platform: served.Platform, ID: served.ID}
	about := aboutConnector(served.Connector)
	t.observe(observation{
		step: stepConnectors, key: key, about: about, digest: digestOf(codeUnreachable, reason),
		event: func() *event.Event {
			return t.status(key, about, event.Object{
				"connector": served.Connector, "status": source.Disconnected,
				"lastError": event.Object{
					"code":    codeUnreachable,
					"message": strings.TrimSpace(fmt.Sprintf("%d polls of %s in a row failed: %s", maxMisses, target, reason)),
				},
			})
		},
	})
}

// cutOff reports whether neither any of several connectors nor Twitch answered.
func (t *tick) cutOff() bool {
	return !t.connectorReached && len(t.Config.Connectors) > 1 &&
		t.Twitch != nil && len(t.broadcasters) > 0 && !t.twitchReached
}
