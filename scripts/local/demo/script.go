package demo

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sourcestate/sourcestate/shared/connectortest"
	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

// A scene is something that happens at a time.
type scene struct {
	at   time.Time
	play func()
}

// A thread is a story that goes on by itself: each step plays and tells when the
// next one comes.
type thread struct {
	at   time.Time
	step func() (pause time.Duration)
}

// A script is what happens in the world, scene by scene, without end. The same
// seed gives the same story.
type script struct {
	*World
	random  *rand.Rand
	threads []*thread
}

func newScript(w *World, seed uint64, start time.Time) *script {
	s := &script{World: w, random: rand.New(rand.NewPCG(seed, 0))}
	// The first tick of the heartbeat subscribes; what happens before is found out
	// by polls.
	for i, m := range cast {
		c := &channel{script: s, member: m}
		s.add(start.Add(time.Duration(1+2*i)*time.Second), c.step)
	}
	s.add(start.Add(time.Second), s.count)
	s.add(start.Add(25*time.Second), s.discord())
	s.add(start.Add(45*time.Second), s.slack())
	s.add(start.Add(70*time.Second), s.outage())
	s.add(start.Add(100*time.Second), s.restart())
	return s
}

func (s *script) add(at time.Time, step func() time.Duration) {
	s.threads = append(s.threads, &thread{at: at, step: step})
}

// next is the next scene, never earlier than the one before.
func (s *script) next() scene {
	first := s.threads[0]
	for _, t := range s.threads[1:] {
		if t.at.Before(first.at) {
			first = t
		}
	}
	return scene{at: first.at, play: func() { first.at = first.at.Add(first.step()) }}
}

// between is a random time from one to another.
func (s *script) between(from, to time.Duration) time.Duration {
	return from + time.Duration(s.random.Int64N(int64(to-from)))
}

// count lets messages come.
func (s *script) count() time.Duration {
	for _, name := range []string{"twitch", "discord", "discord-broadcaster", "slack", "twilio"} {
		n := s.random.IntN(4)
		s.chat.Count(name, "received", n)
		s.chat.Count(name, "published", n)
	}
	s.kick.Count("kick", "received", s.random.IntN(3))
	return 2 * time.Second
}

// discord fails with an error now and then.
func (s *script) discord() func() time.Duration {
	broken := false
	return func() time.Duration {
		if broken = !broken; broken {
			s.chat.Change("discord", connectortest.Snapshot{
				"state": "ERROR", "lastError": map[string]any{"code": "gateway_closed", "message": "the gateway closed the connection (4000)"},
			})
			return s.between(15*time.Second, 30*time.Second)
		}
		s.chat.Change("discord", connectortest.Snapshot{"state": "CONNECTED", "lastError": nil})
		return s.between(90*time.Second, 180*time.Second)
	}
}

// slack connects anew now and then.
func (s *script) slack() func() time.Duration {
	away := false
	return func() time.Duration {
		if away = !away; away {
			s.chat.Change("slack", connectortest.Snapshot{"state": "RECONNECTING"})
			return s.between(6*time.Second, 12*time.Second)
		}
		s.chat.Change("slack", connectortest.Snapshot{"state": "CONNECTED", "reconnects": 1})
		return s.between(60*time.Second, 120*time.Second)
	}
}

// outage takes the whole service for Kick away for longer than three polls.
func (s *script) outage() func() time.Duration {
	gone := false
	return func() time.Duration {
		if gone = !gone; gone {
			s.kick.Fail(connectortest.Dead)
			return s.between(30*time.Second, 45*time.Second)
		}
		s.kick.Heal()
		return s.between(120*time.Second, 200*time.Second)
	}
}

// restart replaces the instance of the chat service, whose counters begin at 0.
func (s *script) restart() func() time.Duration {
	n := 1
	return func() time.Duration {
		n++
		s.chat.Restart(fmt.Sprint("chat-", n))
		return s.between(4*time.Minute, 6*time.Minute)
	}
}

// A channel is one of the cast and what comes next of it.
type channel struct {
	*script
	member
	live  bool
	until time.Time // when that changes
}

// step goes live, varies the viewers, changes the title at times, and ends.
func (c *channel) step() time.Duration {
	const beat = 4 * time.Second
	user := c.twitch.User(c.id)
	now := c.config.Now()
	switch {
	case !c.live && !now.Before(c.until):
		c.live, c.until = true, now.Add(c.between(60*time.Second, 150*time.Second))
		user.GoLive(c.title(), c.category(), c.around(c.viewers))
	case c.live && !now.Before(c.until):
		c.live, c.until = false, now.Add(c.between(20*time.Second, 60*time.Second))
		if c.random.IntN(4) == 0 {
			c.twitch.Drop("stream.offline", c.id, 1) // and polls find out
		}
		user.GoOffline()
	case c.live && c.random.IntN(10) == 0:
		user.Retitle(c.title(), c.category())
	case c.live:
		user.SetViewers(c.around(c.viewers))
	}
	return beat
}

func (c *channel) category() twitchtest.Category { return categories[c.random.IntN(len(categories))] }

func (c *channel) title() string { return c.titles[c.random.IntN(len(c.titles))] }

// around is a number near n.
func (c *channel) around(n int) int {
	return max(1, n*(85+c.random.IntN(30))/100+c.random.IntN(3)-1)
}
