package heartbeat

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/store"
)

func TestTheReportOfATickIsKept(t *testing.T) {
	t.Parallel()
	s := polling(t)
	answered := s.mustBeat()
	var kept map[string]any
	if err := s.store.Record(t.Context(), store.Heartbeat, reportName, &kept); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(answered)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(encoded, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Errorf("the report that is kept (-answered +kept):\n%s", diff)
	}
}
