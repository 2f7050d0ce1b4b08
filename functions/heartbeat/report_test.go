package heartbeat

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/connectortest"
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
	delete(kept, "answers")
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Errorf("the report that is kept (-answered +kept):\n%s", diff)
	}
}

// answers are what is kept of what connectors answered at the last tick.
func (s *suite) answers() []Answer {
	s.t.Helper()
	var kept struct{ Answers []Answer }
	if err := s.store.Record(s.t.Context(), store.Heartbeat, reportName, &kept); err != nil {
		s.t.Fatal(err)
	}
	return kept.Answers
}

func TestWhatConnectorsAnsweredIsKeptForTheOperator(t *testing.T) {
	t.Parallel()
	s := polling(t)
	for _, test := range []struct{ name, answer, want string }{
		{"a snapshot", `{"state":"CONNECTED","id":"5","": {"__x__":1e999}}`, `{"state":"CONNECTED","id":"5","": {"__x__":1e999}}`},
		{"a page", "<h1>Bad gateway</h1>", "<h1>Bad gateway</h1>"},
		{"no text", "\xff\xfe", "\uFFFD"},
		{"more than a person reads", strings.Repeat("é", maxAnswer), strings.Repeat("é", maxAnswer/2)},
	} {
		s.bots.Fail(connectortest.Answers(http.StatusOK, test.answer))
		s.beat()
		if diff := cmp.Diff([]Answer{{"bots", test.want}}, s.answers()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	s.bots.Fail(connectortest.Breaks)
	s.beat()
	if got := s.answers(); len(got) != 0 {
		t.Errorf("without an answer: %v", got)
	}
}

func TestAnswersThatAreTooManyAreNotAllKept(t *testing.T) {
	t.Parallel()
	polls := make([]polled, 100)
	for i := range polls {
		polls[i].poll.Raw = make([]byte, 2*maxAnswer)
	}
	if got, want := len(answersOf(polls)), maxAnswers/maxAnswer; got != want {
		t.Errorf("%d are kept, want %d", got, want)
	}
}
