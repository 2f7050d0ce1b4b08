package source_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// BenchmarkMerge merges the next heartbeat into documents with short and full
// logs, as Persistence does for each event.
func BenchmarkMerge(b *testing.B) {
	for _, before := range []int{1, 20, 500} {
		b.Run(fmt.Sprintf("after %d events", before), func(b *testing.B) {
			var d *source.Document
			for i := range before {
				d = merged(b, d, heartbeat(b, i))
			}
			next := heartbeat(b, before)
			b.ReportAllocs()
			for b.Loop() {
				merged(b, d, next)
			}
		})
	}
}

// BenchmarkRead decodes a heartbeat into what it says.
func BenchmarkRead(b *testing.B) {
	m := heartbeat(b, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := source.Read(m); err != nil {
			b.Fatal(err)
		}
	}
}

func heartbeat(b *testing.B, i int) event.BusMessage {
	b.Helper()
	when := at("00:00:00").Add(time.Duration(i) * time.Minute)
	data, err := json.Marshal(map[string]any{
		"v": "2", "type": event.TypeSourceStatus, "correlationId": event.NewID(fmt.Sprint(i)),
		"ingress": map[string]any{"ingressAt": event.FormatTime(when), "source": "ingress.slack"},
		"payload": map[string]any{
			"platform": "slack", "id": "slack-socket-mode", "status": []string{"CONNECTED", "ERROR"}[i/9%2],
			"displayName": "Slack", "lastError": nil, "instanceId": "bot-1",
			"metrics":  map[string]any{"received": i, "published": i, "failed": 0},
			"metadata": map[string]any{"state": "CONNECTED", "started": true},
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	return event.BusMessage{Data: data, PublishTime: when}
}

func merged(b *testing.B, d *source.Document, m event.BusMessage) *source.Document {
	b.Helper()
	u, err := source.Read(m)
	if err != nil {
		b.Fatal(err)
	}
	result, err := source.Merge(d, parts{newWorld(b), ""}, u)
	if err != nil {
		b.Fatal(err)
	}
	return result.Document
}
