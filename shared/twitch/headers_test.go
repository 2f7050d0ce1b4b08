package twitch

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func complete() http.Header {
	return http.Header{
		HeaderID: {"id"}, HeaderTimestamp: {"2026-05-01T12:00:01Z"}, HeaderSignature: {"sha256=x"},
		HeaderType: {MessageNotification}, HeaderRetry: {"1"},
		HeaderSubscriptionType: {"stream.online"}, HeaderSubscriptionVersion: {"1"},
	}
}

func TestReadHeaders(t *testing.T) {
	t.Parallel()
	got, err := ReadHeaders(complete())
	if err != nil {
		t.Fatal(err)
	}
	want := Headers{
		ID: "id", Timestamp: "2026-05-01T12:00:01Z", Signature: "sha256=x", Type: MessageNotification,
		Retry: "1", SubscriptionType: "stream.online", SubscriptionVersion: "1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadHeadersNeedsFour(t *testing.T) {
	t.Parallel()
	for _, name := range []string{HeaderID, HeaderTimestamp, HeaderSignature, HeaderType} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			missing, empty := complete(), complete()
			missing.Del(name)
			empty.Set(name, "")
			for _, header := range []http.Header{missing, empty} {
				if _, err := ReadHeaders(header); !errors.Is(err, ErrHeaderMissing) {
					t.Errorf("error = %v, want ErrHeaderMissing", err)
				}
			}
		})
	}
	for _, name := range []string{HeaderRetry, HeaderSubscriptionType, HeaderSubscriptionVersion} {
		header := complete()
		header.Del(name)
		if _, err := ReadHeaders(header); err != nil {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestHeadersTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		timestamp string
		want      time.Time
	}{
		{"2026-05-01T12:00:01Z", time.Date(2026, 5, 1, 12, 0, 1, 0, time.UTC)},
		{"2026-05-01T12:00:01.123456789Z", time.Date(2026, 5, 1, 12, 0, 1, 123456789, time.UTC)},
		{"2026-05-01T23:00:01.5+11:00", time.Date(2026, 5, 1, 12, 0, 1, 500_000_000, time.UTC)},
		{"9999-12-31T23:59:59Z", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		{timestamp: "9999-12-31T23:59:59-01:00"}, // the year 10000
		{timestamp: "0000-01-01T00:00:00+01:00"}, // the year -1
		{timestamp: "2026-05-01T12:00:01"},
		{timestamp: "1777636801"},
		{timestamp: "yesterday"},
	} {
		t.Run(tt.timestamp, func(t *testing.T) {
			t.Parallel()
			got, err := Headers{Timestamp: tt.timestamp}.Time()
			if !got.Equal(tt.want) {
				t.Errorf("Time = %v, want %v", got, tt.want)
			}
			if tt.want.IsZero() != errors.Is(err, ErrTimestamp) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestResent(t *testing.T) {
	t.Parallel()
	for retry, want := range map[string]bool{"": false, "0": false, "1": true, "17": true, "-1": false, "x": false} {
		if got := (Headers{Retry: retry}).Resent(); got != want {
			t.Errorf("Resent of %q = %t, want %t", retry, got, want)
		}
	}
}

func TestUnsigned(t *testing.T) {
	t.Parallel()
	headers, err := ReadHeaders(complete())
	if err != nil {
		t.Fatal(err)
	}
	headers.Retry = ""
	want := map[string]string{
		HeaderID: "id", HeaderTimestamp: "2026-05-01T12:00:01Z", HeaderType: MessageNotification,
		HeaderSubscriptionType: "stream.online", HeaderSubscriptionVersion: "1",
	}
	if diff := cmp.Diff(want, headers.Unsigned()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
