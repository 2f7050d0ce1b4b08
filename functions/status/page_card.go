package status

import (
	"net/url"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// A card is one source as both pages show it. The zero card is the mould that
// scripts fill.
type card struct {
	Key, Name string
	Path      string // of the page of the source
	Mark      string // path of the picture of its platform
	State     badge

	Streams         bool  // whether it is known to stream, now or not
	Stream          badge // live or offline
	Since           moment
	Uptime          string // while it is live
	Title, Category string
	Viewers         string

	Facts   []badge
	Error   string
	ErrorAt moment
	Seen    moment
	Ago     string // how long ago that is
}

// sourcePath is the path of the page of a source.
func sourcePath(key source.Key) string { return "/sources/" + url.PathEscape(key.String()) }

func newCard(s publicSource, now time.Time) card {
	c := card{
		Key:   s.Key().String(),
		Name:  displayName(s),
		Path:  sourcePath(s.Key()),
		Mark:  markPath(s.Platform),
		State: stateBadge(s),
		Facts: facts(s, now),
		Seen:  newMoment(now.Add(-time.Duration(s.AgeSeconds) * time.Second)),
		Ago:   period(time.Duration(s.AgeSeconds) * time.Second),
	}
	c.stream(s, now)
	if e := s.LastError; e != nil {
		c.Error = strings.Trim(e.Code+": "+e.Message, ": ")
		if c.Error == "" {
			c.Error = "without a message"
		}
		c.ErrorAt = newMoment(e.At.Time)
	}
	return c
}

func (c *card) stream(s publicSource, now time.Time) {
	if s.StreamStatus == "" {
		return
	}
	c.Streams = true
	c.Stream = badge{strings.ToLower(s.StreamStatus), "quiet"}
	c.Title, c.Category = event.Text(s.Metadata["title"]), event.Text(s.Metadata["categoryName"])
	if s.StreamStatus == source.Online {
		c.Stream = badge{"live", "live"}
	}
	if s.Stream != nil {
		c.Since = newMoment(s.Stream.EndedAt.Time)
		if s.StreamStatus == source.Online && !s.Stream.StartedAt.IsZero() {
			c.Since, c.Uptime = newMoment(s.Stream.StartedAt.Time), period(now.Sub(s.Stream.StartedAt.Time))
		}
	}
	if s.ViewerCount != nil {
		c.Viewers = grouped(*s.ViewerCount)
	}
}

func displayName(s publicSource) string {
	if s.DisplayName != "" {
		return s.DisplayName
	}
	return s.ID
}
