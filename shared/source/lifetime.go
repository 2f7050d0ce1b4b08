package source

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"strings"
	"time"
)

// resumeWindow is how soon after the end of a stream the next one must start to
// count as the same broadcast taken up again.
const resumeWindow = 15 * time.Minute

// ReasonSuperseded is why a stream ended of which no end was heard before the
// next one of its channel started.
const ReasonSuperseded = "superseded"

const open = int64(math.MaxInt64)

// A lifetime is when a stream of a channel was live, in Unix milliseconds and
// both ends included. Lifetimes of one channel do not overlap, but may touch.
type lifetime struct {
	key        string // the stream's key in the log
	kind       string // live, playlist, ...
	start, end int64  // end: open while it is live
	heard      int64  // newest online evidence
	endReason  string // why it ended, where that was said
	resumes    string // key of the stream that it takes up again
}

// contains reports whether something seen at a time, of the named stream or of
// an unnamed one, was seen of this one.
func (l lifetime) contains(stream string, at int64) bool {
	return (stream == "" || stream == l.key) && l.start <= at && at <= l.end
}

// lifetimes are those of the streams in the log of a channel, in the order of
// their starts. A stream that was only heard of ending has none.
func (l *log) lifetimes() []lifetime {
	observations := l.all()
	t := trackStreams(observations)
	streams := make([]*streamEvidence, 0, len(t.byID))
	for _, s := range t.byID {
		if s.online != never {
			streams = append(streams, s)
		}
	}
	slices.SortFunc(streams, (*streamEvidence).compare)
	lives := make([]lifetime, len(streams))
	for i, s := range streams {
		lives[i] = lifetime{key: s.id, kind: s.kind, start: s.start, end: open, heard: s.online}
		if last := t.lastOffline(s); s.online <= last {
			first := s.firstEnd(observations)
			lives[i].end, lives[i].endReason = first.At, first.Reason
		}
		if i+1 < len(streams) && streams[i+1].start < lives[i].end {
			lives[i].end, lives[i].endReason = streams[i+1].start, ReasonSuperseded
		}
		if i > 0 && lives[i-1].endReason != ReasonSuperseded && s.start-lives[i-1].end <= resumeWindow.Milliseconds() {
			lives[i].resumes = lives[i-1].key
		}
	}
	return lives
}

// compare orders streams by their starts.
func (s *streamEvidence) compare(other *streamEvidence) int {
	return cmp.Or(cmp.Compare(s.start, other.start), strings.Compare(s.id, other.id))
}

// firstEnd is the first offline about a stream that no online evidence follows.
// The caller knows that there is one.
func (s *streamEvidence) firstEnd(observations iter.Seq[*observation]) *observation {
	var first *observation
	for o := range observations {
		if s.ends(o) && o.At >= s.online && (first == nil || o.compare(first) < 0) {
			first = o
		}
	}
	return first
}
