package twitchtest

import (
	"fmt"
	"time"
)

// longestLag is how far back a timeline reaches.
const longestLag = time.Hour

// Category is what a channel is about.
type Category struct{ ID, Name string }

// channel is what a channel says of itself.
type channel struct {
	title    string
	category Category
	language string
}

// A stream is a live stream at one time. Those in timelines do not change.
type stream struct {
	id        string
	startedAt time.Time
	viewers   int
	channel   channel
}

// A moment is since when a channel is as it is; a nil stream is offline.
type moment struct {
	at     time.Time
	stream *stream
}

// A timeline is what a channel was in the last hour, oldest first.
type timeline []moment

func (t timeline) now() *stream {
	if len(t) == 0 {
		return nil
	}
	return t[len(t)-1].stream
}

func (t timeline) asOf(at time.Time) *stream {
	for i := len(t) - 1; i >= 0; i-- {
		if !t[i].at.After(at) {
			return t[i].stream
		}
	}
	return nil
}

// add appends a moment. Of several at one time the last one counts.
func (t *timeline) add(at time.Time, s *stream) {
	moments := *t
	if n := len(moments); n > 0 && !moments[n-1].at.Before(at) {
		moments = moments[:n-1]
	}
	// The one in force at the horizon stays.
	for len(moments) > 1 && !moments[1].at.After(at.Add(-longestLag)) {
		moments = moments[1:]
	}
	*t = append(moments, moment{at, s})
}

// GoLive starts a stream and gives its id: a stream.online, with a
// channel.update before it when title or category change. A channel that is live
// goes offline first.
func (u *User) GoLive(title string, category Category, viewers int) string {
	w := u.world
	w.mu.Lock()
	defer w.mu.Unlock()
	u.offline()
	u.retitle(title, category)
	now := w.config.Now()
	w.made++
	s := &stream{
		id:        fmt.Sprintf("%d%03d", now.UnixMilli(), w.made%1000),
		startedAt: now,
		viewers:   viewers,
		channel:   u.channel,
	}
	u.timeline.add(now, s)
	w.emit("stream.online", u, u.as("broadcaster_user", map[string]any{
		"id": s.id, "type": "live", "started_at": timestamp(s.startedAt),
	}))
	return s.id
}

// GoOffline ends the stream: a stream.offline. A channel that is offline stays
// so.
func (u *User) GoOffline() {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	u.offline()
}

func (u *User) offline() {
	s := u.timeline.now()
	if s == nil {
		return
	}
	u.timeline.add(u.world.config.Now(), nil)
	u.world.emit("stream.offline", u, u.as("broadcaster_user", map[string]any{"id": s.id}))
}

// SetViewers says how many watch, which no event tells. It does nothing to a
// channel that is offline.
func (u *User) SetViewers(viewers int) {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	u.restream(func(s *stream) { s.viewers = viewers })
}

// Retitle changes title and category, live or not: a channel.update when that
// changes anything.
func (u *User) Retitle(title string, category Category) {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	u.retitle(title, category)
}

func (u *User) retitle(title string, category Category) {
	if u.channel.title == title && u.channel.category == category {
		return
	}
	u.channel.title, u.channel.category = title, category
	u.restream(func(s *stream) { s.channel = u.channel })
	u.world.emit("channel.update", u, u.as("broadcaster_user", map[string]any{
		"title": title, "language": u.channel.language, "category_id": category.ID, "category_name": category.Name,
		"content_classification_labels": []string{},
	}))
}

func (u *User) restream(change func(*stream)) {
	if s := u.timeline.now(); s != nil {
		changed := *s
		change(&changed)
		u.timeline.add(u.world.config.Now(), &changed)
	}
}

// SetLag makes Get Streams answer about the channel as of so long ago, at most
// an hour. Events and the other requests do not lag.
func (u *User) SetLag(lag time.Duration) {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	u.lag = lag
}

// Flicker makes Get Streams leave the channel out of the next n answers that
// would have it.
func (u *User) Flicker(n int) {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	u.hidden = n
}

// Flicker makes the next n answers of Get Streams empty, whoever is live.
func (w *World) Flicker(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blanks = n
}

// timestamp is how Helix writes a time.
func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
