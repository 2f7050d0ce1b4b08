package heartbeat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/watchlist"
)

const (
	stepWatch = "watch"
	// rereadWatchlist is how soon a change of the watchlist is seen that was made
	// without its mark.
	rereadWatchlist = time.Hour
)

// watch finds out which broadcasters are watched. What it can't find out is in
// the report, and the others are watched all the same.
func (t *tick) watch(ctx context.Context) {
	report := t.report.step(stepWatch)
	began := t.Now()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := t.readWatchlist(ctx, report); err != nil {
		report.fail("reading the watchlist", err)
	}
	ids := make(map[string]string) // login by id
	for _, name := range t.ledger.Names() {
		if e := t.ledger.Entry(name); e.Watched {
			if key, err := source.ParseKey(name); err == nil {
				ids[key.ID] = e.Login
			}
		}
	}
	logins := make([]string, 0)
	for _, name := range t.Config.Broadcasters {
		if !digits(name) {
			logins = append(logins, name)
		} else if _, ok := ids[name]; !ok {
			ids[name] = t.ledger.Entry(platform + ":" + name).Login
		}
	}
	for login, id := range t.resolve(ctx, report, logins) {
		ids[id] = login
	}
	for id, login := range ids {
		t.broadcasters = append(t.broadcasters, broadcaster{id: id, login: login})
	}
	slices.SortFunc(t.broadcasters, func(a, b broadcaster) int { return strings.Compare(a.id, b.id) })
	report.Looked = len(t.broadcasters)
	report.TookMs = t.Now().Sub(began).Milliseconds()
}

// readWatchlist takes the watchlist over into the ledger when it changed, and
// from time to time: reading ten thousand records each minute would cost more
// than all the rest.
func (t *tick) readWatchlist(ctx context.Context, report *StepReport) error {
	mark, err := watchlist.Mark(ctx, t.Records)
	if err != nil {
		return err
	}
	read, _ := time.Parse(time.RFC3339, t.latest.WatchlistRead)
	if mark == t.latest.WatchlistMark && t.now.Sub(read) < rereadWatchlist && len(t.ledger.Spoilt) == 0 {
		return nil
	}
	records, err := t.Records.Records(ctx, store.Watchlist)
	if err != nil {
		return err
	}
	listed := make(map[string]string, len(records)) // login by ledger name
	for name, raw := range records {
		var entry watchlist.Entry
		key, err := source.ParseDocumentID(name)
		if err != nil || key.Platform != platform || !digits(key.ID) || json.Unmarshal(raw, &entry) != nil {
			report.note("watchlist entry %q is not twitch:ID, and ignored", name)
			continue
		}
		listed[key.String()] = strings.ToLower(entry.Login)
	}
	for _, name := range t.ledger.Names() {
		if _, ok := listed[name]; ok {
			continue
		}
		if e := t.ledger.Entry(name); e.Watched {
			e.Watched = false
			t.ledger.Note(name, e, t.now)
		}
	}
	for name, login := range listed {
		e := t.ledger.Entry(name)
		e.Watched = true
		if login != "" {
			e.Login = login
		}
		t.ledger.Note(name, e, t.now)
	}
	t.latest.WatchlistMark, t.latest.WatchlistRead = mark, t.now.UTC().Format(time.RFC3339)
	return nil
}

// resolve turns logins into ids, each by login, asking only for those that were
// never resolved.
func (t *tick) resolve(ctx context.Context, report *StepReport, logins []string) map[string]string {
	ids := make(map[string]string, len(logins))
	var unknown []string
	for _, login := range logins {
		if e := t.ledger.Entry(loginName(login)); e.ID != "" {
			ids[login] = e.ID
		} else {
			unknown = append(unknown, login)
		}
	}
	if len(unknown) == 0 {
		return ids
	}
	if t.Twitch == nil {
		report.fail("resolving logins", errors.New("TWITCH_CLIENT_ID is not set"))
		return ids
	}
	users, err := t.Twitch.Users(ctx, nil, unknown)
	if err != nil {
		report.fail("resolving logins", err)
	}
	for _, user := range users {
		login := strings.ToLower(user.Login)
		ids[login] = user.ID
		e := t.ledger.Entry(loginName(login))
		e.ID = user.ID
		t.ledger.Note(loginName(login), e, t.now)
	}
	for _, login := range unknown {
		if _, ok := ids[login]; !ok && err == nil {
			report.fail("resolving logins", fmt.Errorf("there is no user %.40q", login))
		}
	}
	return ids
}

// loginName is the name of the ledger's entry about a login. No source is named
// like it: there is no colon in it.
func loginName(login string) string { return "login " + login }
