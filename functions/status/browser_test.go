package status

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/source"
)

func twitchKey(id string) source.Key { return source.Key{Platform: "twitch", ID: id} }

// populate stores a few sources of every kind, and a channel that has been live for
// an hour.
func (s *site) populate(t *testing.T) {
	t.Helper()
	now := time.Now().UTC()
	at := func(before time.Duration) source.Time { return source.Time{Time: now.Add(-before)} }
	start := now.Add(-time.Hour)
	viewers := int64(1234)
	channel := &source.Document{
		Platform: "twitch", ID: "1", DisplayName: "Lanternfish", Status: source.Connected, LastStatusUpdate: at(time.Hour),
		StreamStatus: source.Online, LastStreamUpdate: at(0), Stream: &source.Stream{ID: "9", StartedAt: source.Time{Time: start}},
		ViewerCount: &viewers, Metadata: source.Metadata{"title": "Deep sea, no torch", "categoryName": "Music"},
		AuthStatus: source.Valid, Auth: &source.Auth{ExpiresAt: at(-49 * time.Hour), At: at(0)}, Permissions: []string{source.Moderator},
		Connectors: map[string]source.Connector{"eventsub": {Status: source.Connected, At: at(0)}},
	}
	hours := make(map[string]*source.Hour)
	for at := start; at.Before(now); at = at.Add(time.Minute) {
		name := source.HourName(at)
		if hours[name] == nil {
			hours[name] = &source.Hour{Hour: name, Minutes: make(map[string]int64)}
		}
		hours[name].Minutes[at.Format("04")] = 1000 + int64(at.Minute())
	}
	change := source.Change{Facet: source.FacetStatus, To: source.Connected, At: at(time.Hour), EventID: "e1", By: "heartbeat"}
	err := s.store.Update(t.Context(), channel.Key(), func(*source.Document, source.Parts) (source.Result, error) {
		return source.Result{
			Document: channel, Changed: true, Hours: hours, History: map[string]*source.Change{change.Key(): &change},
			Sessions: map[string]*source.Session{"9": {ID: "9", StartedAt: source.Time{Time: start}, Minutes: 60, Title: "Deep sea, no torch"}},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, fill := range map[string]func(*source.Document){
		"2": func(d *source.Document) {
			d.DisplayName, d.Status, d.StreamStatus = "PaperKites", source.Connected, source.Offline
		},
		"3": func(d *source.Document) {
			d.DisplayName, d.Status = "Night_Train", source.Error
			d.LastError = &source.LastError{Code: "gateway_closed", Message: "4000", At: at(time.Minute)}
		},
		"4": func(d *source.Document) { d.Permissions = []string{} },
	} {
		s.change(t, twitchKey(id), func(d *source.Document) {
			d.LastStatusUpdate = at(0)
			fill(d)
		})
	}
	s.change(t, source.Key{Platform: "slack", ID: "socket"}, func(d *source.Document) {
		d.DisplayName, d.Status, d.LastStatusUpdate = "Slack Socket Mode", source.Connected, at(0)
	})
}

const (
	keysShown  = `[...document.querySelectorAll('#cards > .card')].map((card) => card.dataset.key).join(' ')`
	firstCard  = `document.querySelector('#cards > .card')`
	chosenForm = `document.getElementById('filter').elements`
)

// set sets a field of the filter as a user does.
func (p *tab) set(t *testing.T, field, value string) {
	t.Helper()
	eval[bool](t, p, `(() => {
		const field = `+chosenForm+`['`+field+`'];
		field.value = '`+value+`';
		return field.dispatchEvent(new Event('input', { bubbles: true }));
	})()`)
}

func TestInTheBrowser(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, context.Context, *site)
	}{
		{"a change shows without a reload", changeShows},
		{"scripts show what the server shows", scriptsAgree},
		{"filter, search and order", filterSearchOrder},
		{"the chart of a source has points and can be zoomed", chartHasPoints},
		{"a source page follows its source", sourcePageFollows},
		{"without scripts it is a page to read", withoutScripts},
		{"a lost connection is told and made again", lostConnection},
		{"the keyboard reaches everything", keyboard},
		{"nothing is wider than a phone", phone},
		{"what comes from outside is text", outsideIsText},
		{"axe finds nothing", axe},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serveSite(t)
			s.populate(t)
			test.run(t, browser, s)
		})
	}
}

func changeShows(t *testing.T, browser context.Context, s *site) {
	p := open(t, browser, s, "/", view{})
	p.listening(t)
	eval[bool](t, p, `window.same = true`)
	s.change(t, twitchKey("2"), func(d *source.Document) {
		viewers := int64(54321)
		d.StreamStatus, d.ViewerCount = source.Online, &viewers
		d.Stream = &source.Stream{StartedAt: source.Time{Time: time.Now().Add(-90 * time.Minute)}}
		d.Metadata = source.Metadata{"title": "Folding along"}
	})
	p.until(t, `document.querySelector('[data-key="twitch:2"]').innerText.includes('54,321 viewers')`)
	p.until(t, `/LIVE\s+1 h 30 min\s+Folding along/.test(document.querySelector('[data-key="twitch:2"]').innerText)`)
	s.change(t, twitchKey("77"), func(d *source.Document) { d.DisplayName, d.Status = "Newcomer", source.Disconnected })
	p.until(t, `document.querySelector('[data-key="twitch:77"]')?.innerText.includes('Newcomer')`)
	p.until(t, `document.querySelector('#verdict').innerText.includes('1 disconnected')`)
	p.until(t, `document.title.startsWith('3 of 6 sources connected')`)
	if !eval[bool](t, p, `window.same === true`) {
		t.Error("the page was loaded anew")
	}
}

// slots are what the cards of a document say, but for what time changes.
const slots = `(root) => [...root.querySelectorAll('#cards > .card, #verdict')].map((card) =>
	[card.dataset.key ?? [...card.querySelectorAll('h1, li')].map((e) => e.textContent).join('; '), card.className, ...[...card.querySelectorAll('[data-slot]')]
		.filter((slot) => !['seen', 'since', 'availability', 'curve', 'streams', 'error'].includes(slot.dataset.slot))
		.map((slot) => [slot.dataset.slot, slot.hidden, slot.className, slot.hidden ? '' : slot.textContent, slot.getAttribute('src'), slot.getAttribute('href')].join('|')),
		card.querySelector('.error:not([hidden]) bdi')?.textContent].join('\n')).join('\n\n')`

func scriptsAgree(t *testing.T, browser context.Context, s *site) {
	p := open(t, browser, s, "/", view{})
	p.listening(t)
	for _, path := range []string{"/", "/?sort=name", "/?sort=viewers", "/?state=trouble", "/?platform=slack", "/?q=MUSIC+torch"} {
		p.do(t, chromedp.Navigate(s.url+path))
		p.until(t, `document.getElementById('link').textContent === 'Live'`)
		// Cards that were filled by scripts alone.
		eval[bool](t, p, `(document.querySelectorAll('#cards > .card').forEach((card) => card.remove()), true)`)
		s.change(t, twitchKey("4"), func(*source.Document) {})
		p.until(t, firstCard+` !== null`)
		served := eval[string](t, p, `fetch(location.href).then((a) => a.text()).then((text) => (`+slots+`)(new DOMParser().parseFromString(text, 'text/html')))`)
		if diff := cmp.Diff(served, eval[string](t, p, `(`+slots+`)(document)`)); diff != "" {
			t.Errorf("%s (-server +scripts):\n%s", path, diff)
		}
	}
}

func filterSearchOrder(t *testing.T, browser context.Context, s *site) {
	p := open(t, browser, s, "/", view{})
	p.listening(t)
	p.until(t, keysShown+` === 'twitch:3 twitch:1 twitch:2 twitch:4 slack:socket'`)
	p.set(t, "sort", "name")
	p.until(t, keysShown+` === 'twitch:4 twitch:1 twitch:3 twitch:2 slack:socket'`)
	p.set(t, "platform", "slack")
	p.until(t, keysShown+` === 'slack:socket'`)
	p.until(t, `location.search === '?platform=slack&sort=name'`)
	p.set(t, "platform", "")
	p.set(t, "state", "trouble")
	p.until(t, keysShown+` === 'twitch:3'`)
	p.set(t, "state", "")
	p.do(t, chromedp.SendKeys(chromedp.CSS(`input[name=q]`), "TORCH"))
	p.until(t, keysShown+` === 'twitch:1'`)
	p.until(t, `document.getElementById('found').textContent === '1 of 5 shown'`)
	p.do(t, chromedp.SendKeys(chromedp.CSS(`input[name=q]`), "less"))
	p.until(t, keysShown+` === '' && !document.getElementById('none').hidden`)
}

func chartHasPoints(t *testing.T, browser context.Context, s *site) {
	p := open(t, browser, s, "/sources/twitch:1", view{})
	p.until(t, `Number(document.getElementById('chart').dataset.points) >= 60`)
	// Something is drawn in the colour of the line.
	p.until(t, `(() => {
		const canvas = document.querySelector('#chart canvas');
		const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
		let drawn = 0;
		for (let i = 0; i < data.length; i += 4) drawn += data[i] === 0x6d && data[i + 1] === 0x3b && data[i + 2] === 0xd6;
		return drawn > 500;
	})()`)
	if !eval[bool](t, p, `document.getElementById('whole').disabled`) {
		t.Error("there is a zoom to reset before there is one")
	}
	eval[bool](t, p, `(document.getElementById('chart').scrollIntoView({ block: 'center' }), true)`)
	place := eval[[]float64](t, p, `(() => { const { left, top, width, height } = document.querySelector('#chart .u-over').getBoundingClientRect();
		return [left + width * 0.3, top + height / 2, left + width * 0.6, top + height / 2]; })()`)
	p.do(t, chromedp.DragAndDropXY(place[0], place[1], place[2], place[3]))
	p.until(t, `!document.getElementById('whole').disabled`)
	p.do(t, chromedp.Click(chromedp.CSS("#whole")))
	p.until(t, `document.getElementById('whole').disabled`)
	p.do(t, chromedp.Click(chromedp.CSS(`[data-hours="1"]`)))
	p.until(t, `document.querySelector('[data-hours="1"]').getAttribute('aria-pressed') === 'true'`)
}

func sourcePageFollows(t *testing.T, browser context.Context, s *site) {
	p := open(t, browser, s, "/sources/twitch:1", view{})
	p.until(t, `document.getElementById('link').textContent === 'Live'`)
	p.until(t, `document.querySelectorAll('#history li').length === 1`)
	change := source.Change{Facet: source.FacetStatus, To: source.Error, At: source.Time{Time: time.Now()}, EventID: "e2", Reason: "boom", By: "heartbeat"}
	err := s.store.Update(t.Context(), twitchKey("1"), func(before *source.Document, _ source.Parts) (source.Result, error) {
		d := *before
		d.Status = source.Error
		return source.Result{Document: &d, Changed: true, History: map[string]*source.Change{change.Key(): &change}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p.until(t, firstCard+`.innerText.includes('error')`)
	p.until(t, `document.querySelector('#history li').innerText.includes('boom')`)
	p.until(t, `document.querySelector('#document pre').textContent.includes('"status": "ERROR"')`)
	p.until(t, `!document.querySelector('#history time').textContent.includes('UTC') && document.querySelector('#history time').title.includes(document.querySelector('#history time').dateTime)`)
}

func withoutScripts(t *testing.T, browser context.Context, s *site) {
	p := open(t, browser, s, "/?state=live", view{scriptless: true})
	read := func(want ...string) {
		t.Helper()
		text, err := chromedp.Run(p.ctx, chromedp.Text(chromedp.CSS("body")))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range want {
			if !strings.Contains(text, want) {
				t.Errorf("the page lacks %q:\n%s", want, text)
			}
		}
	}
	read("3 of 5 sources connected", "Lanternfish", "Deep sea, no torch", "1,234 viewers", "LIVE", "1 h", "token expires in 2 days", "moderator")
	p.do(t, chromedp.SendKeys(chromedp.CSS("input[name=q]"), "nothing like it"), chromedp.Click(chromedp.CSS(".scriptless")))
	p.do(t, chromedp.WaitVisible(chromedp.CSS("#none")))
	read("No source is like that.")
	p.do(t, chromedp.Navigate(s.url+"/sources/twitch:1"))
	read("Lanternfish", "% connected", "Viewers of the last hours", "Deep sea, no torch", "heartbeat", "e1", "UTC")
}

func lostConnection(t *testing.T, browser context.Context, s *site) {
	p := open(t, browser, s, "/", view{})
	p.noise = true // a browser tells of what it cannot load
	p.listening(t)
	s.gate.shut()
	p.until(t, `document.getElementById('link').textContent.includes('Connection lost')`)
	s.change(t, twitchKey("2"), func(d *source.Document) { d.DisplayName = "Renamed meanwhile" })
	s.gate.open()
	p.until(t, `document.getElementById('link').textContent === 'Live'`)
	p.until(t, `document.querySelector('[data-key="twitch:2"]').innerText.includes('Renamed meanwhile')`)
}

func keyboard(t *testing.T, browser context.Context, s *site) {
	p := open(t, browser, s, "/", view{})
	p.listening(t)
	var reached []string
	for range 12 {
		p.do(t, chromedp.KeyEvent(kb.Tab))
		reached = append(reached, eval[string](t, p, `(({ name, innerText, tagName }) => name || innerText || tagName)(document.activeElement)`))
	}
	want := []string{"Skip to the content", "sourcestate", "q", "platform", "state", "sort", "Night_Train", "Lanternfish", "PaperKites", "4", "Slack Socket Mode", "JSON"}
	if diff := cmp.Diff(want, reached); diff != "" {
		t.Errorf("reached (-want +got):\n%s", diff)
	}
	// Who has the focus keeps it when cards move.
	eval[bool](t, p, `(document.querySelector('[data-key="twitch:2"] a').focus(), true)`)
	s.change(t, twitchKey("2"), func(d *source.Document) { d.Status, d.DisplayName = source.Error, "A first" })
	p.until(t, firstCard+`.dataset.key === 'twitch:2'`)
	p.until(t, firstCard+`.contains(document.activeElement)`)
	p.do(t, chromedp.KeyEvent(kb.Enter))
	p.until(t, `location.pathname === '/sources/twitch:2' && document.getElementById('link').textContent === 'Live'`)
	eval[bool](t, p, `(document.querySelector('.bar svg').focus(), true)`)
	p.until(t, `document.querySelector('.tip:not([hidden])') !== null`)
	before := eval[string](t, p, `document.querySelector('.tip').textContent`)
	p.do(t, chromedp.KeyEvent(kb.ArrowLeft))
	if after := eval[string](t, p, `document.querySelector('.tip').textContent`); after == before {
		t.Errorf("an arrow key leaves the tip at %q", after)
	}
}

func phone(t *testing.T, browser context.Context, s *site) {
	long := strings.Repeat("Wrzeszczykiewicz", 12)
	s.change(t, twitchKey("1"), func(d *source.Document) {
		d.DisplayName = long
		d.Metadata = source.Metadata{"title": long, "categoryName": long}
		d.LastError = &source.LastError{Code: long, At: source.Time{Time: time.Now()}}
	})
	s.change(t, source.Key{Platform: "twitch", ID: long}, func(d *source.Document) { d.Status = source.Disconnected })
	for _, path := range []string{"/", "/sources/twitch:1", "/sources/twitch:" + long} {
		for _, l := range []view{{width: 360}, {width: 360, scriptless: true}} {
			p := open(t, browser, s, path, l)
			if !l.scriptless {
				p.until(t, `document.getElementById('link').textContent === 'Live'`)
			}
			if width := eval[int](t, p, `document.documentElement.scrollWidth`); width > 360 {
				t.Errorf("%.30s is %d wide: %s", path, width, eval[string](t, p,
					`[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > 361).map((e) => e.tagName + '.' + e.className).slice(0, 5).join(' ')`))
			}
		}
	}
}

func outsideIsText(t *testing.T, browser context.Context, s *site) {
	const evil = "<script>window.hacked = true</script><img src=x onerror='window.hacked = true'>\u202egnp"
	p := open(t, browser, s, "/", view{})
	p.listening(t)
	s.change(t, twitchKey("<b>&amp;"), func(d *source.Document) {
		d.DisplayName, d.Status, d.StreamStatus = evil, "<b>BOLD</b>", source.Online
		d.Metadata = source.Metadata{"title": evil, "categoryName": evil}
		d.LastError = &source.LastError{Code: evil, Message: evil, At: source.Time{Time: time.Now()}}
		d.Permissions = []string{evil}
	})
	p.until(t, `document.querySelector('[data-key="twitch:<b>&amp;"]')?.innerText.includes("<script>window.hacked")`)
	check := func(where string) {
		t.Helper()
		if eval[bool](t, p, `Boolean(window.hacked) || document.querySelector('img[src=x], main script, main b > b') !== null`) {
			t.Errorf("%s: what is a name became a part of the page", where)
		}
	}
	check("a card filled by scripts")
	p.do(t, chromedp.Click(chromedp.CSS(`[data-key="twitch:<b>&amp;"] a`)))
	p.until(t, `location.pathname.startsWith('/sources/') && document.getElementById('link').textContent === 'Live'`)
	check("the page of the source")
}

// axePath is where npm ci puts axe-core.
const axePath = "testdata/axe/node_modules/axe-core/axe.min.js"

func axe(t *testing.T, browser context.Context, s *site) {
	script, err := os.ReadFile(axePath)
	switch {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatal(err)
	case err != nil:
		t.Skip("axe-core is not there; npm ci in testdata/axe installs it")
	}
	for _, path := range []string{"/", "/sources/twitch:1"} {
		for _, l := range []view{{}, {dark: true}, {width: 360}} {
			p := open(t, browser, s, path, l)
			p.until(t, `document.getElementById('link').textContent === 'Live'`)
			p.until(t, `document.querySelector('.bar') !== null && document.getElementById('chart')?.dataset.points !== ''`)
			eval[bool](t, p, `document.getElementById('document') && (document.getElementById('document').open = true), true`)
			eval[bool](t, p, string(script)+`; true`)
			found := eval[string](t, p, `axe.run().then(({ violations }) => violations.map((v) =>
				v.id + ': ' + v.help + '\n' + v.nodes.map((n) => '  ' + n.html.slice(0, 200) + '\n  ' + n.failureSummary).join('\n')).join('\n'))`)
			if found != "" {
				t.Errorf("%s %+v:\n%s", path, l, found)
			}
		}
	}
}
