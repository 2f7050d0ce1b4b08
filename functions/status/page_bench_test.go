package status

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
)

// crowd stores sources that have everything that a card shows.
func crowd(b *testing.B, n int) *Handler {
	b.Helper()
	s := keep(b)
	for i := range n {
		d := live()
		d.ID = fmt.Sprint(40000000 + i)
		d.DisplayName = fmt.Sprint("ExampleChannel", i)
		d.Metadata = source.Metadata{"title": "One more dive, and then chat picks the depth for all of us", "categoryName": "Science & Technology"}
		d.Permissions = []string{source.Moderator, source.VIP}
		d.Connectors = map[string]source.Connector{"eventsub": {Status: source.Connected, State: "enabled", At: ago(time.Minute)}}
		if i%10 == 0 {
			d.Status = source.Error
			d.LastError = &source.LastError{Code: "gateway_closed", Message: "the gateway closed the connection (4000)", At: ago(time.Minute)}
		}
		put(b, s, d)
	}
	return standing(Config{}, s)
}

// BenchmarkPage renders the page of 1,000 sources that are known already. It must
// take less than 30 ms and 300 KB.
func BenchmarkPage(b *testing.B) {
	h := crowd(b, 1000)
	var size int
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/", nil))
		if w.Code != http.StatusOK {
			b.Fatalf("answered %d", w.Code)
		}
		size = w.Body.Len()
	}
	b.ReportMetric(float64(size)/1000, "KB/page")
	if size > 300_000 {
		b.Errorf("the page has %d bytes", size)
	}
}
