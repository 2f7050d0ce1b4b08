// Package ledger is what the heartbeat remembers from tick to tick: what it has
// published of each source and when, what it believes, and how often it missed
// something. It is read whole at the beginning of a tick and written at its end, in
// pages of up to 500 entries, so that ten thousand sources cost twenty reads. A
// page that is lost or spoilt only means that its sources are published once more.
package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/sourcestate/sourcestate/shared/store"
)

// PageSize is how many entries a page holds.
const PageSize = 500

const (
	// forgotten is after which time an entry that was not noted is dropped.
	forgotten = 14 * 24 * time.Hour
	// renewed is after which time it is written that an unchanged entry is still
	// noted, lest it be forgotten.
	renewed = 24 * time.Hour
	// maxPages is more than there ever are: a name that is spoilt must not make
	// pages without end.
	maxPages = 4096
	// maxPageBytes bounds the JSON of a page; Firestore takes documents of 1 MiB.
	maxPageBytes = 700 << 10
)

// A Ledger holds entries by name. It is not safe for concurrent use.
type Ledger struct {
	pages []page
	at    map[string]int // the page of each entry
	// Spoilt names the pages that could not be read.
	Spoilt []string
}

// A page is one record. It is written only when it changed.
type page struct {
	entries map[string]Entry
	dirty   bool
}

// paper is a page as it is stored. The entries are one string, because a store
// would index each field of a map.
type paper struct {
	Entries string `json:"entries"`
}

// records is the part of store.Records that is needed here.
type records interface {
	Records(ctx context.Context, collection store.Collection) (map[string]json.RawMessage, error)
	Write(ctx context.Context, collection store.Collection, records map[string]any) error
}

var _ records = store.Records(nil)

// Read reads the ledger. What is spoilt in it is left out and told in Spoilt; the
// error is that of the store.
func Read(ctx context.Context, records records) (*Ledger, error) {
	stored, err := records.Records(ctx, store.Ledger)
	if err != nil {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	l := &Ledger{at: make(map[string]int)}
	for _, name := range slices.Sorted(maps.Keys(stored)) {
		number, err := strconv.Atoi(name)
		if err != nil || number < 0 || number >= maxPages || name != strconv.Itoa(number) {
			l.Spoilt = append(l.Spoilt, name)
			continue
		}
		entries, err := decode(stored[name])
		if err != nil {
			l.Spoilt = append(l.Spoilt, name)
		}
		for len(l.pages) <= number {
			l.pages = append(l.pages, page{entries: make(map[string]Entry)})
		}
		for entry, content := range entries {
			if _, twice := l.at[entry]; twice {
				l.pages[number].dirty = true
				continue
			}
			l.pages[number].entries[entry], l.at[entry] = content, number
		}
	}
	return l, nil
}

func decode(raw json.RawMessage) (map[string]Entry, error) {
	var stored paper
	if err := json.Unmarshal(raw, &stored); err != nil {
		return nil, err
	}
	var entries map[string]Entry
	if err := json.Unmarshal([]byte(stored.Entries), &entries); err != nil {
		return nil, err
	}
	return entries, nil
}

// Entry is the entry of that name; the zero Entry for none.
func (l *Ledger) Entry(name string) Entry {
	number, ok := l.at[name]
	if !ok {
		return Entry{}
	}
	return l.pages[number].entries[name].clone()
}

// Note keeps a copy of an entry at a time. One that did not change causes no
// writing, but once a day.
func (l *Ledger) Note(name string, e Entry, now time.Time) {
	number, ok := l.at[name]
	if !ok {
		number = l.room()
		l.at[name] = number
	}
	p := &l.pages[number]
	was := p.entries[name]
	e = e.clone()
	e.Noted = was.Noted
	if ok && reflect.DeepEqual(was, e) && now.Unix()-was.Noted < int64(renewed/time.Second) {
		return
	}
	e.Noted = now.Unix()
	p.entries[name], p.dirty = e, true
}

// room is the first page that can take an entry.
func (l *Ledger) room() int {
	for i := range l.pages {
		if len(l.pages[i].entries) < PageSize {
			return i
		}
	}
	l.pages = append(l.pages, page{entries: make(map[string]Entry)})
	return len(l.pages) - 1
}

// Names are the names of all entries in order.
func (l *Ledger) Names() []string { return slices.Sorted(maps.Keys(l.at)) }

// Write stores the pages that changed, without what was forgotten by now. It may
// be tried again after an error, which is that of the store.
func (l *Ledger) Write(ctx context.Context, records records, now time.Time) error {
	l.forget(now)
	if err := l.split(); err != nil {
		return fmt.Errorf("writing the ledger: %w", err)
	}
	changed := make(map[string]any)
	var faults []error
	for i, p := range l.pages {
		if !p.dirty {
			continue
		}
		if len(p.entries) == 0 {
			changed[strconv.Itoa(i)] = nil
			continue
		}
		entries, err := json.Marshal(p.entries)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		changed[strconv.Itoa(i)] = paper{Entries: string(entries)}
	}
	for _, name := range l.Spoilt {
		if _, rewritten := changed[name]; !rewritten {
			changed[name] = nil
		}
	}
	if len(changed) > 0 {
		faults = append(faults, records.Write(ctx, store.Ledger, changed))
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("writing the ledger: %w", err)
	}
	for i := range l.pages {
		l.pages[i].dirty = false
	}
	l.Spoilt = nil
	return nil
}

// split halves pages that have grown too large for a store. It is rare: an entry
// takes some hundred bytes.
func (l *Ledger) split() error {
	for i := 0; i < len(l.pages); i++ {
		p := &l.pages[i]
		if !p.dirty || len(p.entries) < 2 {
			continue
		}
		encoded, err := json.Marshal(p.entries)
		if err != nil {
			return err
		}
		if len(encoded) <= maxPageBytes {
			continue
		}
		names := slices.Sorted(maps.Keys(p.entries))
		half := page{entries: make(map[string]Entry), dirty: true}
		for _, name := range names[len(names)/2:] {
			half.entries[name], l.at[name] = p.entries[name], len(l.pages)
			delete(p.entries, name)
		}
		l.pages = append(l.pages, half)
		i-- // what is left may be too large, too
	}
	return nil
}

func (l *Ledger) forget(now time.Time) {
	limit := now.Add(-forgotten).Unix()
	for i := range l.pages {
		for name, e := range l.pages[i].entries {
			if e.Noted < limit {
				delete(l.pages[i].entries, name)
				delete(l.at, name)
				l.pages[i].dirty = true
			}
		}
	}
}
