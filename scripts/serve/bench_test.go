package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/sourcestate/sourcestate/shared/bus"
	"github.com/sourcestate/sourcestate/shared/event"
)

// BenchmarkFromTheWebhookToTheDocument sends a webhook, waits until who watches
// the document sees what it told, and sends the next: design section 10's light
// load, through both emulators. Their Pub/Sub looks for what to push every tenth of
// a second only, which is nearly all that "pushed" takes; what the suite takes is
// what "pulled" does, in which a subscriber pushes at once.
func BenchmarkFromTheWebhookToTheDocument(b *testing.B) {
	b.Run("pulled", func(b *testing.B) {
		d := deployUnsubscribed(b)
		d.pushAtOnce(b)
		d.webhooksAfterEachOther(b)
	})
	b.Run("pushed", func(b *testing.B) { deploy(b).webhooksAfterEachOther(b) })
}

func (d *deployment) webhooksAfterEachOther(b *testing.B) {
	b.Helper()
	warm := 50
	if testing.Short() {
		warm = 5
	}
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
	defer cancel()
	changes := d.watch(ctx, b, "sources/twitch:12826")
	sent := 0
	send := func() time.Duration {
		sent++
		title := fmt.Sprint("Title ", sent)
		began := time.Now()
		d.webhook(b, fmt.Sprint("bench-", sent), aired.Add(time.Duration(sent)*time.Millisecond), "channel.update",
			`,"title":"`+title+`","language":"en","category_id":"7","category_name":"Music"`)
		for {
			snapshot, err := changes.Next()
			if err != nil {
				b.Fatal(err)
			}
			if got, err := snapshot.DataAt("metadata.title"); err == nil && got == title {
				return time.Since(began)
			}
		}
	}
	for range warm {
		send()
	}
	var took []time.Duration
	for b.Loop() {
		took = append(took, send())
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// pushAtOnce pushes to Persistence as Pub/Sub does, until the end of b.
func (d *deployment) pushAtOnce(b *testing.B) {
	b.Helper()
	name := d.subscribe(b, bus.Ingress, &pubsubpb.Subscription{Filter: pushed, AckDeadlineSeconds: 30})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- d.pubsub.Subscriber(name).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
			body, err := event.EncodePush(event.BusMessage{
				ID: m.ID, Data: m.Data, Attributes: m.Attributes, PublishTime: m.PublishTime,
			}, name)
			if err != nil {
				b.Error(err)
				return
			}
			answer, err := http.Post(d.persistence, "application/json", bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			_ = answer.Body.Close()
			m.Ack()
		})
	}()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
}
