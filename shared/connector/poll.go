package connector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/idtoken"
)

// maxAnswer bounds one answer, in bytes.
const maxAnswer = 1 << 20

// A TokenSource gives an ID token for an audience. It must be safe for concurrent
// use.
type TokenSource func(ctx context.Context, audience string) (string, error)

// ClientConfig says how a Client reaches connectors. The zero value is right in
// the cloud.
type ClientConfig struct {
	Transport http.RoundTripper // nil: http.DefaultTransport
	Tokens    TokenSource       // nil: the metadata server or application default credentials
	Now       func() time.Time  // measures round trips; nil: time.Now
}

// A Client polls connectors. It is safe for concurrent use.
type Client struct {
	http   *http.Client
	tokens TokenSource
	now    func() time.Time
}

// NewClient makes a Client. It does no I/O.
func NewClient(config ClientConfig) *Client {
	c := &Client{
		http:   &http.Client{Transport: config.Transport, CheckRedirect: stay},
		tokens: config.Tokens,
		now:    config.Now,
	}
	if c.tokens == nil {
		c.tokens = new(googleTokens).token
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c
}

// stay follows no redirect: a token would go along.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// A Poll is what came of asking one target.
type Poll struct {
	Snapshots []Snapshot
	Latency   time.Duration // the round trip
}

// Poll asks a target for its snapshots, within its timeout. Where these name no
// instance, /_debug/instance beside the URL is asked for it. The error is a
// *Finding.
func (c *Client) Poll(ctx context.Context, target Target) (Poll, error) {
	ctx, cancel := context.WithTimeout(ctx, target.Timeout)
	defer cancel()
	token, err := c.token(ctx, target)
	if err != nil {
		return Poll{}, err
	}
	var instance string
	var asking sync.WaitGroup
	if beside := besideURL(target.URL); beside != "" {
		asking.Go(func() {
			// Not every connector knows its instance, and none needs to.
			if status, body, err := c.fetch(ctx, beside, token); err == nil && status == http.StatusOK {
				instance = instanceOf(body)
			}
		})
	}
	began := c.now()
	status, body, err := c.fetch(ctx, target.URL, token)
	poll := Poll{Latency: c.now().Sub(began)}
	if err == nil {
		poll.Snapshots, err = Parse(target.Name, status, body)
	}
	if err != nil {
		cancel() // the instance of nothing is not waited for
	}
	asking.Wait()
	if err != nil {
		return Poll{}, err
	}
	for i := range poll.Snapshots {
		if poll.Snapshots[i].Instance == "" {
			poll.Snapshots[i].Instance = instance
		}
	}
	return poll, nil
}

// besideURL is where the target tells its instance; "" where that cannot be known.
func besideURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	before, _, found := strings.Cut(u.Path, "/_debug/")
	if !found {
		return ""
	}
	u.Path, u.RawPath, u.RawQuery, u.Fragment = before+"/_debug/instance", "", "", ""
	return u.String()
}

func (c *Client) token(ctx context.Context, target Target) (string, error) {
	if target.Audience == "" || plainLoopback(target.URL) {
		return "", nil
	}
	token, err := c.tokens(ctx, target.Audience)
	if err != nil {
		return "", &Finding{Reason: reasonNoToken, Err: cause(ctx, err)}
	}
	return token, nil
}

func plainLoopback(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "http" && loopback(u.Hostname())
}

// fetch gets a URL. The error is a *Finding.
func (c *Client) fetch(ctx context.Context, address, token string) (status int, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, &Finding{Reason: reasonUnreachable, Err: errors.New("the URL cannot be used")}
	}
	r.Header.Set("Accept", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return 0, nil, unreached(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 && response.StatusCode < 400 {
		return 0, nil, &Finding{Reason: reasonRedirect, Answered: true, Err: fmt.Errorf("answered %d", response.StatusCode)}
	}
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return 0, nil, unreached(ctx, err)
	}
	if len(body) > maxAnswer {
		return 0, nil, &Finding{Reason: reasonTooLarge, Answered: true}
	}
	return response.StatusCode, body, nil
}

// unreached is the finding of a request that brought no answer, or half of one.
func unreached(ctx context.Context, err error) *Finding {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Finding{Reason: reasonTimeout, Err: ctx.Err()}
	}
	return &Finding{Reason: reasonUnreachable, Err: cause(ctx, err)}
}

// cause is an error without the URL that net/http puts into it.
func cause(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	if withURL := (*url.Error)(nil); errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}

// googleTokens gives the ID tokens of the account that the function runs as.
type googleTokens struct {
	mu      sync.Mutex                    // guards sources
	sources map[string]oauth2.TokenSource // by audience; each renews its token by itself
}

func (g *googleTokens) token(ctx context.Context, audience string) (string, error) {
	source, err := g.source(ctx, audience)
	if err != nil {
		return "", err
	}
	token, err := source.Token()
	if err != nil {
		return "", fmt.Errorf("fetching an ID token: %w", err)
	}
	return token.AccessToken, nil
}

func (g *googleTokens) source(ctx context.Context, audience string) (oauth2.TokenSource, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if source, ok := g.sources[audience]; ok {
		return source, nil
	}
	// It outlives the poll that it is first needed for.
	source, err := idtoken.NewTokenSource(context.WithoutCancel(ctx), audience)
	if err != nil {
		return nil, fmt.Errorf("finding credentials for an ID token: %w", err)
	}
	if g.sources == nil {
		g.sources = make(map[string]oauth2.TokenSource)
	}
	g.sources[audience] = source
	return source, nil
}
