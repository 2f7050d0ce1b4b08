package eventsub

import (
	"testing"

	"github.com/sourcestate/sourcestate/shared/twitch"
)

const onlineBody = `{"subscription":{"id":"f1c2a387-161a-49f9-a165-0f21d7a4e1c4","status":"enabled","type":"stream.online","version":"1","condition":{"broadcaster_user_id":"12826"},"transport":{"method":"webhook","callback":"https://example.com/webhooks/twitch"},"created_at":"2026-05-01T11:43:19.120083113Z","cost":0},"event":{"id":"52859978","broadcaster_user_id":"12826","broadcaster_user_login":"twitchdev","broadcaster_user_name":"TwitchDev","type":"live","started_at":"2026-05-01T12:00:01.120083113Z"}}`

// BenchmarkSignature is what every request costs, those of strangers too.
func BenchmarkSignature(b *testing.B) {
	secrets, err := twitch.ParseSecrets(secret)
	if err != nil {
		b.Fatal(err)
	}
	headers := twitch.Headers{ID: messageID, Timestamp: timestamp, Type: twitch.MessageNotification}
	headers.Signature = twitch.Sign(secret, headers.ID, headers.Timestamp, []byte(onlineBody))
	b.ReportAllocs()
	for b.Loop() {
		if !secrets.Verify(headers, []byte(onlineBody)) {
			b.Fatal("refused")
		}
	}
}

// BenchmarkMapping is the way from a verified body to a message of the bus:
// parse, map, encode.
func BenchmarkMapping(b *testing.B) {
	headers := twitch.Headers{ID: messageID, Timestamp: timestamp, Type: twitch.MessageNotification}
	b.ReportAllocs()
	for b.Loop() {
		d := newDelivery(headers, []byte(onlineBody), now, now)
		if messages, err := d.notified(""); err != nil || len(messages) != 1 {
			b.Fatal(len(messages), err)
		}
	}
}

// BenchmarkParse is the first part of BenchmarkMapping.
func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := twitch.ParseMessage([]byte(onlineBody)); err != nil {
			b.Fatal(err)
		}
	}
}
