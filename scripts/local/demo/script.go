package demo

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
)

const (
	// stagger is the time between the first messages of two channels.
	stagger = 100 * time.Millisecond
	// shortest and longest are the bounds of the time between two messages of one
	// channel.
	shortest = 20 * time.Second
	longest  = 60 * time.Second
)

// A member of the cast is a channel: its names and what it may be about.
type member struct {
	id, login, name string
	titles          []string
	late            bool // does not begin with a stream
}

var cast = []member{
	{"40000001", "lanternfish", "Lanternfish", []string{
		"Deep sea, no torch", "Speedrun practice", "One more dive", "Chat picks the depth",
	}, false},
	{"40000002", "mossandstone", "MossAndStone", []string{
		"Building a garden wall", "Slow morning, loud kettle", "Stone by stone", "Questions and answers",
	}, false},
	{"40000003", "night_train", "Night_Train", []string{
		"Last departure", "Signals and points", "Rain on the window", "Timetable of dreams",
	}, true},
}

// category is a category of Twitch, by id and name.
type category struct{ id, name string }

var categories = []category{
	{"509658", "Just Chatting"}, {"509670", "Science & Technology"}, {"26936", "Music"}, {"509673", "Makers & Crafting"},
}

// A webhook is one notification and when it is to be sent.
type webhook struct {
	at            time.Time
	id            string
	kind, version string
	broadcasterID string
	event         event.Object
}

// A script is what happens in the world, webhook by webhook, without end. The
// same seed and start give the same script; another start gives other streams.
type script struct {
	random   *rand.Rand
	channels []*channel
}

// A channel is one simulated channel and what comes next of it.
type channel struct {
	member
	next   time.Time
	told   int    // how many webhooks
	stream string // its current one, or none
}

func newScript(seed uint64, start time.Time) *script {
	s := &script{random: rand.New(rand.NewPCG(seed, 0))}
	for i, m := range cast {
		s.channels = append(s.channels, &channel{member: m, next: start.Add(time.Duration(i) * stagger)})
	}
	return s
}

// step is the next webhook, never earlier than the one before.
func (s *script) step() webhook {
	c := s.channels[0]
	for _, other := range s.channels[1:] {
		if other.next.Before(c.next) {
			c = other
		}
	}
	c.told++
	w := webhook{at: c.next, broadcasterID: c.id, version: "1"}
	w.id = event.NewID(fmt.Sprintf("demo/%s/%d/%d", c.login, w.at.UnixNano(), c.told))
	pause := shortest + time.Duration(s.random.Int64N(int64(longest-shortest)))
	switch {
	case c.told == 1:
		s.retitle(c, &w)
		pause = stagger / 2
	case c.told == 2 && c.late:
		// It is said, because an earlier run may have left the channel live.
		w.kind, w.event = "stream.offline", c.event()
	case c.stream == "":
		s.online(c, &w)
	case s.random.IntN(2) == 0:
		s.retitle(c, &w)
	default:
		w.kind, w.event = "stream.offline", c.event()
		w.event["id"], c.stream = c.stream, ""
	}
	c.next = c.next.Add(pause)
	return w
}

func (s *script) online(c *channel, w *webhook) {
	c.stream = fmt.Sprint(w.at.UnixMilli(), c.id[len(c.id)-1:])
	w.kind, w.event = "stream.online", c.event()
	w.event["id"], w.event["type"] = c.stream, "live"
	w.event["started_at"] = w.at.UTC().Format(time.RFC3339)
}

func (s *script) retitle(c *channel, w *webhook) {
	category := categories[s.random.IntN(len(categories))]
	w.kind, w.version, w.event = "channel.update", "2", c.event()
	w.event["title"] = c.titles[s.random.IntN(len(c.titles))]
	w.event["language"] = "en"
	w.event["category_id"], w.event["category_name"] = category.id, category.name
	w.event["content_classification_labels"] = []string{}
}

// event is what every event of the channel has.
func (c *channel) event() event.Object {
	return event.Object{
		"broadcaster_user_id":    c.id,
		"broadcaster_user_login": c.login,
		"broadcaster_user_name":  c.name,
	}
}
