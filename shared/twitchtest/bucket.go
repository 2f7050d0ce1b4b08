package twitchtest

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// A bucket holds the points of one token's owner and fills steadily.
type bucket struct {
	limit  int // points when full, and points a minute
	points float64
	at     time.Time
}

func (w *World) bucket(t *token) *bucket {
	owner := ""
	if t.user != nil {
		owner = t.user.id
	}
	b, ok := w.buckets[owner]
	if !ok {
		b = &bucket{limit: w.config.RateLimit, points: float64(w.config.RateLimit), at: w.config.Now()}
		w.buckets[owner] = b
	}
	return b
}

// take takes a point, if there is one, and writes the headers that tell of it.
func (b *bucket) take(now time.Time, header http.Header) bool {
	rate := float64(b.limit) / time.Minute.Seconds()
	if gone := now.Sub(b.at); gone > 0 {
		b.points = min(b.points+gone.Seconds()*rate, float64(b.limit))
		b.at = now
	}
	ok := b.points >= 1
	if ok {
		b.points--
	}
	full := now.Add(time.Duration((float64(b.limit) - b.points) / rate * float64(time.Second)))
	header.Set("Ratelimit-Limit", strconv.Itoa(b.limit))
	header.Set("Ratelimit-Remaining", strconv.Itoa(int(b.points)))
	header.Set("Ratelimit-Reset", strconv.FormatInt(int64(math.Ceil(float64(full.UnixMilli())/1000)), 10))
	return ok
}
