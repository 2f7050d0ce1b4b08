package connector_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/connector"
)

func TestParseTargetsReads(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		value string
		want  []connector.Target
	}{
		"nothing":    {"", nil},
		"only space": {" \n\t", nil},
		"no entries": {"[]", []connector.Target{}},
		"what is not said by default": {
			`[{"name":"bots","url":"http://bots.internal/_debug/connectors"}]`,
			[]connector.Target{{Name: "bots", URL: "http://bots.internal/_debug/connectors", Timeout: connector.DefaultTimeout}},
		},
		"all of it": {
			`[{"name":"bots","url":"https://bots.example.com/_debug/connectors?key=1","audience":"https://bots.example.com","timeout":"30s"},
			  {"name":"discord-2","url":"HTTP://10.0.0.1:8080","timeout":"250ms"}]`,
			[]connector.Target{
				{Name: "bots", URL: "https://bots.example.com/_debug/connectors?key=1", Audience: "https://bots.example.com", Timeout: 30 * time.Second},
				{Name: "discord-2", URL: "HTTP://10.0.0.1:8080", Timeout: 250 * time.Millisecond},
			},
		},
		"an audience over http to this machine": {
			`[{"name":"a","url":"http://localhost:1","audience":"x"},{"name":"b","url":"http://127.0.0.9:1","audience":"x"},
			  {"name":"c","url":"http://[::1]:1","audience":"x"}]`,
			[]connector.Target{
				{Name: "a", URL: "http://localhost:1", Audience: "x", Timeout: connector.DefaultTimeout},
				{Name: "b", URL: "http://127.0.0.9:1", Audience: "x", Timeout: connector.DefaultTimeout},
				{Name: "c", URL: "http://[::1]:1", Audience: "x", Timeout: connector.DefaultTimeout},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := connector.ParseTargets(c.value)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("targets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseTargetsNamesEveryFault(t *testing.T) {
	t.Parallel()
	const (
		notAList = "not a JSON list of {name, url, audience?, timeout?}"
		notTexts = "not an object {name, url, audience?, timeout?} of texts"
		noName   = "the name is missing"
		badName  = "the name is longer than 64 bytes, or not of letters, digits, dots, dashes and underscores"
		badURL   = "url is not an http or https URL"
		user     = "url holds credentials; use audience, or a network that needs none"
		plain    = "a token for audience would go over plain http"
		timeout  = "timeout is not a duration above 0 and up to 30s"
	)
	for name, c := range map[string]struct {
		value string
		want  []string
	}{
		"no JSON":              {`[{"name":"s3cret"`, []string{notAList}},
		"no list":              {`{"name":"s3cret"}`, []string{notAList}},
		"more behind the list": {`[] s3cret`, []string{notAList}},
		"null":                 {`null`, []string{notAList}},
		"an entry of text":     {`["s3cret",{}]`, []string{"entry 1: " + notTexts, "entry 2: " + noName, "entry 2: " + badURL}},
		"a number for text":    {`[{"name":1}]`, []string{"entry 1: " + notTexts}},
		"an entry of nothing":  {`[null]`, []string{"entry 1: " + noName, "entry 1: " + badURL}},
		"no name":              {`[{"url":"http://a"}]`, []string{"entry 1: " + noName}},
		"a name of spaces":     {`[{"name":"a b","url":"http://a"}]`, []string{"entry 1: " + badName}},
		"a name with controls": {`[{"name":"a\u0007","url":"http://a"}]`, []string{"entry 1: " + badName}},
		"a name that is a URL": {`[{"name":"http://u:s3cret@a","url":"bots"}]`, []string{"entry 1: " + badName, "entry 1: " + badURL}},
		"a long name":          {`[{"name":"` + strings.Repeat("s3cret", 20) + `","url":"http://a"}]`, []string{"entry 1: " + badName}},
		"a name twice":         {`[{"name":"a","url":"http://a"},{"name":"a","url":"http://b"}]`, []string{`entry 2 ("a"): the name is there twice`}},
		"no URL":               {`[{"name":"a"}]`, []string{`entry 1 ("a"): ` + badURL}},
		"another scheme":       {`[{"name":"a","url":"ftp://s3cret"}]`, []string{`entry 1 ("a"): ` + badURL}},
		"a URL without a host": {`[{"name":"a","url":"http://:80/s3cret"}]`, []string{`entry 1 ("a"): ` + badURL}},
		"a URL that is none":   {`[{"name":"a","url":"http://a/%zz?s3cret"}]`, []string{`entry 1 ("a"): ` + badURL}},
		"credentials":          {`[{"name":"a","url":"https://u:s3cret@a"}]`, []string{`entry 1 ("a"): ` + user}},
		"a token in the clear": {`[{"name":"a","url":"http://a","audience":"s3cret"}]`, []string{`entry 1 ("a"): ` + plain}},
		"localhost of another": {`[{"name":"a","url":"http://localhost.a","audience":"x"}]`, []string{`entry 1 ("a"): ` + plain}},
		"no duration":          {`[{"name":"a","url":"http://a","timeout":"s3cret"}]`, []string{`entry 1 ("a"): ` + timeout}},
		"no time at all":       {`[{"name":"a","url":"http://a","timeout":"0s"}]`, []string{`entry 1 ("a"): ` + timeout}},
		"less than no time":    {`[{"name":"a","url":"http://a","timeout":"-1s"}]`, []string{`entry 1 ("a"): ` + timeout}},
		"too much time":        {`[{"name":"a","url":"http://a","timeout":"31s"}]`, []string{`entry 1 ("a"): ` + timeout}},
		"all faults of an entry": {
			`[{"name":"","url":"http://u:s3cret@a?s3cret","audience":"s3cret","timeout":"s3cret"}]`,
			[]string{"entry 1: " + noName, "entry 1: " + user, "entry 1: " + plain, "entry 1: " + timeout},
		},
		"faults of several entries": {
			`[{"name":"a","url":"s3cret"},{"name":"b","url":"http://b"},{"name":"a","url":"http://a","timeout":"s3cret"}]`,
			[]string{`entry 1 ("a"): ` + badURL, `entry 3 ("a"): ` + timeout, `entry 3 ("a"): the name is there twice`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := connector.ParseTargets(c.value)
			if err == nil || got != nil {
				t.Fatalf("%v, %v", got, err)
			}
			if diff := cmp.Diff(c.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}
