package twitch

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"strings"
	"sync"
)

const signaturePrefix = "sha256="

// The length of a secret, by Twitch's rule.
const (
	minSecret = 10
	maxSecret = 100
)

// ErrSecret says that a secret breaks Twitch's rules. Errors that wrap it name
// the rule and never hold the secret.
var ErrSecret = errors.New("unusable EventSub secret")

// A signature is the value of the signature header.
type signature [len(signaturePrefix) + 2*sha256.Size]byte

// Sign is the signature that Twitch would send with a message: the HMAC-SHA256
// of id, timestamp and body with nothing between them.
func Sign(secret, id, timestamp string, body []byte) string {
	s := newSigner([]byte(secret)).sign(id, timestamp, body)
	return string(s[:])
}

// A signer signs with one secret, one message at a time.
type signer struct {
	mac  hash.Hash
	head []byte // id and timestamp, kept for its memory
	sum  []byte // likewise
}

func newSigner(secret []byte) *signer { return &signer{mac: hmac.New(sha256.New, secret)} }

func (s *signer) sign(id, timestamp string, body []byte) (result signature) {
	s.head = append(append(s.head[:0], id...), timestamp...)
	s.mac.Reset()
	s.mac.Write(s.head)
	s.mac.Write(body)
	s.sum = s.mac.Sum(s.sum[:0])
	copy(result[:], signaturePrefix)
	hex.Encode(result[len(signaturePrefix):], s.sum)
	return result
}

// A key is one secret with signers to spare: to set one up costs as much as to
// sign a short message.
type key struct {
	secret  []byte
	signers sync.Pool
}

func (k *key) sign(id, timestamp string, body []byte) signature {
	s, ok := k.signers.Get().(*signer)
	if !ok {
		s = newSigner(k.secret)
	}
	defer k.signers.Put(s)
	return s.sign(id, timestamp, body)
}

// Secrets are the secrets that messages may be signed with, newest first, so
// that an old one stays good while subscriptions move to the new. They do not
// print. The zero value has none and verifies nothing. Safe for concurrent use.
type Secrets struct {
	keys []*key
}

// ParseSecrets reads a comma-separated list of secrets, newest first. Blanks
// around each are dropped: a secret out of a file ends with a newline. An empty
// list is no secrets and no error; an empty entry is one. The error joins the
// faults of all, each wrapping ErrSecret.
func ParseSecrets(list string) (Secrets, error) {
	if strings.TrimSpace(list) == "" {
		return Secrets{}, nil
	}
	var (
		secrets Secrets
		faults  []error
	)
	for i, text := range strings.Split(list, ",") {
		text = strings.TrimSpace(text)
		if err := checkSecret(text); err != nil {
			faults = append(faults, fmt.Errorf("number %d: %w", i+1, err))
			continue
		}
		secrets.keys = append(secrets.keys, &key{secret: []byte(text)})
	}
	if len(faults) > 0 {
		return Secrets{}, errors.Join(faults...)
	}
	return secrets, nil
}

func checkSecret(text string) error {
	for i := range len(text) {
		if text[i] > '\x7f' {
			return fmt.Errorf("%w: not ASCII", ErrSecret)
		}
	}
	if len(text) < minSecret || len(text) > maxSecret {
		return fmt.Errorf("%w: has %d characters, not %d to %d", ErrSecret, len(text), minSecret, maxSecret)
	}
	return nil
}

// Len is how many secrets there are.
func (s Secrets) Len() int { return len(s.keys) }

// Newest is the secret that new subscriptions are made with; "" when there is
// none.
func (s Secrets) Newest() string {
	if len(s.keys) == 0 {
		return ""
	}
	return string(s.keys[0].secret)
}

// Verify reports whether one of the secrets signed the message. Each comparison
// takes the same time wherever signatures differ. Without secrets nothing
// verifies.
func (s Secrets) Verify(h Headers, body []byte) bool {
	given := []byte(h.Signature)
	for _, key := range s.keys {
		wanted := key.sign(h.ID, h.Timestamp, body)
		if hmac.Equal(given, wanted[:]) {
			return true
		}
	}
	return false
}

// Format prints how many secrets there are, whatever the verb.
func (s Secrets) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "[%d secrets]", len(s.keys)) }

// LogValue is what logs see.
func (s Secrets) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

var (
	_ fmt.Formatter  = Secrets{}
	_ slog.LogValuer = Secrets{}
)
