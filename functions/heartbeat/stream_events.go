package heartbeat

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

// online is the event that a stream is live.
func (t *tick) online(c *contradiction) *event.Event {
	s := c.live
	metadata := event.Object{
		"broadcasterId": s.UserID, "streamId": s.ID, "observedAt": event.FormatTime(t.now), "reason": reasonPoll,
	}
	for name, value := range map[string]string{
		"broadcasterLogin": s.UserLogin, "broadcasterDisplayName": s.UserName, "type": s.Type, "title": s.Title,
	} {
		if value != "" {
			metadata[name] = value
		}
	}
	started := event.FormatTime(t.now)
	if !s.StartedAt.IsZero() {
		started = event.FormatTime(s.StartedAt)
		metadata["startedAt"] = started
	}
	return t.streamEvent(event.TypeStreamOnline, "stream.online", c, event.ExternalEvent{
		ID: s.ID, CreatedAt: started, Metadata: metadata,
	})
}

// offline is the event that a channel is not live: since the first of the polls
// that agreed. It ends the stream that the document has.
func (t *tick) offline(c *contradiction, d *source.Document) *event.Event {
	since := event.FormatTime(c.since)
	metadata := event.Object{"broadcasterId": c.broadcaster.id, "observedAt": since, "reason": reasonPoll}
	if c.broadcaster.login != "" {
		metadata["broadcasterLogin"] = c.broadcaster.login
	}
	if d.Stream != nil && d.Stream.ID != "" {
		metadata["streamId"] = d.Stream.ID
	}
	return t.streamEvent(event.TypeStreamOffline, "stream.offline", c, event.ExternalEvent{CreatedAt: since, Metadata: metadata})
}

// streamEvent is an event as EventSub would have sent it.
func (t *tick) streamEvent(kind, twitchKind string, c *contradiction, external event.ExternalEvent) *event.Event {
	e := t.newEvent(kind, c.broadcaster.key(), aboutStream)
	external.Source, external.Kind, external.Version = "twitch.helix", twitchKind, "1"
	if external.ID == "" {
		external.ID = "offline-" + e.CorrelationID
	}
	e.ExternalEvent = &external
	if login := external.Metadata.Text("broadcasterLogin"); login != "" {
		e.Ingress.Channel, e.Egress.Channel = "#"+login, "#"+login
	}
	return e
}

// observeViewers publishes what a live stream shows. It is never evidence that it
// is live.
func (t *tick) observeViewers(b broadcaster, s twitch.Stream) {
	payload := event.Object{
		"platform": platform, "id": b.id, "broadcasterId": b.id, "streamId": s.ID,
		"observedAt": event.FormatTime(t.now),
	}
	for name, value := range map[string]string{
		"title": s.Title, "categoryId": s.CategoryID, "categoryName": s.CategoryName, "language": s.Language,
		"displayName": s.UserName,
	} {
		if value != "" {
			payload[name] = value
		}
	}
	if len(s.Tags) > 0 {
		payload["tags"] = anyList(s.Tags)
	}
	// At the start viewers are not counted yet, and 0.
	if s.ViewerCount > 0 || t.now.Sub(s.StartedAt) > t.Config.Lag {
		payload["viewerCount"] = s.ViewerCount
	}
	digest := digestOf(s.ID, strconv.FormatInt(s.ViewerCount, 10), s.Title, s.CategoryID, s.CategoryName, s.Language,
		s.UserName, strings.Join(s.Tags, "\x00"), fmt.Sprint(payload.Has("viewerCount")))
	t.observe(observation{
		step: stepStreams, key: b.key(), about: aboutViewers, digest: digest,
		event: func() *event.Event {
			e := t.newEvent(event.TypeStreamUpdate, b.key(), aboutViewers)
			e.Payload = payload
			return e
		},
	})
}
