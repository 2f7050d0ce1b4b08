package status

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/sourcestate/sourcestate/shared/source"
)

// What a badge may show, and how it may look.
const (
	showStream     = "stream"
	showConnection = "connection"

	styleFlat   = "flat"
	styleSquare = "flat-square"
	stylePlain  = "plain" // without a label
)

// A look is what is asked for of a badge.
type look struct {
	show  string // "": the stream where one is known, else the connection
	style string
}

func readLook(query url.Values) (look, error) {
	asked := look{show: query.Get("show"), style: query.Get("style")}
	if asked.style == "" {
		asked.style = styleFlat
	}
	if !slices.Contains([]string{"", showStream, showConnection}, asked.show) {
		return look{}, malformed("A badge can show %s or %s.", showStream, showConnection)
	}
	if styles := []string{styleFlat, styleSquare, stylePlain}; !slices.Contains(styles, asked.style) {
		return look{}, malformed("The styles of badges are %s.", strings.Join(styles, ", "))
	}
	return asked, nil
}

// A shield is what a badge says.
type shield struct {
	label, text string
	colour      string // behind the text, which is white: dark enough for it
}

const (
	red   = "#b3261e"
	green = "#1a7f37"
	amber = "#8a5a00"
	grey  = "#59636e"
)

func newShield(s publicSource, show string) shield {
	label := s.DisplayName
	if label == "" {
		label = s.ID
	}
	said := shield{label: readableText(label)}
	if show == showStream || show == "" && s.StreamStatus != "" {
		said.text, said.colour = streamText(s)
	} else {
		said.text, said.colour = connectionText(s.Status)
	}
	if s.Stale {
		said.text, said.colour = said.text+"?", grey
	}
	return said
}

func streamText(s publicSource) (text, colour string) {
	switch {
	case s.StreamStatus == source.Online && s.ViewerCount != nil:
		return "live · " + grouped(*s.ViewerCount), red
	case s.StreamStatus == source.Online:
		return "live", red
	case s.StreamStatus == source.Offline:
		return "offline", grey
	}
	return "unknown", grey
}

func connectionText(status string) (text, colour string) {
	switch status {
	case source.Connected:
		return "connected", green
	case source.Disconnected:
		return "disconnected", amber
	case source.Error:
		return "error", red
	}
	return "unknown", grey
}

// maxLabel is the length of the longest label, in characters.
const maxLabel = 40

// readableText is a text from outside on one short line.
func readableText(text string) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) {
			return -1
		}
		return c
	}, text)
	if letters := []rune(text); len(letters) > maxLabel {
		return string(letters[:maxLabel-1]) + "…"
	}
	return text
}

const shieldFormat = `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="20" role="img" aria-label="%[2]s">` +
	`<title>%[2]s</title>` +
	`<clipPath id="r"><rect width="%[1]d" height="20" rx="%[3]d"/></clipPath>` +
	`<g clip-path="url(#r)"><rect width="%[4]d" height="20" fill="#3b4048"/>` +
	`<rect x="%[4]d" width="%[5]d" height="20" fill="%[6]s"/></g>` +
	`<g fill="#fff" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">%[7]s</g></svg>` + "\n"

// draw is the SVG. It has no script and no style sheet, which the policy forbids.
func (s shield) draw(style string) []byte {
	corner, left, labels := 3, 0, ""
	if style == styleSquare {
		corner = 0
	}
	if style != stylePlain {
		left = textWidth(s.label) + 12
		labels = writeText(s.label, left/2, left-12)
	}
	right := textWidth(s.text) + 12
	labels += writeText(s.text, left+right/2, right-12)
	title := escapeXML(s.label + ": " + s.text)
	return fmt.Appendf(nil, shieldFormat, left+right, title, corner, left, right, s.colour, labels)
}

// writeText writes a text around the middle. Its length is stated, because fonts
// differ.
func writeText(text string, middle, width int) string {
	return fmt.Sprintf(`<text x="%d" y="14" textLength="%d" lengthAdjust="spacingAndGlyphs">%s</text>`, middle, width, escapeXML(text))
}

// textWidth is about how wide a text is at 11 pixels.
func textWidth(text string) int {
	width := 0.0
	for _, c := range text {
		switch {
		case strings.ContainsRune("iIjl.,:;'|! \u2009", c):
			width += 3.9
		case strings.ContainsRune("mwMW@%…", c):
			width += 10
		case c >= 0x1100: // where characters are as wide as they are high
			width += 11.5
		case unicode.IsUpper(c):
			width += 7.9
		default:
			width += 6.8
		}
	}
	return int(width) + 1
}

func escapeXML(text string) string {
	var escaped bytes.Buffer
	// A buffer takes everything.
	_ = xml.EscapeText(&escaped, []byte(text))
	return escaped.String()
}
