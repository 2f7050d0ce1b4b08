package source

import (
	"iter"
	"strings"
	"time"
)

// unnamedStream begins the key of a stream whose online carried no id; its start
// follows.
const unnamedStream = "@"

const never = int64(-1 << 63)

// A streamTracker holds the evidence about the streams of a channel (design
// section 5, rule 3).
type streamTracker struct {
	byID map[string]*streamEvidence
	// unnamed is the newest offline that named no stream.
	unnamed int64
}

// streamEvidence is the newest evidence about one stream, in Unix milliseconds.
type streamEvidence struct {
	id      string
	online  int64 // never: the stream was only heard of ending
	offline int64
	start   int64
	stated  bool
	kind    string
}

func newStreamTracker() *streamTracker {
	return &streamTracker{byID: make(map[string]*streamEvidence), unnamed: never}
}

func trackStreams(observations iter.Seq[*observation]) *streamTracker {
	t := newStreamTracker()
	for o := range observations {
		t.observe(o)
	}
	return t
}

func (t *streamTracker) observe(o *observation) {
	if o.Key == "" {
		t.unnamed = max(t.unnamed, o.At)
		return
	}
	s := t.byID[o.Key]
	if s == nil {
		s = &streamEvidence{id: o.Key, online: never, offline: never, start: never}
		t.byID[o.Key] = s
	}
	if o.Value == Offline {
		s.offline = max(s.offline, o.At)
		return
	}
	// A stated start beats an inferred one; of equals the earlier is right.
	switch {
	case s.start == never, o.Stated && !s.stated:
		s.start, s.stated = o.Start, o.Stated
	case o.Stated == s.stated:
		s.start = min(s.start, o.Start)
	}
	if o.At >= s.online && o.Type != "" {
		s.kind = o.Type
	}
	s.online = max(s.online, o.At)
}

// current is the newest-started stream, or nil.
func (t *streamTracker) current() *streamEvidence {
	var newest *streamEvidence
	for _, s := range t.byID {
		if s.online == never {
			continue
		}
		if newest == nil || s.compare(newest) > 0 {
			newest = s
		}
	}
	return newest
}

// sortsAt is where a stream stands among those of its channel.
func (s *streamEvidence) sortsAt() int64 {
	if s.start == never {
		return s.offline
	}
	return s.start
}

// ends reports whether an offline is about the stream: it names it, or it names
// none and the stream had started.
func (s *streamEvidence) ends(o *observation) bool {
	return o.Value == Offline && (o.Key == s.id || o.Key == "" && o.At >= s.start)
}

// lastOffline is the newest offline that is about s.
func (t *streamTracker) lastOffline(s *streamEvidence) int64 {
	if t.unnamed >= s.start {
		return max(s.offline, t.unnamed)
	}
	return s.offline
}

func (t *streamTracker) value() (standing, bool) {
	s := t.current()
	if s == nil {
		return standing{value: Offline}, t.unnamed != never || len(t.byID) > 0
	}
	if s.online > t.lastOffline(s) { // at equal times offline wins
		return standing{value: Online}, true
	}
	return standing{value: Offline}, true
}

// deriveStream sets what the document says about the stream.
func (d *Document) deriveStream(l *log) {
	observations := l.all()
	t := trackStreams(observations)
	value, known := t.value()
	if !known {
		return
	}
	d.StreamStatus = string(value.value)
	s := t.current()
	if s == nil {
		newest := t.unnamed
		for _, heardOf := range t.byID {
			newest = max(newest, heardOf.offline)
		}
		d.LastStreamUpdate = instant(newest)
		return
	}
	d.Stream = &Stream{Type: s.kind, StartedAt: instant(s.start)}
	if !strings.HasPrefix(s.id, unnamedStream) {
		d.Stream.ID = s.id
	}
	if value.value == Online {
		d.LastStreamUpdate = instant(s.online)
		return
	}
	d.LastStreamUpdate = instant(t.lastOffline(s))
	d.Stream.EndedAt = instant(s.firstEnd(observations).At)
}

// viewerCount is the newest count of viewers, and of which stream ("": unsaid).
type viewerCount struct {
	stamp
	Count  int64  `json:"c"`
	Stream string `json:"s,omitempty"`
}

// deriveViewers sets viewerCount, which counts only while the stream that it was
// observed of is online (design section 5, rule 3).
func (d *Document) deriveViewers(v *viewerCount) {
	d.ViewerCount = nil
	delete(d.Metadata, metadataViewerCount)
	if v == nil || d.StreamStatus != Online || d.Stream == nil || v.At < d.Stream.StartedAt.UnixMilli() {
		return
	}
	if v.Stream != "" && d.Stream.ID != "" && v.Stream != d.Stream.ID {
		return
	}
	count := v.Count
	d.ViewerCount = &count
	if d.Metadata == nil {
		d.Metadata = make(Metadata, 1)
	}
	d.Metadata[metadataViewerCount] = count
}

// instant turns Unix milliseconds into a Time.
func instant(ms int64) Time { return Time{time.UnixMilli(ms).UTC()} }
