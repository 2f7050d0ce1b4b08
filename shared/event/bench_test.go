package event_test

import (
	"testing"

	"github.com/sourcestate/sourcestate/shared/event"
)

// online is an event as it goes over the bus most often.
const online = `{"v":"2","type":"system.stream.online","correlationId":"7c1d8f0e-0000-4000-8000-000000000001",` +
	`"ingress":{"ingressAt":"2026-05-01T12:00:07.120Z","source":"ingress.twitch.eventsub","connector":"twitch","channel":"#examplechan"},` +
	`"identity":{"external":{"id":"1337","platform":"twitch","displayName":"ExampleChan","metadata":{"login":"examplechan"}}},` +
	`"egress":{"destination":"","connector":"twitch","channel":"#examplechan"},` +
	`"externalEvent":{"id":"9001","source":"twitch.eventsub","kind":"stream.online","version":"1","createdAt":"2026-05-01T12:00:00.000Z",` +
	`"metadata":{"broadcasterId":"1337","broadcasterLogin":"examplechan","broadcasterDisplayName":"ExampleChan","streamId":"9001",` +
	`"type":"live","startedAt":"2026-05-01T12:00:00.000Z","observedAt":"2026-05-01T12:00:07.120Z"},` +
	`"rawPayload":{"id":"9001","broadcaster_user_id":"1337","broadcaster_user_login":"examplechan","broadcaster_user_name":"ExampleChan",` +
	`"type":"live","started_at":"2026-05-01T12:00:00Z"}},"routing":{"stage":"initial","slip":[],"history":[]}}`

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(online)))
	for b.Loop() {
		if _, err := event.Decode([]byte(online)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	e := decoded(b, online)
	b.ReportAllocs()
	b.SetBytes(int64(len(online)))
	for b.Loop() {
		if _, err := e.Encode(); err != nil {
			b.Fatal(err)
		}
	}
}
