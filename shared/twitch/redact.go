package twitch

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxQuote is how many bytes of a text that is not ours an error holds.
const maxQuote = 300

// quote is what an error may hold of what others said: one line, not long, and
// without secrets.
func quote(text string, secrets []string) string {
	text = redact(strings.ToValidUTF8(text, "\uFFFD"), secrets)
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	if len(text) <= maxQuote {
		return text
	}
	end := maxQuote
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "..."
}

// redact removes secrets from a text, also where they were quoted or escaped,
// and the credentials of URLs.
func redact(text string, secrets []string) string {
	var forms []string
	for _, secret := range secrets {
		if secret != "" {
			quoted := strconv.Quote(secret)
			forms = append(forms, secret, url.QueryEscape(secret), url.PathEscape(secret), quoted[1:len(quoted)-1])
		}
	}
	// Longer ones first: one secret may be the beginning of another.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	for _, form := range forms {
		text = strings.ReplaceAll(text, form, redacted)
	}
	return userinfo.ReplaceAllString(text, "://"+redacted+"@")
}

const redacted = "[redacted]"

// userinfo is what may stand before the host of a URL, a proxy's say.
var userinfo = regexp.MustCompile(`://[^/\s"]*@`)
