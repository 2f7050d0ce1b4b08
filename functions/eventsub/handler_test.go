package eventsub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/twitch"
)

const (
	offlineBody = `{"subscription":{"type":"stream.offline","version":"1","condition":{"broadcaster_user_id":"1337"}},` +
		`"event":{"broadcaster_user_id":"1337","broadcaster_user_login":"examplechan","broadcaster_user_name":"ExampleChan"}}`
	challengeBody = `{"challenge":"c0ffee","subscription":{"type":"stream.online"}}`
)

// TestAnswersToStrangers: whoever cannot sign gets a status and a fixed text.
func TestAnswersToStrangers(t *testing.T) {
	t.Parallel()
	without := func(name string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Del(name) }
	}
	with := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	method := func(name string) func(*http.Request) {
		return func(r *http.Request) { r.Method = name }
	}
	good := twitch.Sign(secret, messageID, timestamp, []byte(offlineBody))
	for _, tt := range []struct {
		name  string
		spoil func(*http.Request)
		want  int
	}{
		{"GET", method(http.MethodGet), http.StatusMethodNotAllowed},
		{"HEAD", method(http.MethodHead), http.StatusMethodNotAllowed},
		{"PUT", method(http.MethodPut), http.StatusMethodNotAllowed},
		{"DELETE", method(http.MethodDelete), http.StatusMethodNotAllowed},
		{"OPTIONS", method(http.MethodOptions), http.StatusMethodNotAllowed},
		{"a method of their own", method("post"), http.StatusMethodNotAllowed},
		{"no id", without(twitch.HeaderID), http.StatusBadRequest},
		{"an empty id", with(twitch.HeaderID, ""), http.StatusBadRequest},
		{"no timestamp", without(twitch.HeaderTimestamp), http.StatusBadRequest},
		{"no signature", without(twitch.HeaderSignature), http.StatusBadRequest},
		{"an empty signature", with(twitch.HeaderSignature, ""), http.StatusBadRequest},
		{"no type", without(twitch.HeaderType), http.StatusBadRequest},
		{"another id than was signed", with(twitch.HeaderID, "another"), http.StatusForbidden},
		{"another timestamp than was signed", with(twitch.HeaderTimestamp, "2026-05-01T12:00:08Z"), http.StatusForbidden},
		{"an unreadable timestamp that was not signed", with(twitch.HeaderTimestamp, "today"), http.StatusForbidden},
		{"a signature made with another secret",
			with(twitch.HeaderSignature, twitch.Sign("another-0123456789", messageID, timestamp, []byte(offlineBody))), http.StatusForbidden},
		{"a signature made with no secret",
			with(twitch.HeaderSignature, twitch.Sign("", messageID, timestamp, []byte(offlineBody))), http.StatusForbidden},
		{"a signature without its prefix", with(twitch.HeaderSignature, good[7:]), http.StatusForbidden},
		{"the prefix alone", with(twitch.HeaderSignature, "sha256="), http.StatusForbidden},
		{"a signature that is cut off", with(twitch.HeaderSignature, good[:40]), http.StatusForbidden},
		{"a signature in upper case", with(twitch.HeaderSignature, "sha256="+strings.ToUpper(good[7:])), http.StatusForbidden},
		{"another algorithm", with(twitch.HeaderSignature, "sha1="+good[7:]), http.StatusForbidden},
		{"a signature with something behind it", with(twitch.HeaderSignature, good+"0"), http.StatusForbidden},
		{"a list of signatures", with(twitch.HeaderSignature, good+","+good), http.StatusForbidden},
		{"a signature of 64 KiB", with(twitch.HeaderSignature, strings.Repeat("x", 1<<16)), http.StatusForbidden},
		{"a body over the limit", func(r *http.Request) { setBody(r, make([]byte, 2<<20)) }, http.StatusRequestEntityTooLarge},
		{"a body one byte over the limit", func(r *http.Request) { setBody(r, make([]byte, 1<<20+1)) }, http.StatusRequestEntityTooLarge},
		{"a body over the limit without headers", func(r *http.Request) { setBody(r, make([]byte, 2<<20)); r.Header = http.Header{} }, http.StatusRequestEntityTooLarge},
		{"a body at the limit that was not signed", func(r *http.Request) { setBody(r, make([]byte, 1<<20)) }, http.StatusForbidden},
		{"no body", func(r *http.Request) { setBody(r, nil) }, http.StatusForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, rec := newHandler(t)
			r := notification(offlineBody).request()
			tt.spoil(r)
			answer := serve(h, r)
			wantStatus(t, answer, tt.want)
			if got, want := text(t, answer), http.StatusText(tt.want)+"\n"; got != want {
				t.Errorf("body = %q, want %q", got, want)
			}
			if allow := answer.Header.Get("Allow"); (allow == http.MethodPost) != (tt.want == http.StatusMethodNotAllowed) {
				t.Errorf("Allow = %q", allow)
			}
			if messages := rec.take(); len(messages) != 0 {
				t.Errorf("published %+v", messages)
			}
		})
	}
}

func TestUnreadableTimestampThatWasSignedIsRefused(t *testing.T) {
	t.Parallel()
	for _, timestamp := range []string{"today", "2026-05-01T12:00:07", "1777636807", "9999-12-31T23:59:59-10:00"} {
		for _, kind := range []string{twitch.MessageNotification, twitch.MessageVerification, twitch.MessageRevocation, "other"} {
			h, rec := newHandler(t)
			m := webhook{id: messageID, timestamp: timestamp, kind: kind, body: offlineBody}
			wantStatus(t, serve(h, m.request()), http.StatusBadRequest)
			if messages := rec.take(); len(messages) != 0 {
				t.Errorf("%s: published %+v", timestamp, messages)
			}
		}
	}
}

// TestOddTimestampsThatCanBeRead: what is ahead of us is accepted, and readers
// guard themselves; what is older than ten minutes is acknowledged.
func TestOddTimestampsThatCanBeRead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, timestamp, observedAt string }{
		{"the last year", "9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999Z"},
		{"an offset", "2026-05-01T23:00:07+11:00", "2026-05-01T12:00:07.000Z"},
		{"twelve digits", "2026-05-01T12:00:07.123456789012Z", "2026-05-01T12:00:07.123Z"},
		{"the year 0", "0000-01-01T00:00:00Z", ""},
		{"the zero of Go", "0001-01-01T00:00:00Z", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, rec := newHandler(t)
			m := notification(offlineBody)
			m.timestamp = tt.timestamp
			wantStatus(t, serve(h, m.request()), http.StatusNoContent)
			if tt.observedAt == "" {
				if messages := rec.take(); len(messages) != 0 {
					t.Errorf("published %+v", messages)
				}
				return
			}
			if got := onlyEvent(t, rec).Object("externalEvent").Object("metadata").Text("observedAt"); got != tt.observedAt {
				t.Errorf("observedAt = %q, want %q", got, tt.observedAt)
			}
		})
	}
}

func TestWithoutSecretsNothingIsAnswered(t *testing.T) {
	t.Parallel()
	var logs bytes.Buffer
	rec := &recorder{}
	h := New(Config{}, rec, slog.New(slog.NewJSONHandler(&logs, nil)))
	signedWithNothing := notification(offlineBody).request()
	signedWithNothing.Header.Set(twitch.HeaderSignature, twitch.Sign("", messageID, timestamp, []byte(offlineBody)))
	get := notification(offlineBody).request()
	get.Method = http.MethodGet
	for _, r := range []*http.Request{signedWithNothing, get, notification(offlineBody).request()} {
		wantStatus(t, serve(h, r), http.StatusInternalServerError)
	}
	if messages := rec.take(); len(messages) != 0 {
		t.Errorf("published %+v", messages)
	}
	if got := strings.Count(logs.String(), "no TWITCH_EVENTSUB_SECRETS are set"); got != 3 {
		t.Errorf("the logs say why %d times: %s", got, logs.String())
	}
}

func TestVerification(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, body, want string }{
		{"with a subscription", challengeBody, "c0ffee"},
		{"of a conduit, without one", `{"challenge":"c0ffee","conduit_shard":{"conduit_id":"c","shard":"42"}}`, "c0ffee"},
		{"of an authorization, with a broadcaster in its condition",
			`{"challenge":"c0ffee","subscription":{"type":"user.authorization.revoke","condition":{"broadcaster_user_id":"1337"},"transport":{"callback":"null"}}}`, "c0ffee"},
		{"beside an event", `{"challenge":"c0ffee","event":{"broadcaster_user_id":"1337"}}`, "c0ffee"},
		{"a number", `{"challenge":12345678901234567890}`, "12345678901234567890"},
		{"not to be read as HTML", `{"challenge":"<script>\"é\""}`, `<script>"é"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, rec := newHandler(t)
			m := webhook{id: messageID, timestamp: "2020-01-01T00:00:00Z", kind: twitch.MessageVerification, body: tt.body}
			answer := serve(h, m.request())
			wantStatus(t, answer, http.StatusOK)
			if got := text(t, answer); got != tt.want {
				t.Errorf("body = %q, want %q", got, tt.want)
			}
			want := http.Header{
				"Content-Type": {"text/plain"}, "Content-Length": {fmt.Sprint(len(tt.want))},
				"X-Content-Type-Options": {"nosniff"},
			}
			if diff := cmp.Diff(want, answer.Header); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if messages := rec.take(); len(messages) != 0 {
				t.Errorf("published %+v", messages)
			}
		})
	}
}

func TestUnknownMessageTypeIsAcknowledged(t *testing.T) {
	t.Parallel()
	h, rec := newHandler(t)
	m := notification("no JSON")
	m.kind = "something_new"
	wantStatus(t, serve(h, m.request()), http.StatusNoContent)
	if messages := rec.take(); len(messages) != 0 {
		t.Errorf("published %+v", messages)
	}
}

func TestAgeOfNotifications(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		clock time.Duration // beyond the message timestamp
		want  int           // how many messages
	}{
		{"ten minutes old", 10 * time.Minute, 1},
		{"a nanosecond older", 10*time.Minute + 1, 0},
		{"a day old", 24 * time.Hour, 0},
		{"a minute ahead", -time.Minute, 1},
		{"a year ahead", -365 * 24 * time.Hour, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, rec := newHandler(t)
			sent, err := time.Parse(time.RFC3339Nano, timestamp)
			if err != nil {
				t.Fatal(err)
			}
			h.Now = func() time.Time { return sent.Add(tt.clock) }
			wantStatus(t, serve(h, notification(offlineBody).request()), http.StatusNoContent)
			if messages := rec.take(); len(messages) != tt.want {
				t.Errorf("published %d messages, want %d", len(messages), tt.want)
			}
		})
	}
}

func TestSecondDeliveryIsNotPublished(t *testing.T) {
	t.Parallel()
	h, rec := newHandler(t)
	for _, want := range []int{1, 0} {
		wantStatus(t, serve(h, notification(offlineBody).request()), http.StatusNoContent)
		if messages := rec.take(); len(messages) != want {
			t.Errorf("published %d messages, want %d", len(messages), want)
		}
	}
}

func TestFailedPublishIsSentAgainAndThenSucceeds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body, topic string
	}{
		{"an event", offlineBody, bus.Ingress},
		{"a dead letter", "no JSON", bus.DeadLetter},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			broken := true
			rec := &recorder{fail: func(_ context.Context, topic string) error {
				if topic != tt.topic {
					t.Errorf("topic = %q, want %q", topic, tt.topic)
				}
				if broken {
					return errors.New("pub/sub is away")
				}
				return nil
			}}
			h := newHandlerWith(t, rec)
			for range 2 {
				wantStatus(t, serve(h, notification(tt.body).request()), http.StatusServiceUnavailable)
			}
			broken = false
			wantStatus(t, serve(h, notification(tt.body).request()), http.StatusNoContent)
			if messages := rec.take(); len(messages) != 1 {
				t.Errorf("published %d messages, want 1", len(messages))
			}
		})
	}
}

func TestSlowPublishIsAnsweredWithinTheDeadline(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{twitch.MessageNotification, twitch.MessageRevocation} {
		synctest.Test(t, func(t *testing.T) {
			rec := &recorder{fail: func(ctx context.Context, _ string) error {
				<-ctx.Done()
				return ctx.Err()
			}}
			h := newHandlerWith(t, rec)
			m := notification(offlineBody)
			m.kind = kind
			began := time.Now()
			wantStatus(t, serve(h, m.request()), http.StatusServiceUnavailable)
			if took := time.Since(began); took != DefaultTimeout {
				t.Errorf("took %v, want %v", took, DefaultTimeout)
			}
			rec.fail = nil
			wantStatus(t, serve(h, m.request()), http.StatusNoContent)
			onlyEvent(t, rec)
		})
	}
}

// TestAMessageIsKeptThoughItsSenderHangsUp: sent again it would only be late.
func TestAMessageIsKeptThoughItsSenderHangsUp(t *testing.T) {
	t.Parallel()
	ctx, hangUp := context.WithCancel(t.Context())
	rec := &recorder{fail: func(ctx context.Context, _ string) error {
		hangUp()
		return ctx.Err()
	}}
	h := newHandlerWith(t, rec)
	serve(h, notification(offlineBody).request().WithContext(ctx))
	onlyEvent(t, rec)
	wantStatus(t, serve(h, notification(offlineBody).request()), http.StatusNoContent)
	if messages := rec.take(); len(messages) != 0 {
		t.Errorf("published it again: %+v", messages)
	}
}

// TestWhatIsPublishedOutlivesItsBody: the memory of a body is used for the next.
func TestWhatIsPublishedOutlivesItsBody(t *testing.T) {
	t.Parallel()
	h, rec := newHandler(t)
	publish := func(id, body string) []published {
		m := notification(body)
		m.id = id
		wantStatus(t, serve(h, m.request()), http.StatusNoContent)
		return rec.take()
	}
	for _, body := range []string{offlineBody, `{"no":"event, but a word"}`, strings.Repeat("no JSON", 20_000)} {
		kept := publish("kept", body)
		before := slices.Clone(kept[0].Message.Data)
		for i := range 50 {
			publish(fmt.Sprint(i), strings.ToUpper(body))
		}
		if !bytes.Equal(before, kept[0].Message.Data) {
			t.Errorf("%.40s: the message is now %s, was %s", body, kept[0].Message.Data, before)
		}
		h.published = memory{}
	}
}

func TestOneLogLineForEachOutcome(t *testing.T) {
	t.Parallel()
	stale := notification(offlineBody)
	stale.timestamp = "2020-01-01T00:00:00Z"
	challenge, ignored, revoked := notification(challengeBody), notification("{}"), notification(`{"subscription":{}}`)
	challenge.kind, ignored.kind, revoked.kind = twitch.MessageVerification, "new", twitch.MessageRevocation
	unsigned := notification(offlineBody).request()
	unsigned.Header.Del(twitch.HeaderSignature)
	unsigned.Header.Set(twitch.HeaderID, strings.Repeat("x", 1000))

	var logs bytes.Buffer
	h, rec := newHandler(t)
	h.Log = slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, tt := range []struct {
		r    *http.Request
		want string
	}{
		{notification(offlineBody).request(), outcomePublished},
		{notification(offlineBody).request(), outcomeDuplicate},
		{stale.request(), outcomeStale},
		{challenge.request(), outcomeChallenged},
		{ignored.request(), outcomeIgnored},
		{revoked.request(), outcomeNoSource},
		{unsigned, outcomeRefused},
		{webhook{id: "2", timestamp: timestamp, kind: twitch.MessageNotification, body: "{}"}.request(), outcomeDeadLettered},
	} {
		logs.Reset()
		serve(h, tt.r)
		line := object(t, logs.Bytes())
		if line.Text("outcome") != tt.want {
			t.Errorf("outcome = %q, want %q", line.Text("outcome"), tt.want)
		}
		if logs.Len() > 1000 || strings.Contains(logs.String(), secret) || strings.Contains(logs.String(), "sha256=") {
			t.Errorf("line = %s", logs.String())
		}
	}
	rec.fail = func(context.Context, string) error { return errors.New("away") }
	logs.Reset()
	serve(h, webhook{id: "3", timestamp: timestamp, kind: twitch.MessageNotification, body: offlineBody}.request())
	if line := object(t, logs.Bytes()); line.Text("outcome") != outcomeFailed || line.Text("level") != "ERROR" {
		t.Errorf("line = %s", logs.String())
	}
}
