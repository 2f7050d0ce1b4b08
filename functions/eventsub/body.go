package eventsub

import (
	"bytes"
	"net/http"
	"sync"
)

const (
	maxBody = 1 << 20
	// keptBody is the largest that is kept for another body. Nearly all of
	// Twitch's are under 2 KiB.
	keptBody = 64 << 10
)

// A buffer is the memory of one body. It is used again for others: a tenth of
// what a request allocates would be the body that came.
type buffer struct{ bytes.Buffer }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func newBuffer() *buffer { return buffers.Get().(*buffer) }

// read reads the body as it was sent, up to the limit. It is good until free.
func (b *buffer) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody))
	return b.Bytes(), err
}

// free ends the use of what was read.
func (b *buffer) free() {
	if b.Cap() > keptBody {
		return
	}
	b.Reset()
	buffers.Put(b)
}
