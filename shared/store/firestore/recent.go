package firestore

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// maxRecent bounds the documents that are remembered: of usual size they are a
	// few megabytes, of the greatest some thirty.
	maxRecent = 500
	// enough is how much of the memory must have been right lately for it to be used.
	// With two instances half of it is, and a wrong guess costs what a right one saves.
	enough = 0.75
	// weight is what the newest guess counts of all.
	weight = 1.0 / 16
)

// A version is a document as it was at a time.
type version struct {
	fields     map[string]any // not to be modified; nil: there is none
	updateTime time.Time
}

// recent remembers what this process has written, so that the next update of a
// source need not read what nobody else has touched. That it is still so, the
// precondition of the commit ensures. Whether guessing pays depends on how many
// instances write; it is learned, also from what is read while nobody guesses.
type recent struct {
	versions *lru.Cache[string, version]

	mu    sync.Mutex
	right float64 // the part of the guesses that was right, the newest counting most
}

func newRecent() (*recent, error) {
	versions, err := lru.New[string, version](maxRecent)
	return &recent{versions: versions, right: 1}, err
}

// guess is what a document probably is; false where that is not known or guessing
// does not pay.
func (r *recent) guess(name string) (version, bool) {
	r.mu.Lock()
	pays := r.right >= enough
	r.mu.Unlock()
	if !pays {
		return version{}, false
	}
	return r.versions.Get(name)
}

// keep remembers what was written.
func (r *recent) keep(name string, v version) { r.versions.Add(name, v) }

// forget is for what may have been written, or turned out to be another.
func (r *recent) forget(name string) { r.versions.Remove(name) }

// compare learns from what was read in place of a guess.
func (r *recent) compare(name string, read version) {
	known, ok := r.versions.Peek(name)
	if !ok {
		return
	}
	right := known.updateTime.Equal(read.updateTime)
	r.learn(right)
	if !right {
		r.forget(name)
	}
}

// learn notes whether a guess was right, or would have been.
func (r *recent) learn(right bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.right *= 1 - weight
	if right {
		r.right += weight
	}
}
