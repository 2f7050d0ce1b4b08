package twitch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const (
	testSecret    = "s3cr3t-0123456789"
	testID        = "0f9d8c7b-example"
	testTimestamp = "2026-05-01T12:00:01.100000000Z"
)

// The vectors of facts/twitch.md section 1.2.
var signed = []struct{ name, body, signature string }{
	{"an empty object", `{}`, "sha256=03951c7b176a558b9251755c1874fce0103895a2e7caf4d84d634d2055a6aead"},
	{"a challenge", `{"challenge":"c0ffee","subscription":{"id":"sub-1"}}`, "sha256=ffbc0e73883eb9ed4257359681ac52b858a6e87b0248d0e09683b6fbcc727601"},
	{"the same with a newline at its end", `{"challenge":"c0ffee","subscription":{"id":"sub-1"}}` + "\n", "sha256=a82ac81e4bde15d10476b318f02326bfc06bdf2429fdbbfe7707e6440634f718"},
}

func TestSign(t *testing.T) {
	t.Parallel()
	for _, tt := range signed {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Sign(testSecret, testID, testTimestamp, []byte(tt.body)); got != tt.signature {
				t.Errorf("Sign = %q, want %q", got, tt.signature)
			}
		})
	}
}

func mustSecrets(t *testing.T, list string) Secrets {
	t.Helper()
	secrets, err := ParseSecrets(list)
	if err != nil {
		t.Fatal(err)
	}
	return secrets
}

func TestVerify(t *testing.T) {
	t.Parallel()
	good := signed[0].signature
	for _, tt := range []struct {
		name      string
		secrets   string
		signature string
		body      string
		timestamp string
		want      bool
	}{
		{name: "the right secret", secrets: testSecret, signature: good, want: true},
		{name: "the right secret behind a newer one", secrets: "another-0123456789," + testSecret, signature: good, want: true},
		{name: "a wrong secret", secrets: "another-0123456789", signature: good},
		{name: "no secret", secrets: "", signature: good},
		{name: "no secret and a signature made with none", secrets: "", signature: Sign("", testID, testTimestamp, []byte("{}"))},
		{name: "one byte more in the body", secrets: testSecret, signature: good, body: "{}\n"},
		{name: "the same instant written differently", secrets: testSecret, signature: good, timestamp: "2026-05-01T12:00:01.1Z"},
		{name: "no prefix", secrets: testSecret, signature: strings.TrimPrefix(good, signaturePrefix)},
		{name: "another algorithm", secrets: testSecret, signature: "sha1=" + strings.TrimPrefix(good, signaturePrefix)},
		{name: "no hexadecimal digits", secrets: testSecret, signature: "sha256=" + strings.Repeat("z", 64)},
		{name: "too short", secrets: testSecret, signature: good[:len(good)-1]},
		{name: "too long", secrets: testSecret, signature: good + "0"},
		{name: "the prefix alone", secrets: testSecret, signature: signaturePrefix},
		{name: "nothing", secrets: testSecret, signature: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body, timestamp := "{}", testTimestamp
			if tt.body != "" {
				body = tt.body
			}
			if tt.timestamp != "" {
				timestamp = tt.timestamp
			}
			h := Headers{ID: testID, Timestamp: timestamp, Signature: tt.signature}
			if got := mustSecrets(t, tt.secrets).Verify(h, []byte(body)); got != tt.want {
				t.Errorf("Verify = %t, want %t", got, tt.want)
			}
		})
	}
}

func TestParseSecrets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		list   string
		want   int
		newest string
		faults []string
	}{
		{name: "none", list: ""},
		{name: "blanks are none", list: " \n"},
		{name: "one", list: "0123456789", want: 1, newest: "0123456789"},
		{name: "one out of a file", list: "0123456789\n", want: 1, newest: "0123456789"},
		{name: "the longest", list: strings.Repeat("a", 100), want: 1, newest: strings.Repeat("a", 100)},
		{name: "two, newest first", list: "newest-0123456789, oldest-0123456789", want: 2, newest: "newest-0123456789"},
		{name: "too short", list: "123456789", faults: []string{"number 1", "9 characters"}},
		{name: "too long", list: strings.Repeat("a", 101), faults: []string{"101 characters"}},
		{name: "not ASCII", list: "0123456789é", faults: []string{"not ASCII"}},
		{name: "an empty entry", list: "0123456789,", faults: []string{"number 2", "0 characters"}},
		{name: "nothing but a comma", list: ",", faults: []string{"number 1", "number 2"}},
		{name: "all faults at once", list: "short,0123456789,tiny", faults: []string{"number 1", "number 3"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			secrets, err := ParseSecrets(tt.list)
			if secrets.Len() != tt.want || secrets.Newest() != tt.newest {
				t.Errorf("%d secrets, newest %q; want %d, %q", secrets.Len(), secrets.Newest(), tt.want, tt.newest)
			}
			if (err != nil) != (tt.faults != nil) {
				t.Fatalf("error = %v", err)
			}
			if err != nil && !errors.Is(err, ErrSecret) {
				t.Errorf("error %v is no ErrSecret", err)
			}
			for _, fault := range tt.faults {
				if !strings.Contains(err.Error(), fault) {
					t.Errorf("error %q does not say %q", err, fault)
				}
			}
			for _, entry := range strings.Split(tt.list, ",") {
				if err != nil && entry != "" && strings.Contains(err.Error(), entry) {
					t.Errorf("error %q holds a secret", err)
				}
			}
		})
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	secrets := mustSecrets(t, testSecret)
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", secrets)
		fmt.Fprintf(&out, verb+"\n", struct{ Secrets Secrets }{secrets})
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secrets", secrets)
	encoded, err := json.Marshal([]any{secrets}) // by itself it has nothing to marshal, which is the point
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	for _, leak := range []string{testSecret, fmt.Sprintf("%x", testSecret), fmt.Sprint([]byte(testSecret))} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("a secret shows in %s", out.String())
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 500)
	secrets, err := ParseSecrets(testSecret)
	if err != nil {
		b.Fatal(err)
	}
	h := Headers{ID: testID, Timestamp: testTimestamp, Signature: Sign(testSecret, testID, testTimestamp, body)}
	b.ReportAllocs()
	for b.Loop() {
		if !secrets.Verify(h, body) {
			b.Fatal("refused")
		}
	}
}
