package connector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
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
	// A client of net/http would read where a redirect points, and tell it in its
	// errors. A transport follows none: a token would go along.
	transport http.RoundTripper
	tokens    TokenSource
	now       func() time.Time
}

// NewClient makes a Client. It does no I/O.
func NewClient(config ClientConfig) *Client {
	c := &Client{transport: config.Transport, tokens: config.Tokens, now: config.Now}
	if c.transport == nil {
		c.transport = http.DefaultTransport
	}
	if c.tokens == nil {
		c.tokens = new(googleTokens).token
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c
}

// A Poll is what came of asking one target.
type Poll struct {
	Snapshots []Snapshot
	Latency   time.Duration // the round trip
	Raw       []byte        // the body of the answer, be it one that cannot be parsed; nil without one
}

// Poll asks a target for its snapshots, within its timeout. Where these name no
// instance, /_debug/instance beside the URL is asked for it. The error is a
// *Finding; the poll beside it holds what the target answered all the same.
func (c *Client) Poll(ctx context.Context, target Target) (Poll, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(target.Timeout, DefaultTimeout))
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
	poll := Poll{Latency: c.now().Sub(began), Raw: body}
	if err == nil {
		poll.Snapshots, err = Parse(target.Name, status, body)
	}
	if !slices.ContainsFunc(poll.Snapshots, func(s Snapshot) bool { return s.Instance == "" }) {
		cancel() // nobody needs the instance
	}
	asking.Wait()
	if err != nil {
		return Poll{Latency: poll.Latency, Raw: body}, err
	}
	for i := range poll.Snapshots {
		poll.Snapshots[i].Instance = cmp.Or(poll.Snapshots[i].Instance, instance)
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

// token is the ID token to send to a target; "" for none. The error is a *Finding.
func (c *Client) token(ctx context.Context, target Target) (string, error) {
	if target.Audience == "" {
		return "", nil
	}
	u, err := url.Parse(target.URL)
	switch {
	case err != nil:
		return "", nil // fetching it says so
	case exposed(u):
		return "", &Finding{Reason: reasonNoToken, Err: errors.New("it would go over plain http")}
	case u.Scheme == "http":
		return "", nil // on loopback nobody asks for one
	}
	token, err := c.tokens(ctx, target.Audience)
	if err != nil {
		return "", &Finding{Reason: reasonNoToken, Err: cause(ctx, err)}
	}
	return token, nil
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
	response, err := c.transport.RoundTrip(r)
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
	if slow := (net.Error)(nil); errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.As(err, &slow) && slow.Timeout() {
		return &Finding{Reason: reasonTimeout, Err: cause(ctx, err)}
	}
	return &Finding{Reason: reasonUnreachable, Err: cause(ctx, err)}
}

// cause is an error without the URL that may stand in it.
func cause(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	if withURL := (*url.Error)(nil); errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}
