package twitch

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What a caller may have to act upon. An *APIError with the details is in the
// same chain, but for a token that was not even sent.
var (
	// ErrTokenInvalid says that a user token is of no use any more, or none was
	// given.
	ErrTokenInvalid = errors.New("user token invalid")
	// ErrScopeMissing says that a user has not granted what was asked for.
	// APIError.Scope names the scope where Twitch does.
	ErrScopeMissing = errors.New("scope missing")
	// ErrRateLimited says that there were too many requests. APIError.Reset is
	// when that ends.
	ErrRateLimited = errors.New("rate limited")
	// ErrSubscriptionExists says that there is such a subscription already.
	ErrSubscriptionExists = errors.New("subscription exists")
	// ErrSubscriptionLimit says that there are three subscriptions of that type
	// and condition. Waiting does not help, deleting does.
	ErrSubscriptionLimit = errors.New("too many subscriptions of this type and condition")
	// ErrCostLimit says that the subscriptions would cost more than allowed.
	ErrCostLimit = errors.New("cost limit of subscriptions reached")
	// ErrVersionRemoved says that the version of a subscription type is no more.
	ErrVersionRemoved = errors.New("version removed")
)

// An APIError is an answer of Twitch that is no use: a refusal, or one that
// cannot be read.
type APIError struct {
	Status  int       // of HTTP; below 300 where the answer could not be read
	Message string    // what Twitch said, shortened, or what is wrong with the answer
	Scope   string    // with ErrScopeMissing: the first scope that Twitch names
	Reset   time.Time // with ErrRateLimited: when it ends, zero: not known
	kind    error     // what Is finds
}

func (e *APIError) Error() string {
	text := "Twitch answered " + strconv.Itoa(e.Status)
	if e.kind != nil {
		text += ": " + e.kind.Error()
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Unwrap is the sentinel that e stands for, or why the answer did not arrive.
func (e *APIError) Unwrap() error { return e.kind }

// refusal is the error that an answer other than 2xx stands for. Its body may be
// of any kind: a proxy's page has a status all the same.
func (r request) refusal(a answer, secrets []string) *APIError {
	message := redact(said(a.body), secrets)
	e := &APIError{Status: a.status, Message: quote(message, secrets)}
	e.Scope, e.kind = r.meaning(a.status, strings.ToLower(message))
	if e.kind == ErrRateLimited {
		e.Reset = resetTime(a.header)
	}
	return e
}

// said is the message of an error's body: id.twitch.tv often has nothing else.
func said(body []byte) string {
	var told struct {
		Error   json.RawMessage `json:"error"`
		Message json.RawMessage `json:"message"`
	}
	if json.Unmarshal(body, &told) != nil {
		return ""
	}
	for _, raw := range []json.RawMessage{told.Message, told.Error} {
		var text string
		if json.Unmarshal(raw, &text) == nil && text != "" {
			return text
		}
	}
	return ""
}

// meaning is the scope that a refusal names and the sentinel for it. Twitch
// promises no wording, so a message, in lower case, only narrows down what the
// status says. But a 401 without any is not Twitch's, and no word on a token.
func (r request) meaning(status int, message string) (scope string, kind error) {
	if r.refusals != nil {
		if kind := r.refusals(status, message); kind != nil {
			return "", kind
		}
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		if strings.Contains(message, "scope") || strings.Contains(message, "missing proper authorization") {
			name := scopeName.FindString(message)
			return strings.TrimPrefix(name, "scope:"), ErrScopeMissing
		}
		if status == http.StatusUnauthorized && r.as.who == user && message != "" && !elsewhere(message) {
			return "", ErrTokenInvalid
		}
	case http.StatusTooManyRequests:
		return "", ErrRateLimited
	}
	return "", nil
}

// scopeName is how a scope looks, e.g. user:read:moderated_channels.
var scopeName = regexp.MustCompile(`[a-z_]+(:[a-z_]+)+`)

// elsewhere reports whether a 401 is about a token that is good, but of another
// user or another app.
func elsewhere(message string) bool {
	return strings.Contains(message, "match") || strings.Contains(message, "incorrect user")
}

// resetTime is when Twitch takes requests again; zero where it does not say.
func resetTime(header http.Header) time.Time {
	seconds, err := strconv.ParseInt(header.Get("Ratelimit-Reset"), 10, 64)
	if err != nil || seconds <= 0 || seconds > maxUnix {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// maxUnix is the last second of the year 9999.
const maxUnix = 253402300799

// unreadable is the error of an answer that should have been good.
func unreadable(status int, kind error, what string) *APIError {
	return &APIError{Status: status, Message: what, kind: kind}
}
