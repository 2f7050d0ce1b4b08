package source

import (
	"github.com/sourcestate/sourcestate/shared/event"
)

// channelFacts are the fields of stream and channel events that become
// metadata.
var channelFacts = []string{"title", "categoryId", "categoryName", "language", "tags", "isMature"}

// readStream reads system.stream.online, .offline and .update, and
// system.twitch.update. Only the first two are evidence about the stream.
func readStream(d *event.Delivery) (*Update, error) {
	key, streamID, ok := streamKey(d)
	if !ok {
		return nil, noIdentity()
	}
	body := d.Body()
	u := newUpdate(d, key)
	u.displayName = nameOf(d, key, body.Text("displayName"), body.Text("broadcasterDisplayName"))

	facts := make(event.Object, len(channelFacts))
	for _, name := range channelFacts {
		if body.Has(name) {
			facts[name] = body[name]
		}
	}
	u.metadata = readMetadata(facts)

	switch d.Type() {
	case event.TypeStreamOnline:
		u.observe(FacetStreamStatus, onlineEvidence(d, body, streamID, u))
	case event.TypeStreamOffline:
		u.observe(FacetStreamStatus, observation{Key: streamID, Value: Offline})
	}
	for _, name := range []string{"viewerCount", "viewer_count"} {
		if count, ok := body.Count(name); ok {
			u.viewers = &viewerCount{Count: count, Stream: streamID}
			break
		}
	}
	u.sighting = u.seen(streamID, body)
	return u, nil
}

// seen is what the event saw of a stream; nil for nothing.
func (u *Update) seen(streamID string, body event.Object) *sighting {
	text := func(name string) string { return truncate(body.Text(name), maxLabel) }
	s := &sighting{stream: streamID, fact: fact{
		Title: text("title"), CategoryID: text("categoryId"), CategoryName: text("categoryName"),
	}}
	if u.viewers != nil {
		s.count = &u.viewers.Count
	}
	if s.count == nil && s.fact == (fact{}) {
		return nil
	}
	return s
}

// onlineEvidence finds the start of a stream: startedAt, else the platform's
// creation time (senders put the start there), else the event time. A start from
// a clock that runs ahead is the event time, lest the stream stay the newest for
// ever.
func onlineEvidence(d *event.Delivery, body event.Object, streamID string, u *Update) observation {
	start, stated := body.Time("startedAt")
	if !stated && d.ExternalEvent != nil {
		if created, err := event.ParseTime(d.ExternalEvent.CreatedAt); err == nil {
			start = created
		}
	}
	if start.IsZero() || d.Future(start) {
		start, stated = u.At, false
	}
	if streamID == "" {
		streamID = unnamedStream + event.FormatTime(start)
	}
	return observation{
		Key: streamID, Value: Online, Type: truncate(body.Text("type"), maxName),
		Start: start.UnixMilli(), Stated: stated,
	}
}
