package source

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// A Key names one source: the platform and the id that the platform gives it.
type Key struct {
	Platform string // e.g. "twitch"; without a colon
	ID       string // e.g. "1337"; may hold colons and slashes
}

// ErrKey says that a text names no source.
var ErrKey = errors.New("not a source key")

const (
	maxIDBytes       = 512
	maxPlatformBytes = 64
)

// String is "platform:id", as users and the API name a source.
func (k Key) String() string { return k.Platform + ":" + k.ID }

// DocumentID is the id of the source's document: like String, but percent-encoded
// where Firestore refuses a slash. "%" is encoded too, so that two sources never
// share a document.
func (k Key) DocumentID() string {
	return Escape(k.String())
}

var escaper = strings.NewReplacer("%", "%25", "/", "%2F")

// Escape percent-encodes what stores refuse in a name, "/", and "%" itself, so that
// different names stay different.
func Escape(name string) string { return escaper.Replace(name) }

// ParseKey reads "platform:id"; the first colon splits. The error is ErrKey,
// wrapped.
func ParseKey(text string) (Key, error) {
	platform, id, _ := strings.Cut(text, ":")
	key := Key{Platform: platform, ID: id}
	if !key.valid() {
		return Key{}, fmt.Errorf("%w: want platform:id", ErrKey)
	}
	return key, nil
}

// ParseDocumentID is the inverse of DocumentID.
func ParseDocumentID(id string) (Key, error) {
	text, err := url.PathUnescape(id)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return ParseKey(text)
}

// valid reports whether the key can name a document (design section 5, rule 4).
func (k Key) valid() bool { return validPlatform(k.Platform) && validID(k.ID) }

func validID(id string) bool {
	return id != "" && len(id) <= maxIDBytes && !strings.ContainsFunc(id, unicode.IsControl)
}

// validPlatform refuses, beside what no id may hold, the names that would break
// "platform:id" apart or that Firestore keeps for itself ("__...__").
func validPlatform(platform string) bool {
	return platform != "" && platform != "unknown" && len(platform) <= maxPlatformBytes &&
		!strings.ContainsAny(platform, ":/%") && !strings.HasPrefix(platform, "__") &&
		!strings.ContainsFunc(platform, unicode.IsControl)
}
