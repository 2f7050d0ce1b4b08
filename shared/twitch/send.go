package twitch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	maxAnswer      = 4 << 20          // bytes
	requestTimeout = 10 * time.Second // for one answer
	maxPause       = time.Minute      // before a request is sent once more
	failurePause   = 500 * time.Millisecond
)

// A request is sent as often as needed; its body must not change.
type request struct {
	method      string
	url         string
	contentType string
	body        []byte
	as          access
	secrets     []string // in the body: what no error may hold
	// refusals is what a refusal means beyond what all of them do; its message is
	// in lower case. Nil: nothing.
	refusals func(status int, message string) error
}

// An access is on whose behalf a request is sent.
type access struct {
	who    identity
	scheme string // of the Authorization header
	token  string // of a user
}

type identity int

const (
	nobody identity = iota // no Authorization header
	app                    // the client's own token
	user                   // the token given, never another one
)

var asApp = access{who: app, scheme: "Bearer"}

// asUser is the access with a user's token. Without one there is no such access,
// above all not with the app's.
func asUser(scheme, token string) (access, error) {
	if token == "" {
		return access{}, fmt.Errorf("%w: none given", ErrTokenInvalid)
	}
	return access{who: user, scheme: scheme, token: token}, nil
}

// An answer is one of status 2xx, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// exchange sends a request until it has an answer or there is no use in sending
// it again: once more after a 5xx, after a 429 and, with a new app token, after
// a 401.
func (c *Client) exchange(ctx context.Context, r request) (answer, error) {
	if c.fault != nil {
		return answer{}, c.fault
	}
	token := r.as.token
	if r.as.who == app {
		var err error
		if token, err = c.token(ctx, ""); err != nil {
			return answer{}, err
		}
	}
	var renewed, waited, repeated bool
	for {
		a, err := c.attempt(ctx, r, token)
		var refused *APIError
		if err == nil || !errors.As(err, &refused) {
			return a, err
		}
		pause := failurePause
		switch {
		case refused.Status == http.StatusUnauthorized && refused.kind == nil && r.as.who == app && !renewed:
			renewed = true
			if token, err = c.token(ctx, token); err != nil {
				return answer{}, err
			}
			continue
		case refused.kind == ErrRateLimited && !refused.Reset.IsZero() && !waited:
			waited = true
			pause = max(refused.Reset.Sub(c.now()), 0)
		case refused.Status >= http.StatusInternalServerError && !repeated:
			repeated = true
		default:
			return answer{}, err
		}
		if !fits(ctx, pause) {
			return answer{}, err
		}
		if ended := c.sleep(ctx, pause); ended != nil {
			return answer{}, fmt.Errorf("%w, waiting to ask again: %w", err, ended)
		}
	}
}

// fits reports whether there is an answer to be had after such a pause.
func fits(ctx context.Context, pause time.Duration) bool {
	deadline, bounded := ctx.Deadline()
	return pause <= maxPause && (!bounded || pause < time.Until(deadline))
}

// attempt sends a request once.
func (c *Client) attempt(ctx context.Context, r request, token string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	secrets := append([]string{c.secret, token}, r.secrets...)

	req, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, unanswered(ctx, err, secrets)
	}
	req.Header.Set("Accept", "application/json")
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	if r.as.who != nobody {
		req.Header.Set("Client-Id", c.id)
		req.Header.Set("Authorization", r.as.scheme+" "+token)
	}
	response, err := c.http.Do(req)
	if err != nil {
		return answer{}, unanswered(ctx, err, secrets)
	}
	defer response.Body.Close()

	a := answer{status: response.StatusCode, header: response.Header}
	a.body, err = read(response)
	switch {
	case err != nil:
		what := quote("the answer broke off: "+err.Error(), secrets)
		return answer{}, unreadable(a.status, ended(ctx, err), what)
	case len(a.body) > maxAnswer:
		return answer{}, unreadable(a.status, nil, "the answer is too large")
	case a.status < 200 || a.status > 299:
		return answer{}, r.refusal(a, secrets)
	}
	return a, nil
}

// read reads a body, up to one byte more than is allowed.
func read(response *http.Response) ([]byte, error) {
	var body bytes.Buffer
	if known := response.ContentLength; 0 < known && known <= maxAnswer {
		body.Grow(int(known) + bytes.MinRead)
	}
	_, err := body.ReadFrom(io.LimitReader(response.Body, maxAnswer+1))
	return body.Bytes(), err
}

// unanswered is the error of a request without an answer. It keeps no more of err
// than its text: what net/http gives has the URL in it.
func unanswered(ctx context.Context, err error, secrets []string) error {
	for wrapped := (*url.Error)(nil); errors.As(err, &wrapped) && wrapped.Err != nil; {
		err = wrapped.Err
	}
	if cause := ended(ctx, err); cause != nil {
		return fmt.Errorf("no answer from Twitch: %w", cause)
	}
	return fmt.Errorf("no answer from Twitch: %s", quote(err.Error(), secrets))
}

// ended is the error of the context that stands behind err, nil if none does.
func ended(ctx context.Context, err error) error {
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return context.DeadlineExceeded
	}
	return nil
}
