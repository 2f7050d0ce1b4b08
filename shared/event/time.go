package event

import (
	"fmt"
	"time"
)

// FormatTime writes an instant as every timestamp of the suite is written: ISO
// 8601 in UTC with three digits of milliseconds, cut and not rounded.
func FormatTime(t time.Time) string {
	t = t.UTC()
	// time has a fast way for its own formats, and this one is not among them.
	var room [len("2006-01-02T15:04:05.000Z")]byte
	b := t.AppendFormat(room[:0], time.RFC3339)
	ms := t.Nanosecond() / int(time.Millisecond)
	b = append(b[:len(b)-len("Z")], '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
	return string(b)
}

// ParseTime reads an RFC 3339 timestamp with any fraction and any offset, and
// cuts it to milliseconds in UTC. A timestamp without a zone is an error, and so
// is one whose offset leads out of the years 1 to 9999: FormatTime would write
// what nobody can read back. Kick sometimes sends the date twice
// ("2026-04-26T2026-04-26T11:27:44Z"): the second one counts.
func ParseTime(text string) (time.Time, error) {
	const date = len("2006-01-02T")
	if len(text) > 2*date && text[date-1] == 'T' && text[:date] == text[date:2*date] {
		text = text[date:]
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading a timestamp: %w", err)
	}
	t = cut(t)
	if year := t.Year(); year < 1 || year > 9999 {
		return time.Time{}, fmt.Errorf("reading a timestamp: year %d in UTC", year)
	}
	return t, nil
}

// cut drops what is smaller than a millisecond.
func cut(t time.Time) time.Time {
	return t.UTC().Truncate(time.Millisecond)
}
