package trace_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/sourcestate/sourcestate/shared/trace"
)

const (
	id     = "4bf92f3577b34da6a3ce929d0e0e4736"
	span   = "00f067aa0ba902b7"
	parent = "00-" + id + "-" + span + "-01"
)

func TestWith(t *testing.T) {
	tests := []struct {
		name, traceparent, want string
	}{
		{"version 00 is kept", parent, parent},
		{"unsampled is kept", "00-" + id + "-" + span + "-00", "00-" + id + "-" + span + "-00"},
		{"unknown flags of version 00 are kept", "00-" + id + "-" + span + "-03", "00-" + id + "-" + span + "-03"},
		{"a later version becomes version 00", "01-" + id + "-" + span + "-01", parent},
		{"a later version loses what follows", "cc-" + id + "-" + span + "-01-what-else", parent},
		{"a later version loses its flags but sampled", "cc-" + id + "-" + span + "-fe", "00-" + id + "-" + span + "-00"},
		{"a later version with something glued on is no trace", "cc-" + id + "-" + span + "-01x", ""},
		{"version 00 with something behind it is no trace", parent + "-00", ""},
		{"version ff is no trace", "ff-" + id + "-" + span + "-01", ""},
		{"a version that is no number is no trace", "0x-" + id + "-" + span + "-01", ""},
		{"upper case is no trace", "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + span + "-01", ""},
		{"a zero trace id is no trace", "00-00000000000000000000000000000000-" + span + "-01", ""},
		{"a zero parent id is no trace", "00-" + id + "-0000000000000000-01", ""},
		{"flags that are no number are no trace", "00-" + id + "-" + span + "-0g", ""},
		{"another separator is no trace", "00_" + id + "_" + span + "_01", ""},
		{"too short is no trace", parent[:54], ""},
		{"spaces around are no trace", " " + parent, ""},
		{"empty is no trace", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx := trace.With(t.Context(), test.traceparent)
			if got := trace.Parent(ctx); got != test.want {
				t.Errorf("Parent = %q, want %q", got, test.want)
			}
			want := ""
			if test.want != "" {
				want = id
			}
			if got := trace.ID(ctx); got != want {
				t.Errorf("ID = %q, want %q", got, want)
			}
		})
	}
}

func TestWithGarbageKeepsTheTraceThatIsThere(t *testing.T) {
	ctx := trace.With(trace.With(t.Context(), parent), "garbage")
	if got := trace.Parent(ctx); got != parent {
		t.Errorf("Parent = %q, want %q", got, parent)
	}
}

func TestFromRequest(t *testing.T) {
	type headers = http.Header
	tests := []struct {
		name    string
		headers headers
		want    string
	}{
		{"no header, no trace", headers{}, ""},
		{"traceparent", headers{"Traceparent": {parent}}, parent},
		{"traceparent before Google's", headers{
			"Traceparent": {parent}, "X-Cloud-Trace-Context": {"105445aa7843bc8bf206b12000100000/1;o=1"},
		}, parent},
		{"Google's where traceparent is garbage", headers{
			"Traceparent": {"garbage"}, "X-Cloud-Trace-Context": {id + "/67667974448284343;o=1"},
		}, parent},
		{"two traceparents are none", headers{"Traceparent": {parent, parent}}, ""},
		{"Google's, sampled", headers{"X-Cloud-Trace-Context": {id + "/67667974448284343;o=1"}}, parent},
		{"Google's, sampled on request", headers{"X-Cloud-Trace-Context": {id + "/67667974448284343;o=3"}}, parent},
		{"Google's, not sampled", headers{"X-Cloud-Trace-Context": {id + "/67667974448284343;o=0"}}, "00-" + id + "-" + span + "-00"},
		{"Google's, without options", headers{"X-Cloud-Trace-Context": {id + "/1"}}, "00-" + id + "-0000000000000001-00"},
		{"Google's, the greatest span", headers{"X-Cloud-Trace-Context": {id + "/18446744073709551615"}}, "00-" + id + "-ffffffffffffffff-00"},
		{"Google's, a span too great", headers{"X-Cloud-Trace-Context": {id + "/18446744073709551616"}}, ""},
		{"Google's, span 0", headers{"X-Cloud-Trace-Context": {id + "/0;o=1"}}, ""},
		{"Google's, without a span", headers{"X-Cloud-Trace-Context": {id}}, ""},
		{"Google's, a negative span", headers{"X-Cloud-Trace-Context": {id + "/-1"}}, ""},
		{"Google's, a short trace", headers{"X-Cloud-Trace-Context": {id[1:] + "/1"}}, ""},
		{"Google's, an unknown option", headers{"X-Cloud-Trace-Context": {id + "/1;x=1"}}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
			r.Header = test.headers
			if got := trace.Parent(trace.FromRequest(r)); got != test.want {
				t.Errorf("Parent = %q, want %q", got, test.want)
			}
		})
	}
}

var valid = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

func FuzzFromRequest(f *testing.F) {
	f.Add(parent, "")
	f.Add("cc-"+id+"-"+span+"-01-what", id+"/1;o=1")
	f.Add("", id+"/67667974448284343;o=1")
	f.Add("00-", "/;")
	f.Fuzz(func(t *testing.T, traceparent, google string) {
		r := &http.Request{Header: http.Header{
			"Traceparent": {traceparent}, "X-Cloud-Trace-Context": {google},
		}}
		ctx := trace.FromRequest(r.WithContext(t.Context()))
		got := trace.Parent(ctx)
		if got == "" {
			if trace.ID(ctx) != "" {
				t.Error("an id without a trace")
			}
			return
		}
		if !valid.MatchString(got) {
			t.Errorf("Parent = %q is no traceparent", got)
		}
		if again := trace.Parent(trace.With(context.WithoutCancel(ctx), got)); again != got {
			t.Errorf("read again it is %q, was %q", again, got)
		}
	})
}
