package twitch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nicklaw5/helix/v2"
)

// numbered is n ids, from 1.
func numbered(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Itoa(i + 1)
	}
	return ids
}

// liveRow is a row of a stream of a user.
func liveRow(id string) string {
	return `{"id":"9` + id + `","user_id":"` + id + `","user_login":"login` + id + `","user_name":"Name` + id + `","game_id":"509658","game_name":"Just Chatting",` +
		`"type":"live","title":"a title of some length, as they are","tags":["English","chill"],"viewer_count":12,"started_at":"2026-05-01T11:00:00Z",` +
		`"language":"en","thumbnail_url":"https://example.com/{width}x{height}.jpg","tag_ids":[],"is_mature":false}`
}

func liveRows(ids []string) string {
	rows := make([]string, len(ids))
	for i, id := range ids {
		rows[i] = liveRow(id)
	}
	return `{"data":[` + strings.Join(rows, ",") + `],"pagination":{}}`
}

// live answers that all who are asked for are live.
func live(w http.ResponseWriter, r *http.Request) {
	answerJSON(w, 200, liveRows(r.URL.Query()["user_id"]))
}

func TestStreams(t *testing.T) {
	t.Parallel()
	s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
		if want, got := "/helix/streams?first=100&type=all&user_id=1&user_id=2&user_id=3", r.URL.String(); got != want {
			t.Errorf("asked for %s, want %s", got, want)
		}
		answerJSON(w, 200, liveRows([]string{"2"}))
	})
	got, err := s.client.Streams(t.Context(), []string{"1", "2", "3", "2"})
	if err != nil {
		t.Fatal(err)
	}
	want := StreamsAnswer{
		Live: map[string]Stream{"2": {
			ID: "92", UserID: "2", UserLogin: "login2", UserName: "Name2", Type: "live", Title: "a title of some length, as they are",
			CategoryID: "509658", CategoryName: "Just Chatting", Language: "en", Tags: []string{"English", "chill"},
			ViewerCount: 12, StartedAt: time.Date(2026, 5, 1, 11, 0, 0, 0, time.UTC),
		}},
		Answered: []string{"1", "2", "3"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStreamsOfNobody(t *testing.T) {
	t.Parallel()
	s := newStand(t, live)
	got, err := s.client.Streams(t.Context(), nil)
	if diff := cmp.Diff(StreamsAnswer{Live: map[string]Stream{}}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if requests, _, tokens := s.seen(); len(requests)+tokens != 0 {
		t.Errorf("requests %q, %d tokens", requests, tokens)
	}
}

// TestStreamsWithABadTime holds that a time does not spoil the page (facts/twitch.md
// section 5, #15).
func TestStreamsWithABadTime(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{`""`, `null`, `"soon"`, `7`, `{}`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59-23:00"`, `"2026-05-01T11:00:00"`} {
		t.Run(bad, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, static(200, `{"data":[`+liveRow("1")+`,`+strings.Replace(liveRow("2"), `"2026-05-01T11:00:00Z"`, bad, 1)+`],"pagination":{}}`))
			got, err := s.client.Streams(t.Context(), []string{"1", "2"})
			if err != nil {
				t.Fatal(err)
			}
			if got.Live["1"].StartedAt.IsZero() || !got.Live["2"].StartedAt.IsZero() {
				t.Errorf("started at %v and %v, want the first alone", got.Live["1"].StartedAt, got.Live["2"].StartedAt)
			}
			if got.Live["2"].Title != got.Live["1"].Title || got.Live["2"].ViewerCount != 12 {
				t.Errorf("the rest of the row is lost: %+v", got.Live["2"])
			}
		})
	}
}

func TestStreamsKeepsFractionsAndZones(t *testing.T) {
	t.Parallel()
	s := newStand(t, static(200, `{"data":[`+strings.Replace(liveRow("1"), `11:00:00Z`, `13:00:00.123456789+02:00`, 1)+`]}`))
	got, err := s.client.Streams(t.Context(), []string{"1"})
	if want := time.Date(2026, 5, 1, 11, 0, 0, 123456789, time.UTC); err != nil || got.Live["1"].StartedAt != want {
		t.Errorf("started at %v, error %v, want %v", got.Live["1"].StartedAt, err, want)
	}
}

func TestStreamsFollowsPages(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"":  `{"data":[` + liveRow("1") + `,` + liveRow("2") + `],"pagination":{"cursor":"b"}}`,
		"b": `{"data":[` + liveRow("2") + `],"pagination":{"cursor":"c"}}`, // repeats
		"c": `{"data":[],"pagination":{"cursor":"d"}}`,
		"d": `{"data":[` + liveRow("4") + `],"pagination":{"cursor":""}}`,
	}
	s := newStand(t, func(w http.ResponseWriter, r *http.Request) { answerJSON(w, 200, pages[r.FormValue("after")]) })
	got, err := s.client.Streams(t.Context(), numbered(5))
	if err != nil || len(got.Live) != 3 || len(got.Answered) != 5 {
		t.Errorf("error %v, %+v, want 1, 2 and 4 live of 5", err, got)
	}
}

func TestStreamsAsksForNoPageThatCanHoldNobody(t *testing.T) {
	t.Parallel()
	s := newStand(t, static(200, strings.Replace(liveRows([]string{"1", "2"}), `"pagination":{}`, `"pagination":{"cursor":"x"}`, 1)))
	if _, err := s.client.Streams(t.Context(), []string{"1", "2"}); err != nil {
		t.Fatal(err)
	}
	if requests, _, _ := s.seen(); len(requests) != 1 {
		t.Errorf("%d requests, want 1", len(requests))
	}
}

func TestStreamsLeavesPagesWithoutEnd(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	for name, cursor := range map[string]func() string{
		"the same again":  func() string { return "x" },
		"always new ones": func() string { return strconv.FormatInt(n.Add(1), 10) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, func(w http.ResponseWriter, _ *http.Request) {
				answerJSON(w, 200, `{"data":[],"pagination":{"cursor":"`+cursor()+`"}}`)
			})
			got, err := s.client.Streams(t.Context(), numbered(5))
			if err == nil || len(got.Answered) != 0 {
				t.Errorf("error %v, answered %v", err, got.Answered)
			}
			if requests, _, _ := s.seen(); len(requests) > 6 {
				t.Errorf("%d requests", len(requests))
			}
		})
	}
}

// TestStreamsOfManyWithFailures holds that a request that fails takes its hundred
// with it and no more, and that none of them seems offline.
func TestStreamsOfManyWithFailures(t *testing.T) {
	t.Parallel()
	for _, bad := range []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"an empty answer", static(200, "")},
		{"data that is null", static(200, `{"data":null}`)},
		{"a page", static(200, "<html>")},
		{"a count that is a text", static(200, strings.Replace(liveRows([]string{"101"}), `"viewer_count":12`, `"viewer_count":"12"`, 1))},
		{"a row without a user", static(200, `{"data":[`+liveRow("101")+`,`+liveRow("")+`]}`)},
		{"a failure on the second page", func(w http.ResponseWriter, r *http.Request) {
			if r.FormValue("after") != "" {
				answerJSON(w, 404, "")
				return
			}
			answerJSON(w, 200, strings.Replace(liveRows([]string{"101"}), `"pagination":{}`, `"pagination":{"cursor":"x"}`, 1))
		}},
		{"400", refused(400, "Bad Request", "no")},
		{"500", static(500, "")},
	} {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query()["user_id"][0] == "101" {
					bad.answer(w, r)
					return
				}
				live(w, r)
			})
			ids := numbered(1050)
			got, err := s.client.Streams(t.Context(), ids)
			var refused *APIError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), "1 of 11 requests failed") {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(slices.Concat(ids[:100], ids[200:]), got.Answered); diff != "" {
				t.Errorf("answered (-want +got):\n%s", diff)
			}
			if len(got.Live) != 950 || got.Live["101"].ID != "" {
				t.Errorf("%d live, want 950 without 101", len(got.Live))
			}
		})
	}
}

func TestStreamsIgnoresWhomItDidNotAskFor(t *testing.T) {
	t.Parallel()
	s := newStand(t, static(200, liveRows([]string{"1", "77"})))
	got, err := s.client.Streams(t.Context(), []string{"1", "2", "3"})
	if err != nil || len(got.Live) != 1 || got.Live["1"].ID != "91" {
		t.Errorf("error %v, live %v", err, got.Live)
	}
}

func TestStreamsAsksForIDsOnly(t *testing.T) {
	t.Parallel()
	s := newStand(t, live)
	got, err := s.client.Streams(t.Context(), []string{"1", "", "login", "2&user_id=3", "-4", "5", strings.Repeat("1", 21)})
	if diff := cmp.Diff([]string{"1", "5"}, got.Answered); diff != "" {
		t.Errorf("answered (-want +got):\n%s", diff)
	}
	for _, text := range []string{`""`, `"login"`, `"2&user_id=3"`, `"-4"`} {
		if err == nil || !strings.Contains(err.Error(), "not a user id: "+text) {
			t.Errorf("error %v does not name %s", err, text)
		}
	}
}

func TestStreamsKeepsToFourRequestsAtATime(t *testing.T) {
	t.Parallel()
	var under, most atomic.Int64
	s := newStand(t, func(w http.ResponseWriter, r *http.Request) {
		n := under.Add(1)
		defer under.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		live(w, r)
	})
	if _, err := s.client.Streams(t.Context(), numbered(5000)); err != nil {
		t.Fatal(err)
	}
	if n := most.Load(); n > parallel {
		t.Errorf("%d at a time", n)
	}
}

func TestStreamsGivesUpWhenAllWouldFail(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"an app that Twitch does not know": refused(401, "Unauthorized", "Invalid OAuth token"),
		"too many requests":                limited(time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, answer)
			got, err := s.client.Streams(t.Context(), numbered(10_000))
			if err == nil || len(got.Answered) != 0 {
				t.Errorf("error %v, answered %d", err, len(got.Answered))
			}
			if len(fmt.Sprint(err)) > 500 {
				t.Errorf("the error is %d bytes long", len(fmt.Sprint(err)))
			}
			if requests, _, _ := s.seen(); len(requests) > 4*parallel {
				t.Errorf("%d requests", len(requests))
			}
		})
	}
}

// FuzzRows holds that helix sees the rows that came, or none and an error.
func FuzzRows(f *testing.F) {
	f.Add([]byte(liveRows([]string{"1", "2"})))
	f.Add([]byte(`{"data":[{"started_at":"","created_at":null}],"Data":[{"id":"1"}]}`))
	f.Add([]byte(`{"data":[null,{"STARTED_AT":"x","started_at":"2026-05-01T11:00:00Z"}],"pagination":{"cursor":"c"}}`))
	f.Add([]byte(`{"data":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		mended, err := rows(answer{status: 200, body: body})
		if err != nil {
			var refused *APIError
			if !errors.As(err, &refused) || refused.Status != 200 {
				t.Errorf("error %v", err)
			}
			return
		}
		var before, after struct {
			Data []json.RawMessage `json:"data"`
		}
		if json.Unmarshal(body, &before) != nil || json.Unmarshal(mended, &after) != nil || len(before.Data) != len(after.Data) {
			t.Errorf("%s became %s", body, mended)
		}
		var streams helix.ManyStreams
		if err := json.Unmarshal(mended, &streams); err == nil && len(streams.Streams) != len(before.Data) {
			t.Errorf("%s became %s: %d rows", body, mended, len(streams.Streams))
		}
	})
}

// BenchmarkStreams asks for 10,000 users of whom half are live: "server" over a
// local server, whose allocations count too, "alone" without.
func BenchmarkStreams(b *testing.B) {
	ids := numbered(10_000)
	bodies := make(map[string]string)
	for batch := range slices.Chunk(ids, maxIDs) {
		bodies[batch[0]] = liveRows(batch[:maxIDs/2])
	}
	body := func(r *http.Request) string {
		query := r.URL.RawQuery
		if i := strings.Index(query, "user_id="); i >= 0 {
			first, _, _ := strings.Cut(query[i+len("user_id="):], "&")
			return bodies[first]
		}
		return `{"access_token":"app"}`
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body(r)) }))
	b.Cleanup(server.Close)
	alone := roundTrip(func(r *http.Request) (*http.Response, error) {
		text := body(r)
		return &http.Response{StatusCode: 200, ContentLength: int64(len(text)), Body: io.NopCloser(strings.NewReader(text))}, nil
	})
	for _, way := range []struct {
		name      string
		transport http.RoundTripper
	}{{"server", nil}, {"alone", alone}} {
		b.Run(way.name, func(b *testing.B) {
			client := NewClient(ClientConfig{ClientID: "id", APIURL: server.URL, AuthURL: server.URL, Transport: way.transport})
			b.ReportAllocs()
			for b.Loop() {
				answer, err := client.Streams(b.Context(), ids)
				if err != nil || len(answer.Live) != len(ids)/2 || len(answer.Answered) != len(ids) {
					b.Fatalf("%v: %d live of %d", err, len(answer.Live), len(answer.Answered))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(ids)), "ns/id")
		})
	}
}
