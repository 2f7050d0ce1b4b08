package heartbeat

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/ledger"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

const (
	stepStreams  = "streams"
	aboutViewers = "viewers"
	aboutStream  = "stream"

	// agreeing is how many polls in a row must say the same before it counts.
	agreeing = 2
	// endedLag is for how many lags a poll is not believed that shows a stream live
	// which an event has ended: Helix shows the dead for up to a quarter of an hour
	// (facts/twitch.md section 3).
	endedLag = 3
	// maxReads bounds the documents that one tick compares with; others wait.
	maxReads = 2000
)

// askStreams asks Helix which of the watched channels are live.
func (t *tick) askStreams(ctx context.Context, report *StepReport) func(context.Context) {
	if t.Twitch == nil || len(t.broadcasters) == 0 {
		return nil
	}
	ids := make([]string, len(t.broadcasters))
	for i, b := range t.broadcasters {
		ids[i] = b.id
	}
	report.Looked = len(ids)
	answer, err := t.Twitch.Streams(ctx, ids)
	if err != nil {
		report.fail("asking Helix for streams", err)
	}
	if len(answer.Answered) > 0 {
		t.twitchReached = true
		t.latest.Helix = event.FormatTime(t.now)
	}
	return func(ctx context.Context) { t.judgeStreams(ctx, report, answer) }
}

// A contradiction is a channel of which polls agree on something else than what
// is believed.
type contradiction struct {
	broadcaster broadcaster
	live        *twitch.Stream // nil: it is not
	since       time.Time      // the first of the polls
	document    *source.Document
}

// judgeStreams publishes viewers, and compares with the document where polls
// agree on something new (design section 5, rule 7). What Helix did not answer is
// not judged.
func (t *tick) judgeStreams(ctx context.Context, report *StepReport, answer twitch.StreamsAnswer) {
	logins := make(map[string]string, len(t.broadcasters))
	for _, b := range t.broadcasters {
		logins[b.id] = b.login
	}
	var found []*contradiction
	for _, id := range answer.Answered {
		b := broadcaster{id: id, login: logins[id]}
		var live *twitch.Stream
		if s, ok := answer.Live[id]; ok {
			live = &s
			t.observeViewers(b, s)
		}
		if since, agreed := t.believe(b, live); agreed {
			found = append(found, &contradiction{broadcaster: b, live: live, since: since})
		}
	}
	if over := len(found) - maxReads; over > 0 {
		report.note("%d channels are compared with their documents later", over)
		found = found[:maxReads]
	}
	if err := t.readDocuments(ctx, found); err != nil {
		report.fail("reading documents", err)
		return
	}
	for _, c := range found {
		t.settle(report, c)
	}
}

// believe notes what a poll says of a channel. It reports true when polls agreed
// on something else than what is believed, or when it is time to compare what is
// believed with the document once more.
func (t *tick) believe(b broadcaster, live *twitch.Stream) (since time.Time, agreed bool) {
	name := b.key().String()
	e := t.ledger.Entry(name)
	if e.Stream == nil {
		e.Stream = &ledger.Stream{}
	}
	s := e.Stream
	id := ""
	if live != nil {
		id = live.ID
	}
	switch {
	case s.Known && id == s.Believed:
		s.Candidate, s.Polls, s.Since = "", 0, 0
		since, agreed = t.now, ledger.Elapsed(name, s.Compared, t.now, t.Config.Refresh)
	case s.Polls > 0 && id == s.Candidate:
		s.Polls++
		since, agreed = time.Unix(s.Since, 0).UTC(), s.Polls >= agreeing
	default:
		s.Candidate, s.Polls, s.Since = id, 1, t.now.Unix()
	}
	t.ledger.Note(name, e, t.now)
	return since, agreed
}

// readDocuments reads what is stored of the channels; a document that is not
// there stays nil.
func (t *tick) readDocuments(ctx context.Context, found []*contradiction) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for _, c := range found {
		group.Go(func() (err error) {
			c.document, err = t.Documents.Get(ctx, c.broadcaster.key())
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			return err
		})
	}
	return group.Wait()
}

// settle publishes what the document lacks, unless an event is so young that
// Helix may not have heard of it.
func (t *tick) settle(report *StepReport, c *contradiction) {
	d := c.document
	if d == nil {
		d = &source.Document{}
	}
	same := d.Stream != nil && c.live != nil && d.Stream.ID == c.live.ID
	lag := t.Config.Lag
	if same && d.StreamStatus == source.Offline {
		lag *= endedLag
	}
	young := !d.LastStreamUpdate.IsZero() && t.now.Sub(d.LastStreamUpdate.Time) < lag
	switch {
	case c.live != nil && same && d.StreamStatus == source.Online,
		c.live == nil && d.StreamStatus == source.Offline:
		t.believed(c) // the events have told it
	case young:
		return
	case c.live != nil:
		report.note("%s is live, which no event told", c.broadcaster.key())
		t.correct(c, t.online(c))
	default:
		if d.StreamStatus == source.Online {
			report.note("%s is not live any more, which no event told", c.broadcaster.key())
		}
		t.correct(c, t.offline(c, d))
	}
}

// correct publishes an event in place of one that was missed. Only when it is
// published is what it says believed.
func (t *tick) correct(c *contradiction, e *event.Event) {
	t.observe(observation{
		step: stepStreams, key: c.broadcaster.key(), about: aboutStream, digest: e.CorrelationID,
		event: func() *event.Event { return e }, published: func() { t.believed(c) },
	})
}

// believed notes that a channel is as polls say.
func (t *tick) believed(c *contradiction) {
	name := c.broadcaster.key().String()
	e := t.ledger.Entry(name)
	id := ""
	if c.live != nil {
		id = c.live.ID
	}
	e.Stream = &ledger.Stream{Known: true, Believed: id, Compared: t.now.Unix()}
	t.ledger.Note(name, e, t.now)
}
