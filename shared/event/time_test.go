package event_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sourcestate/sourcestate/shared/event"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"milliseconds and Z", "2026-05-01T12:00:07.120Z", "2026-05-01T12:00:07.120Z"},
		{"no fraction", "2026-05-01T12:00:07Z", "2026-05-01T12:00:07.000Z"},
		{"one digit", "2026-05-01T12:00:07.1Z", "2026-05-01T12:00:07.100Z"},
		{"nanoseconds are cut", "2026-05-01T12:00:07.999999999Z", "2026-05-01T12:00:07.999Z"},
		{"ten digits are cut", "2026-05-01T12:00:07.1239999999Z", "2026-05-01T12:00:07.123Z"},
		{"an offset", "2026-05-01T23:00:07.5+11:00", "2026-05-01T12:00:07.500Z"},
		{"an offset into the day before", "2026-05-01T01:00:00+05:30", "2026-04-30T19:30:00.000Z"},
		{"a date that stands twice", "2026-04-26T2026-04-26T11:27:44Z", "2026-04-26T11:27:44.000Z"},
		{"a date that stands twice with an offset", "2026-04-26T2026-04-26T11:27:44.25+11:00", "2026-04-26T00:27:44.250Z"},
		{"before the epoch cut downwards", "1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"},
		{"the first year", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"},
		{"the last year", "9999-12-31T23:59:59.9999Z", "9999-12-31T23:59:59.999Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := event.ParseTime(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if text := event.FormatTime(got); text != tt.want || got.Location() != time.UTC {
				t.Errorf("time = %s in %v, want %s", text, got.Location(), tt.want)
			}
		})
	}
}

func TestParseTimeRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text string }{
		{"nothing", ""},
		{"a word", "today"},
		{"no zone", "2026-05-01T12:00:07"},
		{"no time of day", "2026-05-01"},
		{"a space for the T", "2026-05-01 12:00:07Z"},
		{"seconds since the epoch", "1777636807"},
		{"a day that does not exist", "2026-02-30T12:00:00Z"},
		{"five digits of a year", "10000-01-01T00:00:00Z"},
		{"two dates that differ", "2026-04-26T2026-04-27T11:27:44Z"},
		{"a date that stands twice and nothing behind it", "2026-04-26T2026-04-26T"},
		{"something behind it", "2026-05-01T12:00:07Z "},
		// FormatTime could write these, and no reader or no store could read them back.
		{"the year before the first", "0000-12-31T23:59:59Z"},
		{"an offset that leads beyond the last year", "9999-12-31T23:59:59-00:01"},
		{"an offset that leads before the first year", "0001-01-01T00:00:00+00:01"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, err := event.ParseTime(tt.text); err == nil {
				t.Errorf("time = %v, want an error", got)
			}
		})
	}
}

func TestFormatTimeCutsAndTurnsToUTC(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", -3*60*60)
	got := event.FormatTime(time.Date(2026, 5, 1, 23, 59, 59, 999_999_999, zone))
	if want := "2026-05-02T02:59:59.999Z"; got != want {
		t.Errorf("time = %s, want %s", got, want)
	}
}

func TestWhatIsFormattedIsParsedAsItWas(t *testing.T) {
	t.Parallel()
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()
	rapid.Check(t, func(t *rapid.T) {
		want := time.UnixMilli(rapid.Int64Range(first, last).Draw(t, "milliseconds")).UTC()
		got, err := event.ParseTime(event.FormatTime(want))
		if err != nil || !got.Equal(want) {
			t.Fatalf("time = %v, error = %v, want %v", got, err, want)
		}
	})
}

// TestFormatTimeIsThatOfItsLayout: FormatTime takes a faster way there.
func TestFormatTimeIsThatOfItsLayout(t *testing.T) {
	t.Parallel()
	first := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	last := time.Date(10_000, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(first, last).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond")).
			In(time.FixedZone("", rapid.IntRange(-14*3600, 14*3600).Draw(t, "offset")))
		want := at.UTC().Format("2006-01-02T15:04:05.000Z")
		if got := event.FormatTime(at); got != want {
			t.Errorf("%v = %s, want %s", at, got, want)
		}
	})
}
