package status

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sourcestate/sourcestate/shared/source"
)

// cardsPerPage bounds the page, whatever the number of sources.
const cardsPerPage = 100

// A choice is one option of a filter.
type choice struct {
	Value, Label string
	Chosen       bool
}

// stateChoices are the states to filter by. The empty one is all.
var stateChoices = []choice{
	{Value: "", Label: "Any state"},
	{Value: "trouble", Label: "Needs attention"},
	{Value: "connected", Label: "Connected"},
	{Value: "disconnected", Label: "Disconnected"},
	{Value: "error", Label: "Error"},
	{Value: "unknown", Label: "Unknown"},
	{Value: "live", Label: "Live"},
	{Value: "offline", Label: "Offline"},
	{Value: "stale", Label: "Stale"},
}

// sortChoices are the orders. The empty one has trouble first.
var sortChoices = []choice{
	{Value: "", Label: "Trouble first"},
	{Value: "name", Label: "Name"},
	{Value: "viewers", Label: "Viewers"},
	{Value: "changed", Label: "Last change"},
}

// A listQuery says which sources the page shows. The scripts choose in the same
// way.
type listQuery struct {
	Search, Platform, State, Sort string
	Page                          int // from 1 on
}

func readListQuery(r *http.Request) (listQuery, error) {
	values, err := readQuery(r)
	if err != nil {
		return listQuery{}, err
	}
	q := listQuery{
		Search: strings.TrimSpace(values.Get("q")), Platform: values.Get("platform"),
		State: values.Get("state"), Sort: values.Get("sort"), Page: 1,
	}
	among := func(choices []choice, value string) bool {
		return slices.ContainsFunc(choices, func(c choice) bool { return c.Value == value })
	}
	if !among(stateChoices, q.State) {
		return listQuery{}, malformed("There is no such state to choose.")
	}
	if !among(sortChoices, q.Sort) {
		return listQuery{}, malformed("There is no such order.")
	}
	if text := values.Get("page"); text != "" {
		if q.Page, err = strconv.Atoi(text); err != nil || q.Page < 1 {
			return listQuery{}, malformed("A page is a whole number from 1 on.")
		}
	}
	return q, nil
}

// path is the path of the same list at another page.
func (q listQuery) path(page int) string {
	values := make(url.Values)
	for name, value := range map[string]string{"q": q.Search, "platform": q.Platform, "state": q.State, "sort": q.Sort} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if page > 1 {
		values.Set("page", strconv.Itoa(page))
	}
	if len(values) == 0 {
		return "/"
	}
	return "/?" + values.Encode()
}

// choose is the sources that the query asks for, in its order, whatever the page.
func (q listQuery) choose(sources []publicSource) []publicSource {
	var chosen []publicSource
	for _, s := range sources {
		if (q.Platform == "" || s.Platform == q.Platform) && inState(s, q.State) && finds(s, q.Search) {
			chosen = append(chosen, s)
		}
	}
	slices.SortStableFunc(chosen, q.compare)
	return chosen
}

func inState(s publicSource, state string) bool {
	switch state {
	case "":
		return true
	case "trouble":
		return severity(s) > severityNone
	case "stale":
		return s.Stale
	case "live":
		return s.StreamStatus == source.Online
	case "offline":
		return s.StreamStatus == source.Offline
	}
	return stateBadge(s).Text == state
}

// finds reports whether each word of a search is somewhere in what a source is
// called and does.
func finds(s publicSource, search string) bool {
	if search == "" {
		return true
	}
	title, _ := s.Metadata["title"].(string)
	category, _ := s.Metadata["categoryName"].(string)
	text := strings.ToLower(strings.Join([]string{s.DisplayName, s.Key().String(), title, category}, "\n"))
	for word := range strings.FieldsSeq(strings.ToLower(search)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// compare orders two sources. Names and then keys decide what is left.
func (q listQuery) compare(a, b publicSource) int {
	first := 0
	switch q.Sort {
	case "":
		first = cmp.Or(cmp.Compare(severity(b), severity(a)), cmp.Compare(liveness(b), liveness(a)))
	case "viewers":
		first = cmp.Compare(viewers(b), viewers(a))
	case "changed":
		first = b.UpdatedAt.Compare(a.UpdatedAt.Time)
	}
	return cmp.Or(first,
		strings.Compare(strings.ToLower(displayName(a)), strings.ToLower(displayName(b))),
		strings.Compare(a.Key().String(), b.Key().String()))
}

// liveness puts who is live before who is not, and that before what never streams.
func liveness(s publicSource) int {
	switch s.StreamStatus {
	case source.Online:
		return 2
	case "":
		return 0
	}
	return 1
}

// viewers are those of a source, below 0 where there can be none.
func viewers(s publicSource) int64 {
	if s.ViewerCount == nil {
		return -1
	}
	return *s.ViewerCount
}

// chosen marks the option of a value.
func chosen(choices []choice, value string) []choice {
	marked := slices.Clone(choices)
	for i := range marked {
		marked[i].Chosen = marked[i].Value == value
	}
	return marked
}

// platforms are the platforms to filter by, one that no source is of included
// when it was asked for.
func platforms(sources []publicSource, asked string) []choice {
	names := []string{}
	if asked != "" {
		names = append(names, asked)
	}
	for _, s := range sources {
		names = append(names, s.Platform)
	}
	slices.Sort(names)
	choices := []choice{{Value: "", Label: "Any platform"}}
	for _, name := range slices.Compact(names) {
		choices = append(choices, choice{Value: name, Label: name})
	}
	return chosen(choices, asked)
}
