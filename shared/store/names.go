package store

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/sourcestate/sourcestate/shared/source"
)

// maxName is the length of the longest name that every store takes, in bytes.
const maxName = 1500

// ValidName reports whether every store takes the name for a document, an entry
// or a field, apart from slashes. Firestore is the strictest.
func ValidName(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name) &&
		!(len(name) >= 4 && strings.HasPrefix(name, "__") && strings.HasSuffix(name, "__"))
}

// Name is the name of a document or an entry as every store takes it: what
// source.Key.DocumentID and source.Change.Key give, unless an id from outside
// made that too long or otherwise unfit. Its end is then a hash, and its beginning,
// which holds what names are ordered by, stays.
func Name(id string) string {
	if ValidName(id) && id != "." && id != ".." && !strings.Contains(id, "/") {
		return id
	}
	return shortened(id)
}

// shortened keeps the beginning of an id and puts a hash of the whole in place
// of the rest, so that ids which differ keep different names.
func shortened(id string) string {
	const kept = 1024
	start := strings.ReplaceAll(id[:min(kept, len(id))], "/", "%2F")
	// A character that a cut halved goes, with whatever else is not UTF-8.
	start = strings.ToValidUTF8(start[:min(kept, len(start))], "")
	sum := sha256.Sum256([]byte(id))
	return start + "~" + hex.EncodeToString(sum[:])
}

// PartName is the name of what is stored beside a document under a key from
// outside, such as a session: escaped where a slash stands, and as Name.
func PartName(key string) string {
	return Name(source.Escape(key))
}
