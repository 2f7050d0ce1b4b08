package ledger_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/ledger"
)

// Whatever is stored, it is read without harm, and what is written then is read
// again as it was.
func FuzzRead(f *testing.F) {
	f.Add("0", []byte(`{"entries":"{\"twitch:1\":{\"n\":1777636800,\"p\":{\"stream\":{\"d\":\"x\",\"a\":1}},\"w\":true}}"}`), "1", []byte(`{"entries":"{\"x\":{}}"}`))
	f.Add("01", []byte(`{"entries":"{}"}`), "-3", []byte(`null`))
	f.Add("999999", []byte(`{"entries":"{\"\\ud800\":{\"n\":1777636800}}"}`), "x", []byte(`[]`))
	f.Add("4", []byte(`{"entries":"{\"a\":{\"n\":1777636800,\"c\":null,\"s\":{},\"k\":{\"s\":[]}}}","other":1}`), "5", []byte(`{"entries":"{\"a\":{}}"}`))
	f.Fuzz(func(t *testing.T, page string, raw []byte, other string, rawOther []byte) {
		s := newShelf(t)
		for name, content := range map[string][]byte{page: raw, other: rawOther} {
			if json.Valid(content) { // a store keeps nothing else
				s.stored[name] = content
			}
		}
		l := s.read()
		for _, spoilt := range l.Spoilt {
			if _, has := s.stored[spoilt]; !has {
				t.Fatalf("spoilt %q is not there", spoilt)
			}
		}
		l.Note("new", ledger.Entry{Login: "new"}, noon)
		s.write(l, noon)
		again := s.read()
		if len(again.Spoilt) > 0 {
			t.Fatalf("spoilt %q after writing", again.Spoilt)
		}
		if got := s.write(again, noon); got != "" {
			t.Fatalf("wrote %q once more", got)
		}
		want, got := entries(l), entries(again)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("entries (-want +got):\n%s", diff)
		}
		if !slices.Contains(slices.Collect(maps.Keys(got)), "new") {
			t.Fatal("what was noted is not there")
		}
	})
}

func entries(l *ledger.Ledger) map[string]ledger.Entry {
	all := make(map[string]ledger.Entry)
	for _, name := range l.Names() {
		all[name] = l.Entry(name)
	}
	return all
}
