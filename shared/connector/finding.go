package connector

import (
	"errors"
	"fmt"
)

// What a poll may find in place of snapshots. A refusal of the connector itself
// ("unknown_platform", "internal_error") is its own word.
const (
	reasonUnreachable  = "unreachable"  // no connection, or none that lasted
	reasonTimeout      = "timeout"      // no answer in time
	reasonUnreadable   = "unreadable"   // an answer that is no snapshot in any shape
	reasonTooLarge     = "too_large"    // an answer of more than 1 MiB
	reasonRedirect     = "redirect"     // it points elsewhere
	reasonUnauthorized = "unauthorized" // status 401 or 403: the ID token is missing or not enough
	reasonNoToken      = "no_token"     // no ID token could be had, or none may be sent there
	reasonHTTP         = "http_"        // another status, its number behind it
)

// A Finding says why a poll brought no snapshots. It is a miss, and says nothing
// of the sources yet.
type Finding struct {
	Reason   string // a short word
	Answered bool   // something answered
	Err      error  // details, without URLs and tokens; may be nil
}

func (f *Finding) Error() string {
	if f.Err == nil {
		return f.Reason
	}
	return f.Reason + ": " + f.Err.Error()
}

// Unwrap gives the details.
func (f *Finding) Unwrap() error { return f.Err }

// Reason is the word of the finding behind an error; "failed" for another error.
func Reason(err error) string {
	var f *Finding
	if errors.As(err, &f) {
		return f.Reason
	}
	return "failed"
}

// Answered reports whether something answered the poll, if only with a refusal.
func Answered(err error) bool {
	var f *Finding
	return errors.As(err, &f) && f.Answered
}

func unreadable(format string, args ...any) *Finding {
	return &Finding{Reason: reasonUnreadable, Answered: true, Err: fmt.Errorf(format, args...)}
}
