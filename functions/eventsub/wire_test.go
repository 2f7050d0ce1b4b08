package eventsub

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sourcestate/sourcestate/shared/twitch"
)

// exchange writes text to a real server, closes that side, and reads the answer.
func exchange(t *testing.T, h http.Handler, text string) *http.Response {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

// head is the head of a webhook whose names are spelled by spell.
func (m webhook) head(length int, spell func(string) string) string {
	var head strings.Builder
	head.WriteString("POST /webhooks/twitch HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n")
	for _, h := range [][2]string{
		{"Content-Length", fmt.Sprint(length)},
		{twitch.HeaderID, m.id},
		{twitch.HeaderTimestamp, m.timestamp},
		{twitch.HeaderType, m.kind},
		{twitch.HeaderSignature, twitch.Sign(secret, m.id, m.timestamp, []byte(m.body))},
	} {
		head.WriteString(spell(h[0]) + ": " + h[1] + "\r\n")
	}
	return head.String() + "\r\n"
}

func asIs(name string) string { return name }

func TestHeaderNamesInAnyCase(t *testing.T) {
	t.Parallel()
	mixed := func(name string) string {
		spelled := []byte(strings.ToLower(name))
		for i := 0; i < len(spelled); i += 2 {
			spelled[i] = bytes.ToUpper(spelled[i : i+1])[0]
		}
		return string(spelled)
	}
	for _, tt := range []struct {
		name  string
		spell func(string) string
	}{{"lower", strings.ToLower}, {"upper", strings.ToUpper}, {"mixed", mixed}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, rec := newHandler(t)
			m := notification(offlineBody)
			wantStatus(t, exchange(t, h, m.head(len(m.body), tt.spell)+m.body), http.StatusNoContent)
			onlyEvent(t, rec)
		})
	}
}

// TestBodyThatIsCutOff is a body shorter than its head says. It must not be
// taken, not even when what came was signed.
func TestBodyThatIsCutOff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		sent int
	}{{"in its middle", len(offlineBody) / 2}, {"before its last byte", len(offlineBody) - 1}, {"at its start", 0}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, rec := newHandler(t)
			m := notification(offlineBody[:tt.sent])
			wantStatus(t, exchange(t, h, m.head(len(offlineBody), asIs)+m.body), http.StatusBadRequest)
			if messages := rec.take(); len(messages) != 0 {
				t.Errorf("published %+v", messages)
			}
		})
	}
	t.Run("in a chunk", func(t *testing.T) {
		t.Parallel()
		h, rec := newHandler(t)
		head := strings.Replace(notification("{}").head(0, asIs), "Content-Length: 0", "Transfer-Encoding: chunked", 1)
		wantStatus(t, exchange(t, h, head+"2\r\n{}\r\n5\r\n{}"), http.StatusBadRequest)
		if messages := rec.take(); len(messages) != 0 {
			t.Errorf("published %+v", messages)
		}
	})
}

func TestBodyOverTheLimitOnTheWire(t *testing.T) {
	t.Parallel()
	h, rec := newHandler(t)
	server := httptest.NewServer(h)
	defer server.Close()
	m := notification(strings.Repeat("x", 2<<20))
	for _, chunked := range []bool{false, true} {
		var body io.Reader = strings.NewReader(m.body)
		if chunked {
			body = io.MultiReader(body)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = m.request().Header
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		wantStatus(t, answer, http.StatusRequestEntityTooLarge)
	}
	if messages := rec.take(); len(messages) != 0 {
		t.Errorf("published %+v", messages)
	}
}
