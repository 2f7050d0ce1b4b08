package status

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
)

// A moment is a time to read and the exact instant. Without scripts it is read
// in UTC; scripts put it into the zone of whoever looks.
type moment struct{ Text, Exact string }

func newMoment(t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	return moment{Text: t.UTC().Format("2006-01-02 15:04:05") + " UTC", Exact: event.FormatTime(t)}
}

// period is how long something takes, in its two greatest units at most. The
// scripts say it the same way.
func period(d time.Duration) string {
	seconds := int64(max(0, d) / time.Second)
	minutes, hours, days := seconds/60, seconds/3600, seconds/86400
	switch {
	case seconds < 60:
		return fmt.Sprintf("%d s", seconds)
	case minutes < 60:
		return fmt.Sprintf("%d min", minutes)
	case hours < 24:
		return join(fmt.Sprintf("%d h", hours), minutes%60, "min")
	}
	return join(counted(days, "day"), hours%24, "h")
}

func join(greater string, n int64, unit string) string {
	if n == 0 {
		return greater
	}
	return fmt.Sprintf("%s %d %s", greater, n, unit)
}

// counted is a number of things.
func counted[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// grouped is a whole number with a comma before every three digits.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, groups...), ",")
}

// percent is a share. It is rounded down, because only what was never interrupted
// is 100 %.
func percent(part, whole time.Duration) string {
	if whole <= 0 {
		return ""
	}
	share := math.Floor(float64(part)/float64(whole)*1000) / 10
	return strconv.FormatFloat(share, 'f', -1, 64) + " %"
}

// isolated is a text whose direction does not touch what stands beside it, where
// there can be no element to do that.
func isolated(text string) string { return "\u2068" + text + "\u2069" }
