package status

import (
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
)

// What a ring holds at most.
const (
	maxFrames     = 1024
	maxFrameBytes = 4 << 20
)

// A place is where a reader of events is: behind the event of that number of an
// epoch. The zero place is nowhere.
type place struct {
	epoch  string
	number int
}

func (p place) String() string { return p.epoch + "-" + strconv.Itoa(p.number) }

// parsePlace reads what String writes; what it cannot read is nowhere.
func parsePlace(text string) place {
	epoch, digits, _ := strings.Cut(text, "-")
	number, err := strconv.Atoi(digits)
	if err != nil || number < 0 {
		return place{}
	}
	return place{epoch, number}
}

// A ring holds the newest events, written out, so that readers who are behind
// catch up. An epoch ends when what comes cannot be told by events.
type ring struct {
	epoch  string
	frames [][]byte // the last of them has the number of the newest event
	newest int
	bytes  int
}

// restart begins an epoch, in which nothing has happened.
func (r *ring) restart() { *r = ring{epoch: rand.Text()[:12]} }

// here is the place behind the newest event.
func (r *ring) here() place { return place{r.epoch, r.newest} }

// add numbers and keeps an event.
func (r *ring) add(event string, data []byte) {
	r.newest++
	frame := appendFrame(nil, r.here(), event, data)
	r.frames, r.bytes = append(r.frames, frame), r.bytes+len(frame)
	drop := 0
	for drop < len(r.frames)-1 && (len(r.frames)-drop > maxFrames || r.bytes > maxFrameBytes) {
		r.bytes -= len(r.frames[drop])
		r.frames[drop] = nil
		drop++
	}
	r.frames = r.frames[drop:]
}

// since are the events behind a place; false if they are not known any more.
func (r *ring) since(p place) ([][]byte, bool) {
	missed := r.newest - p.number
	if p.epoch != r.epoch || missed < 0 || missed > len(r.frames) {
		return nil, false
	}
	return slices.Clone(r.frames[len(r.frames)-missed:]), true
}

// appendFrame writes an event as browsers read it. The data is one line.
func appendFrame(to []byte, at place, event string, data []byte) []byte {
	to = append(to, "id: "+at.String()+"\nevent: "+event+"\ndata: "...)
	to = append(to, data...)
	return append(to, "\n\n"...)
}
