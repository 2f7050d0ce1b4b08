package status

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
)

// The small curve of viewers.
const (
	curveScope  = 6 * time.Hour
	curveWidth  = 160
	curveHeight = 40
	// curveHold is for how long a count stands: one that stays the same is said
	// again once an hour only.
	curveHold = 61 * time.Minute
	// curveLeast is the least time that a curve spans, lest the first minutes
	// of a stream look like a day.
	curveLeast = 10 * time.Minute
)

// A curve is the viewers of the last hours as they are drawn.
type curve struct {
	Line  string // path data
	Area  string
	Label string
}

// newCurve draws the samples, oldest first. It breaks where the channel was not
// live, by the changes of the same time.
func newCurve(samples []source.ViewerSample, changes []source.Change, live bool, now time.Time) curve {
	from := now.Add(-curveScope)
	for len(samples) > 0 && samples[0].At.Before(from) {
		samples = samples[1:]
	}
	if len(samples) == 0 {
		return curve{}
	}
	from = earlier(samples[0].At.Time, now.Add(-curveLeast))
	scale := newScale(samples, from, now)
	var line, area strings.Builder
	for _, run := range runs(samples, ends(changes, live, now)) {
		scale.draw(&line, &area, run)
	}
	return curve{Line: line.String(), Area: area.String(), Label: curveLabel(samples)}
}

func curveLabel(samples []source.ViewerSample) string {
	least, most := samples[0].Count, samples[0].Count
	for _, s := range samples {
		least, most = min(least, s.Count), max(most, s.Count)
	}
	return fmt.Sprintf("Viewers of the last hours: %s to %s, last %s",
		grouped(least), grouped(most), grouped(samples[len(samples)-1].Count))
}

// ends are when streams ended, in order; the end of one that is live is now.
func ends(changes []source.Change, live bool, now time.Time) []time.Time {
	var ends []time.Time
	for _, c := range changes {
		if c.Facet == source.FacetStreamStatus && c.To == source.Offline {
			ends = append(ends, c.At.Time)
		}
	}
	if live {
		ends = append(ends, now)
	}
	return ends
}

// A run is samples without an interruption, and until when the last one stands.
type run struct {
	samples []source.ViewerSample
	end     time.Time
}

// runs splits the samples where a stream ended or a count no longer stands.
func runs(samples []source.ViewerSample, ends []time.Time) []run {
	var found []run
	start := 0
	for i, s := range samples {
		until := s.At.Add(curveHold)
		for len(ends) > 0 && ends[0].Before(s.At.Time) {
			ends = ends[1:]
		}
		if len(ends) > 0 {
			until = earlier(until, ends[0])
		}
		if i+1 == len(samples) || samples[i+1].At.After(until) {
			if len(ends) == 0 {
				until = s.At.Time
			}
			found = append(found, run{samples[start : i+1], until})
			start = i + 1
		}
	}
	return found
}

// A scale turns times and counts into places of the drawing.
type scale struct {
	from  time.Time
	width time.Duration
	most  int64
}

func newScale(samples []source.ViewerSample, from, to time.Time) scale {
	s := scale{from: from, width: to.Sub(from), most: 1}
	for _, sample := range samples {
		s.most = max(s.most, sample.Count)
	}
	return s
}

func (s scale) x(t time.Time) string {
	x := float64(t.Sub(s.from)) / float64(s.width) * curveWidth
	return strconv.FormatFloat(min(max(0, x), curveWidth), 'f', 1, 64)
}

// y leaves room for the width of the line.
func (s scale) y(count int64) string {
	const margin = 2
	y := margin + (1-float64(count)/float64(s.most))*(curveHeight-2*margin)
	return strconv.FormatFloat(y, 'f', 1, 64)
}

func (s scale) draw(line, area *strings.Builder, r run) {
	first, last := r.samples[0], r.samples[len(r.samples)-1]
	fmt.Fprintf(line, "M%s %s", s.x(first.At.Time), s.y(first.Count))
	fmt.Fprintf(area, "M%s %d", s.x(first.At.Time), curveHeight)
	for _, sample := range r.samples { // a count stands until the next one
		fmt.Fprintf(line, "H%sV%s", s.x(sample.At.Time), s.y(sample.Count))
		fmt.Fprintf(area, "H%sV%s", s.x(sample.At.Time), s.y(sample.Count))
	}
	end := later(last.At.Time, r.end)
	fmt.Fprintf(line, "H%s", s.x(end))
	fmt.Fprintf(area, "H%sV%dZ", s.x(end), curveHeight)
}
