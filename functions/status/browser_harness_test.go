package status

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
)

// patience is how long a page may take for what is a matter of milliseconds on a
// machine that has nothing else to do.
const patience = 30 * time.Second

// startBrowser starts a Chromium that ends with the test. Without one on this
// machine the test is skipped, and fails with CI=true.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	switch {
	case path == "" && os.Getenv("CI") == "true":
		t.Fatal("no Chromium on this machine")
	case path == "":
		t.Skip("no Chromium on this machine")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.DisableGPU,
		// As root there is no sandbox to be had.
		chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	browser, stop := chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return browser
}

// A site is a Handler with its store, served on loopback.
type site struct {
	url   string
	store *bolt.Store
	gate  *gate
}

func serveSite(t *testing.T) *site {
	t.Helper()
	s, err := bolt.Open(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	h := New(Config{}, s, silent())
	g := &gate{handler: h, cut: make(chan struct{})}
	server := httptest.NewServer(g)
	t.Cleanup(func() {
		g.shut()
		h.Close()
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &site{url: server.URL, store: s, gate: g}
}

// A gate lets events through, or cuts them off.
type gate struct {
	handler http.Handler

	mu     sync.Mutex // guards what follows
	closed bool
	cut    chan struct{} // closed when the gate is
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/events" {
		g.handler.ServeHTTP(w, r)
		return
	}
	g.mu.Lock()
	closed, cut := g.closed, g.cut
	g.mu.Unlock()
	if closed {
		http.Error(w, "shut", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() {
		select {
		case <-cut:
			cancel()
		case <-ctx.Done():
		}
	}()
	g.handler.ServeHTTP(w, r.WithContext(ctx))
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.closed = true
		close(g.cut)
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed, g.cut = false, make(chan struct{})
}

// change stores a document that a function changes.
func (s *site) change(t *testing.T, key source.Key, change func(*source.Document)) {
	t.Helper()
	err := s.store.Update(t.Context(), key, func(before *source.Document, _ source.Parts) (source.Result, error) {
		d := &source.Document{Platform: key.Platform, ID: key.ID}
		if before != nil {
			copied := *before
			d = &copied
		}
		change(d)
		return source.Result{Document: d, Changed: true}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A tab is a page in the browser. At the end of its test it must not have written
// to its console nor asked another host.
type tab struct {
	ctx   context.Context
	site  *site
	noise bool // whether it may write to its console

	mu       sync.Mutex // guards what follows
	messages []string
	requests []string
}

// A view is how a page is looked at. The zero view is that of a wide, light screen
// with scripts.
type view struct {
	width      int64
	dark       bool
	scriptless bool
}

// open opens a page.
func open(t *testing.T, browser context.Context, s *site, path string, l view) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	p := &tab{ctx: ctx, site: s}
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatal(err)
	}
	console := chromedp.Console(ctx)
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		for m, err := range console {
			if err != nil {
				return
			}
			p.mu.Lock()
			p.messages = append(p.messages, fmt.Sprint(m.Type, ": ", m.Text))
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-heard
		p.judge(t)
	})
	p.do(t, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error { return p.dress(ctx, l) }), chromedp.Navigate(s.url+path))
	return p
}

func (p *tab) dress(ctx context.Context, l view) error {
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		return err
	}
	if l.width == 0 {
		l.width = 1440
	}
	size := emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: 900, DeviceScaleFactor: 1}
	if _, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, size); err != nil {
		return err
	}
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}, {Name: "prefers-reduced-motion", Value: "reduce"}}
	if l.dark {
		features[0].Value = "dark"
	}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		return err
	}
	_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: l.scriptless})
	return err
}

func (p *tab) hear(event any) {
	if sent, ok := event.(*network.EventRequestWillBeSent); ok {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.requests = append(p.requests, sent.Request.URL)
	}
}

// judge looks at what the page said and asked.
func (p *tab) judge(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.messages) > 0 && !p.noise {
		t.Errorf("the page wrote to its console:\n%s", strings.Join(p.messages, "\n"))
	}
	home, err := url.Parse(p.site.url)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.requests) == 0 {
		t.Error("no request was heard")
	}
	for _, request := range p.requests {
		if asked, err := url.Parse(request); err != nil || asked.Host != home.Host {
			t.Errorf("the page asked another host: %s", request)
		}
	}
}

// do runs steps in the page, in time.
func (p *tab) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// eval is the value of an expression in a page; promises are awaited.
func eval[T any](t *testing.T, p *tab, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// until waits for an expression to be true in the page.
func (p *tab) until(t *testing.T, expression string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		// A page that is just being left has no value.
		value, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		if err == nil && value {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.body.innerText"))
			t.Fatalf("waited in vain until %s (%v); the page:\n%s", expression, err, text)
		}
	}
}

// listening waits until the page hears of changes.
func (p *tab) listening(t *testing.T) {
	t.Helper()
	p.until(t, `document.getElementById('link')?.textContent === 'Live' && document.querySelector('.cards .bar') !== null`)
}
