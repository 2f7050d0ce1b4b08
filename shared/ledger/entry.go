package ledger

import (
	"hash/fnv"
	"maps"
	"slices"
	"time"
)

// An Entry is what is remembered of one source, or of one connector that is
// polled. Times are Unix seconds.
type Entry struct {
	Noted     int64                `json:"n,omitempty"` // when it was last noted, to a day; kept by the Ledger
	Published map[string]Published `json:"p,omitempty"` // by what it is about: "stream", "auth", "connector twitch", ...
	Watched   bool                 `json:"w,omitempty"` // by the watchlist
	Login     string               `json:"l,omitempty"` // of a broadcaster
	ID        string               `json:"i,omitempty"` // of a login
	Stream    *Stream              `json:"s,omitempty"`
	Counters  map[string]Counters  `json:"c,omitempty"` // by connector
	Token     *Token               `json:"t,omitempty"`
	Roles     int64                `json:"r,omitempty"` // when they were last audited
	Grant     *Grant               `json:"g,omitempty"`
	Connector *Connector           `json:"k,omitempty"`
}

// Published is what was last published about one thing.
type Published struct {
	Digest string `json:"d"`
	At     int64  `json:"a"`
}

// A Stream is what polls say of a channel's stream. A stream is named by its id;
// "" is that there is none.
type Stream struct {
	Known     bool   `json:"k,omitempty"` // Believed counts
	Believed  string `json:"b,omitempty"`
	Candidate string `json:"c,omitempty"` // what the last polls say instead
	Polls     int    `json:"n,omitempty"` // how many in a row; 0: no candidate
	Since     int64  `json:"s,omitempty"` // the first of these
	Compared  int64  `json:"a,omitempty"` // when Believed was last found in, or told to, the document
}

// A Grant is what a broadcaster granted the app.
type Grant struct {
	Asked  int64    `json:"a"` // when that was asked
	Scopes []string `json:"s,omitempty"`
}

// Counters are the counters of a connector, by which one is noticed that is
// connected and hears nothing.
type Counters struct {
	Digest  string `json:"d"`
	Still   int64  `json:"s,omitempty"` // since when they stand still while a stream is live; 0: they do not
	Suspect bool   `json:"x,omitempty"` // that was published
}

// A Token is what is known of a user's token.
type Token struct {
	Validated int64  `json:"v"`           // when it last was
	Expires   int64  `json:"e,omitempty"` // 0: never, or not known
	Known     bool   `json:"k,omitempty"` // it was valid once
	Dead      string `json:"d,omitempty"` // the authStatus since it was found invalid
	Digest    string `json:"h,omitempty"` // of the token itself, so that another one is noticed
}

// A Connector is what is known of one that is polled.
type Connector struct {
	Misses  int      `json:"m,omitempty"` // polls in a row that failed
	Sources []Served `json:"s,omitempty"` // at the last good poll
}

// A Served is a source that a connector serves.
type Served struct {
	Connector string `json:"c"` // its own name
	Platform  string `json:"p"`
	ID        string `json:"i"`
	Told      bool   `json:"t,omitempty"` // the id stood in a payload
}

// clone is a copy that may be changed without changing the ledger. What is empty in
// it is nil, as it is when it was stored and read again.
func (e Entry) clone() Entry {
	e.Published = cloneMap(e.Published)
	e.Counters = cloneMap(e.Counters)
	if e.Stream != nil {
		own := *e.Stream
		e.Stream = &own
	}
	if e.Grant != nil {
		own := *e.Grant
		own.Scopes = cloneList(own.Scopes)
		e.Grant = &own
	}
	if e.Token != nil {
		own := *e.Token
		e.Token = &own
	}
	if e.Connector != nil {
		own := *e.Connector
		own.Sources = cloneList(own.Sources)
		e.Connector = &own
	}
	return e
}

func cloneMap[V any](m map[string]V) map[string]V {
	if len(m) == 0 {
		return nil
	}
	return maps.Clone(m)
}

func cloneList[V any](list []V) []V {
	if len(list) == 0 {
		return nil
	}
	return slices.Clone(list)
}

// Due reports whether what was published last has to be published at a time, be
// it because it changed or because it was not for as long as refresh. Refreshes
// are spread: each name has an instant of its own within every period of refresh.
func (e Entry) Due(name, about, digest string, now time.Time, refresh time.Duration) (due, changed bool) {
	was, known := e.Published[about]
	if !known || was.Digest != digest {
		return true, true
	}
	return Elapsed(name+"\x00"+about, was.At, now, refresh), false
}

// Elapsed reports whether the instant that a name has within every period lies
// between then (Unix seconds) and now.
func Elapsed(name string, then int64, now time.Time, period time.Duration) bool {
	seconds := max(1, int64(period/time.Second))
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	phase := int64(h.Sum64() % uint64(seconds))
	return (now.Unix()-phase)/seconds > (then-phase)/seconds
}

// Publish notes what was published.
func (e *Entry) Publish(about, digest string, now time.Time) {
	if e.Published == nil {
		e.Published = make(map[string]Published, 1)
	}
	e.Published[about] = Published{Digest: digest, At: now.Unix()}
}
