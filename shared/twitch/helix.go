// The rest of the package asks: Helix for streams, users, roles, grants and
// subscriptions, and id.twitch.tv for tokens. A Client does so within bounds that
// github.com/nicklaw5/helix/v2 does not set (facts/twitch.md section 5), and what
// to do about subscriptions is a pure function beside it, Reconcile.

package twitch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sourcestate/sourcestate/shared/gather"
)

// Where Twitch is.
const (
	DefaultAPIURL  = "https://api.twitch.tv/helix"
	DefaultAuthURL = "https://id.twitch.tv"
)

// parallel is how many requests of one call are under way at a time.
const parallel = 4

// ClientConfig says who asks, and where. It may be printed: the secret does not
// show.
type ClientConfig struct {
	ClientID     string
	ClientSecret string
	APIURL       string                                     // empty: DefaultAPIURL
	AuthURL      string                                     // empty: DefaultAuthURL
	Transport    http.RoundTripper                          // nil: one of its own
	Now          func() time.Time                           // nil: time.Now
	Sleep        func(context.Context, time.Duration) error // waits before a request is sent again; nil: a timer
}

// A Client asks Twitch. It holds an app token, fetched with the first request
// that needs one, shared by all and renewed when Twitch refuses it; user tokens
// are given to each call and never refreshed. It is safe for concurrent use, and
// meant to be kept. It prints without its secrets.
//
// No call takes an answer of more than 4 MiB, follows a redirect or waits longer
// than 10 s for one answer. A request is sent once more after a 5xx, and after a
// 429 when its reset comes within a minute and before the deadline. An answer
// that Twitch refused or that cannot be read is an *APIError; errors.Is finds the
// sentinels of this package and the errors of the context. No error holds a
// secret, a token or a URL.
type Client struct {
	id      string
	secret  string
	apiURL  string
	authURL string
	fault   error // of the configuration: what every call answers
	http    *http.Client
	now     func() time.Time
	sleep   func(context.Context, time.Duration) error
	renewal *gather.Group[string, string]

	mu       sync.Mutex
	appToken string // "" until one was fetched; guarded by mu
}

// NewClient makes a Client. It does no I/O; what is wrong with the configuration
// is the error of each call.
func NewClient(config ClientConfig) *Client {
	c := &Client{id: config.ClientID, secret: config.ClientSecret, now: config.Now, sleep: config.Sleep}
	var apiFault, authFault, idFault error
	c.apiURL, apiFault = base("API", config.APIURL, DefaultAPIURL)
	c.authURL, authFault = base("auth", config.AuthURL, DefaultAuthURL)
	if c.id == "" {
		idFault = errors.New("no client id of Twitch")
	}
	c.fault = errors.Join(idFault, apiFault, authFault)
	if c.now == nil {
		c.now = time.Now
	}
	if c.sleep == nil {
		c.sleep = sleep
	}
	transport := config.Transport
	if transport == nil {
		transport = newTransport()
	}
	c.http = &http.Client{
		Transport: transport,
		// Twitch redirects nobody, and a token is for no other host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.renewal = gather.New(gather.Config[string]{Timeout: renewalTimeout}, c.renew)
	return c
}

// newTransport is the default one of net/http, which keeps only two connections
// to a host.
func newTransport() http.RoundTripper {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	transport = transport.Clone()
	transport.MaxIdleConnsPerHost = parallel
	return transport
}

// base reads the URL that others are made of. Its errors never hold the URL, for
// that may hold credentials; and one that does is refused, since they would
// neither be used nor kept out of the way.
func base(name, text, otherwise string) (string, error) {
	if text == "" {
		return otherwise, nil
	}
	text = strings.TrimRight(text, "/")
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s URL of Twitch cannot be read", name)
	case u.Scheme != "https" && u.Scheme != "http", u.Host == "":
		return "", fmt.Errorf("%s URL of Twitch is not of the form https://host/path", name)
	case u.User != nil:
		return "", fmt.Errorf("%s URL of Twitch holds credentials", name)
	case strings.ContainsAny(text, "?#"):
		return "", fmt.Errorf("%s URL of Twitch has a query or a fragment", name)
	}
	return text, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Format prints whose client it is, whatever the verb.
func (c *Client) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "[Twitch client %s]", c.id) }

// LogValue is what logs see.
func (c *Client) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// Format prints whose configuration it is, whatever the verb.
func (c ClientConfig) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "[configuration of Twitch client %s]", c.ClientID)
}

// LogValue is what logs see.
func (c ClientConfig) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

var (
	_ fmt.Formatter  = (*Client)(nil)
	_ slog.LogValuer = (*Client)(nil)
	_ fmt.Formatter  = ClientConfig{}
	_ slog.LogValuer = ClientConfig{}
)
