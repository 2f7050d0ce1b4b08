package heartbeat

import (
	"context"
	"sync"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/ledger"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// A tick is one run. What is asked for is asked in parallel; what the answers mean
// is then judged one step after the other, and only that touches the ledger.
type tick struct {
	*Handler
	report *Report
	now    time.Time
	ledger *ledger.Ledger
	latest Latest

	pushes       []string // names of the marks of what was pushed
	broadcasters []broadcaster
	observations []observation

	// Whether anything answered: where nothing did, it is the heartbeat that is cut
	// off, and not all the others.
	connectorReached, twitchReached bool

	answers []Answer // of connectors
}

// A broadcaster is a channel that is watched.
type broadcaster struct {
	id    string
	login string // "" until it is known
}

func (b broadcaster) key() source.Key { return source.Key{Platform: platform, ID: b.id} }

const platform = "twitch"

// An observation is what a step found out about one thing of one source.
type observation struct {
	step   string
	key    source.Key
	about  string // what of it; digests of one source and thing are compared
	digest string // of what counts as a change
	event  func() *event.Event
	// published is called when it is; nil: nothing is to be done then.
	published func()
}

// A step asks, and gives a function that judges the answers. Asking runs beside
// other steps and only reads the ledger; judging runs alone.
type step struct {
	name    string
	timeout time.Duration
	ask     func(context.Context, *StepReport) (judge func(context.Context))
}

func newTick(h *Handler, report *Report) *tick {
	return &tick{Handler: h, report: report, now: h.Now()}
}

// run makes the steps of design section 9. Without a ledger nothing can be judged,
// so a tick that cannot read it ends there.
func (t *tick) run(ctx context.Context) {
	if err := t.recall(ctx); err != nil {
		t.report.step("ledger").fail("reading the ledger", err)
		return
	}
	t.watch(ctx)
	steps := []step{
		{"connectors", 20 * time.Second, t.askConnectors},
		{"streams", 25 * time.Second, t.askStreams},
		{"tokens", 15 * time.Second, t.askTokens},
		{"roles", 25 * time.Second, t.askRoles},
		{"subscriptions", 40 * time.Second, t.askSubscriptions},
	}
	judges := make([]func(context.Context), len(steps))
	var asking sync.WaitGroup
	for i, s := range steps {
		report := t.report.step(s.name)
		asking.Go(func() {
			began := t.Now()
			ctx, cancel := context.WithTimeout(ctx, s.timeout)
			defer cancel()
			judges[i] = s.ask(ctx, report)
			report.TookMs = t.Now().Sub(began).Milliseconds()
		})
	}
	asking.Wait()
	for _, judge := range judges {
		if judge != nil {
			judge(ctx)
		}
	}
	t.publish(ctx)
	t.remember(ctx)
}

// recall reads what earlier ticks left.
func (t *tick) recall(ctx context.Context) (err error) {
	if t.ledger, err = ledger.Read(ctx, t.Records); err != nil {
		return err
	}
	for _, page := range t.ledger.Spoilt {
		t.report.step("ledger").note("page %s could not be read; its sources are published once more", page)
	}
	if t.latest, err = readLatest(ctx, t.Records); err != nil {
		return err
	}
	return t.recallPushes(ctx)
}

// remember writes what the next tick must know. It comes after publishing: what
// was published and not remembered is published once more, which does no harm.
func (t *tick) remember(ctx context.Context) {
	if t.report.DryRun {
		return
	}
	err := t.ledger.Write(ctx, t.Records, t.now)
	if err == nil {
		err = t.forgetPushes(ctx)
	}
	if err != nil {
		t.report.step("ledger").fail("writing the ledger", err)
	}
	t.latest.At = event.FormatTime(t.now)
	records := map[string]any{latestName: t.latest, reportName: keptReport{t.report.finish(t.Now()), t.answers}}
	if err := t.Records.Write(ctx, store.Heartbeat, records); err != nil {
		t.report.step("ledger").fail("writing "+latestName+" and "+reportName, err)
	}
}
