package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/sourcestate/sourcestate/shared/twitchtest"
)

// callbackHost is where Twurple says that it listens. The name does not resolve.
const callbackHost = "callback.invalid"

var (
	science = twitchtest.Category{ID: "509670", Name: "Science & Technology"}
	music   = twitchtest.Category{ID: "26936", Name: "Music"}
)

// A script is a world and what check.mjs may let happen in it, step by step.
type script struct {
	world    *twitchtest.World
	channel  *twitchtest.User
	bot      *twitchtest.User
	callback atomic.Int64 // the port behind callbackHost; 0: not known yet
	facts    facts
}

// facts are what check.mjs cannot know beforehand.
type facts struct {
	ClientID         string `json:"clientId"`
	ClientSecret     string `json:"clientSecret"`
	BroadcasterToken string `json:"broadcasterToken"`
	BotToken         string `json:"botToken"`
	CallbackHost     string `json:"callbackHost"`
	StreamID         string `json:"streamId"` // of the stream that is live at the start
}

func newScript() *script {
	s := &script{}
	s.world = twitchtest.New(twitchtest.Config{
		Now:    time.Now,
		Client: &http.Client{Transport: http.RoundTripper(s), Timeout: stopTimeout},
	})
	s.channel = s.world.AddUser("1337", "examplechan", "ExampleChan")
	s.bot = s.world.AddUser("99", "examplebot", "ExampleBot")
	s.channel.SetModerator(s.bot, true)
	for i := range 150 { // more than a page
		n := 5000 + i
		viewer := s.world.AddUser(fmt.Sprint(n), fmt.Sprint("viewer", n), fmt.Sprint("Viewer", n))
		s.channel.SetVIP(viewer, true)
		if i < 120 {
			viewer.GoLive("", science, i)
		}
	}
	s.facts = facts{
		ClientID:         twitchtest.ClientID,
		ClientSecret:     twitchtest.ClientSecret,
		BroadcasterToken: s.channel.Token(time.Hour, "moderation:read", "channel:read:vips"),
		BotToken:         s.bot.Token(time.Hour, "user:read:moderated_channels"),
		CallbackHost:     callbackHost,
		StreamID:         s.channel.GoLive("First light", science, 1200),
	}
	return s
}

// RoundTrip sends what is for callbackHost to Twurple, which expects a proxy with
// TLS before it, and nothing to anywhere else.
func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	port := s.callback.Load()
	if r.URL.Host != callbackHost || port == 0 {
		return nil, fmt.Errorf("nothing is known behind %q", r.URL.Host)
	}
	r = r.Clone(r.Context())
	r.Host, r.URL.Scheme, r.URL.Host = callbackHost, "http", fmt.Sprintf("127.0.0.1:%d", port)
	return http.DefaultTransport.RoundTrip(r)
}

// handler is the simulated Twitch and, under /script/, the steps.
func (s *script) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.world)
	mux.HandleFunc("GET /script/facts", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.facts) })
	mux.HandleFunc("POST /script/listening", func(w http.ResponseWriter, r *http.Request) {
		var port int64
		if _, err := fmt.Sscan(r.FormValue("port"), &port); err != nil {
			http.Error(w, "a port, please", http.StatusBadRequest)
			return
		}
		s.callback.Store(port)
		s.deliver(w, r)
	})
	mux.HandleFunc("POST /script/events", func(w http.ResponseWriter, r *http.Request) {
		s.events()
		s.deliver(w, r)
	})
	mux.HandleFunc("POST /script/forge", func(w http.ResponseWriter, r *http.Request) {
		s.forge()
		s.deliver(w, r)
	})
	mux.HandleFunc("POST /script/revoke", func(w http.ResponseWriter, r *http.Request) {
		if err := s.world.Revoke(r.FormValue("id"), r.FormValue("status")); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		s.deliver(w, r)
	})
	mux.HandleFunc("POST /script/deliver", s.deliver)
	return mux
}

// events lets one of each type happen.
func (s *script) events() {
	s.channel.GoOffline()
	s.channel.Retitle("Second wind", music)
	s.channel.GoLive("Second wind", music, 3)
	s.channel.SetModerator(s.bot, false)
	s.channel.SetModerator(s.bot, true)
	s.channel.SetVIP(s.bot, true)
	s.channel.SetVIP(s.bot, false)
	s.world.User("5000").Grant("user:read:email")
	s.world.User("5000").Revoke()
	s.bot.Rename("renamedbot", "RenamedBot")
}

// forge subscribes every callback once more under a secret that its owner does
// not know, and lets something happen.
func (s *script) forge() {
	for _, known := range s.world.Subscriptions() {
		if known.Type == "stream.offline" {
			s.world.Subscribe(known, "not-the-secret-of-the-listener")
		}
	}
	s.channel.GoOffline()
}

// sent is a delivery as check.mjs reads it.
type sent struct {
	Type        string `json:"type"`
	MessageType string `json:"messageType"`
	Status      int    `json:"status"`
	Error       string `json:"error,omitempty"`
}

// deliver sends what is due and answers what became of it.
func (s *script) deliver(w http.ResponseWriter, r *http.Request) {
	all := []sent{}
	for _, d := range s.world.Deliver(r.Context()) {
		one := sent{Type: d.Type, MessageType: d.MessageType, Status: d.Status}
		if d.Err != nil {
			one.Error = d.Err.Error()
		}
		all = append(all, one)
	}
	answer(w, all)
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	// A caller that has gone away needs no answer.
	_ = json.NewEncoder(w).Encode(value)
}
