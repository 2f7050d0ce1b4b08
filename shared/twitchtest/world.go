package twitchtest

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
)

// The one client that the world knows.
const (
	ClientID     = "simulatedclientid0000000000000"
	ClientSecret = "simulatedclientsecret000000000"
)

const (
	defaultRateLimit    = 800
	defaultMaxTotalCost = 10_000
	// webhookTimeout is longer than Twitch is said to wait: a slow test machine is
	// no failure.
	webhookTimeout = 10 * time.Second
)

// Config is how a world is to be. Zero values other than Now are defaults.
type Config struct {
	Now          func() time.Time // must be set, and be safe for concurrent use
	RateLimit    int              // points a minute of each bucket; 0: 800
	MaxTotalCost int              // of all subscriptions; 0: 10,000
	Latency      time.Duration    // goes by before each answer
	// Sleep waits for d or until ctx ends, and then returns its error. It must be
	// set where Latency is, and for Run.
	Sleep func(ctx context.Context, d time.Duration) error
	// Client sends the webhooks; nil: one of its own, which keeps no connections.
	// Redirects are never followed, as Twitch does not.
	Client *http.Client
}

// A World is a simulated Twitch. It is safe for concurrent use, and so are its
// users.
type World struct {
	config  Config
	start   time.Time
	client  *http.Client
	routes  map[string]endpoint
	sending chan struct{} // holds a value while somebody delivers
	wake    chan struct{} // holds a value when there is something to deliver

	mu            sync.Mutex // guards all that follows and the users
	made          int        // ids
	people        people
	tokens        map[string]*token
	buckets       map[string]*bucket // by user id, the app's under ""
	subscriptions subscriptions
	outbox        outbox
	faults        map[string][]Fault
	log           requestLog
	blanks        int // answers of Get Streams yet to be empty
}

// New is an empty world.
func New(config Config) *World {
	if config.RateLimit == 0 {
		config.RateLimit = defaultRateLimit
	}
	if config.MaxTotalCost == 0 {
		config.MaxTotalCost = defaultMaxTotalCost
	}
	// Connections that are kept are goroutines that outlive the call.
	client := http.Client{Timeout: webhookTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	if config.Client != nil {
		client = *config.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w := &World{
		config:        config,
		start:         config.Now(),
		client:        &client,
		sending:       make(chan struct{}, 1),
		wake:          make(chan struct{}, 1),
		people:        newPeople(),
		tokens:        make(map[string]*token),
		buckets:       make(map[string]*bucket),
		subscriptions: newSubscriptions(),
		outbox:        newOutbox(),
		faults:        make(map[string][]Fault),
		log:           newRequestLog(),
	}
	w.routes = w.endpoints()
	return w
}

// newID is an id that no other has, of this world or of one that starts at
// another time: a demo that is run again must not repeat itself to those who
// remember.
func (w *World) newID(kind string) string {
	w.made++
	return event.NewID(fmt.Sprintf("twitchtest/%d/%s/%d", w.start.UnixNano(), kind, w.made))
}
