package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sourcestate/sourcestate/shared/emulator"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
	"github.com/sourcestate/sourcestate/shared/twitchtest"
	"github.com/sourcestate/sourcestate/shared/watchlist"
)

func TestMain(m *testing.M) { emulator.Main(m) }

// A desk is where somebody edits the list of a directory, with a Twitch to ask.
type desk struct {
	t     *testing.T
	dir   string
	world *twitchtest.World
	env   map[string]string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	d := &desk{t: t, dir: t.TempDir(), world: twitchtest.New(twitchtest.Config{Now: func() time.Time { return now }})}
	d.world.AddUser("1337", "examplechan", "ExampleChan")
	d.world.AddUser("1338", "other_chan", "Other_Chan")
	server := httptest.NewServer(d.world)
	t.Cleanup(server.Close)
	d.env = map[string]string{
		"TWITCH_CLIENT_ID": twitchtest.ClientID, "TWITCH_CLIENT_SECRET": twitchtest.ClientSecret,
		"TWITCH_API_URL": server.URL + "/helix", "TWITCH_AUTH_URL": server.URL,
	}
	return d
}

// run runs the command with the directory, and gives what it prints.
func (d *desk) run(args ...string) (stdout string, err error) {
	d.t.Helper()
	var out, errs bytes.Buffer
	err = run(d.t.Context(), append([]string{"-data", d.dir}, args...), &out, &errs, d.getenv)
	if errs.Len() > 0 {
		d.t.Errorf("%q told %s", args, errs.String())
	}
	return out.String(), err
}

func (d *desk) getenv(name string) string { return d.env[name] }

// mustRun fails where a command fails or prints something else.
func (d *desk) mustRun(want string, args ...string) {
	d.t.Helper()
	got, err := d.run(args...)
	if err != nil {
		d.t.Errorf("%q: %v", args, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		d.t.Errorf("%q printed (-want +got):\n%s", args, diff)
	}
}

// mark is the mark of the list in the directory.
func (d *desk) mark() string {
	d.t.Helper()
	s, err := bolt.Open(d.dir, time.Now)
	if err != nil {
		d.t.Fatal(err)
	}
	defer s.Close()
	mark, err := watchlist.Mark(d.t.Context(), s)
	if err != nil {
		d.t.Fatal(err)
	}
	return mark
}

func TestTheListIsEdited(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.mustRun("", "list")
	first := d.mark()
	d.mustRun("add twitch:42\nadd twitch:1337 examplechan\n", "add", "twitch:ExampleChan", "TWITCH:42")
	second := d.mark()
	if second == first {
		t.Error("adding left the mark")
	}
	d.mustRun("twitch:1337 examplechan\ntwitch:42\n", "list")
	if d.mark() != second {
		t.Error("listing changed the mark")
	}
	if got := d.world.Count("GET /helix/users"); got != 1 {
		t.Errorf("asked Twitch %d times for users", got)
	}
	d.mustRun("remove twitch:1337 examplechan\n", "remove", "twitch:EXAMPLECHAN")
	if d.mark() == second {
		t.Error("removing left the mark")
	}
	if got := d.world.Count("GET /helix/users"); got != 1 {
		t.Errorf("asked Twitch %d times for users: who is removed stands in the list", got)
	}
	d.mustRun("remove twitch:42\nremove twitch:43\n", "remove", "twitch:42", "twitch:43")
	d.mustRun("", "list")
}

func TestOnlyLoginsNeedCredentials(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.mustRun("add twitch:1337 examplechan\n", "add", "twitch:examplechan")
	d.env = nil
	d.mustRun("add twitch:42\n", "add", "twitch:42")
	d.mustRun("remove twitch:1337 examplechan\n", "remove", "twitch:examplechan")
	_, err := d.run("add", "twitch:7", "twitch:other_chan")
	if err == nil || !strings.Contains(err.Error(), "TWITCH_CLIENT_ID") {
		t.Errorf("error %v", err)
	}
	d.mustRun("twitch:42\n", "list")
}

func TestWhoIsUnknownStopsTheWholeEdit(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.mustRun("add twitch:42\n", "add", "twitch:42")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"nobody of that name": {
			[]string{"add", "twitch:examplechan", "twitch:nobody", "twitch:7", "twitch:no one"},
			"Twitch knows no user \"nobody\"\nTwitch knows no user \"no one\"",
		},
		"nobody of that name on the list": {
			[]string{"remove", "twitch:42", "twitch:examplechan"},
			"nobody on the list has the login \"examplechan\"; remove by id (twitch:12345)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, err := d.run(c.args...)
			if err == nil || stdout != "" {
				t.Fatalf("printed %q, error %v", stdout, err)
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
	d.mustRun("twitch:42\n", "list")
}

func TestATwitchThatFailsIsTold(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.world.Inject("GET /helix/users", 9, twitchtest.Failure(http.StatusBadRequest, "no"))
	stdout, err := d.run("add", "twitch:examplechan")
	if err == nil || stdout != "" || strings.Contains(err.Error(), twitchtest.ClientSecret) {
		t.Errorf("printed %q, error %v", stdout, err)
	}
	d.env["TWITCH_CLIENT_SECRET"] = "wrong-s3cret"
	if _, err := d.run("add", "twitch:examplechan"); err == nil || strings.Contains(err.Error(), "wrong-s3cret") {
		t.Errorf("error %v", err)
	}
	d.mustRun("", "list")
}

func TestWrongUsageIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want string // the first line
		err  error
	}{
		"nothing":               {nil, `add, remove or list is needed, not ""`, errUsage},
		"another verb":          {[]string{"watch", "twitch:1"}, `add, remove or list is needed, not "watch"`, errUsage},
		"nobody to add":         {[]string{"add"}, "add whom?", errUsage},
		"nobody to remove":      {[]string{"remove"}, "remove whom?", errUsage},
		"somebody to list":      {[]string{"list", "twitch:1"}, "list takes no argument", errUsage},
		"a login alone":         {[]string{"add", "examplechan"}, `"examplechan" is not twitch:LOGIN or twitch:ID`, errUsage},
		"another platform":      {[]string{"add", "twitch:1", "kick:1"}, `"kick:1" is not twitch:LOGIN or twitch:ID`, errUsage},
		"no id":                 {[]string{"remove", "twitch:"}, `"twitch:" is not twitch:LOGIN or twitch:ID`, errUsage},
		"an id of controls":     {[]string{"add", "twitch:\n"}, `"twitch:\n" is not twitch:LOGIN or twitch:ID`, errUsage},
		"a flag that is none":   {[]string{"-dta", "x", "list"}, "flag provided but not defined: -dta", errUsage},
		"a flag without a word": {[]string{"-data"}, "flag needs an argument: -data", errUsage},
		"help":                  {[]string{"-h"}, "Usage: watch [-data DIR] add|remove twitch:LOGIN|twitch:ID ... | list", flag.ErrHelp},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			err := run(t.Context(), c.args, &stdout, &stderr, func(string) string { return "" })
			if !errors.Is(err, c.err) || stdout.Len() > 0 {
				t.Errorf("printed %q, error %v", stdout.String(), err)
			}
			first, rest, _ := strings.Cut(stderr.String(), "\n")
			if diff := cmp.Diff(c.want, first); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			if !strings.Contains(first+rest, "Usage: watch") || !strings.Contains(rest, "-data") {
				t.Errorf("the usage is not told: %s", rest)
			}
		})
	}
}

func TestTheExitStatus(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
		told   string
	}{
		"nothing went wrong": {nil, 0, ""},
		"help":               {flag.ErrHelp, 0, ""},
		"wrong usage":        {errUsage, 2, ""}, // the user has been told
		"anything else":      {fmt.Errorf("no store"), 1, "watch: no store\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			status := exitStatus(c.err, &stderr)
			if status != c.status || stderr.String() != c.told {
				t.Errorf("status %d, told %q", status, stderr.String())
			}
		})
	}
}

func TestAStoreIsNeeded(t *testing.T) {
	t.Parallel()
	none := func(string) string { return "" }
	if err := run(t.Context(), []string{"list"}, io.Discard, io.Discard, none); err == nil || !strings.Contains(err.Error(), "GOOGLE_CLOUD_PROJECT") {
		t.Errorf("without any: %v", err)
	}
	dir := t.TempDir()
	s, err := bolt.Open(dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := run(t.Context(), []string{"-data", dir, "list"}, io.Discard, io.Discard, none); err == nil || !strings.Contains(err.Error(), "is scripts/local running") {
		t.Errorf("with one in use: %v", err)
	}
}

// A closed pipe is what `watch list | head` leaves.
func TestWhatCannotBePrintedIsAnError(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, args := range [][]string{{"add", "twitch:42"}, {"list"}} {
		err := run(t.Context(), append([]string{"-data", d.dir}, args...), closed{}, io.Discard, d.getenv)
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestFirestoreHoldsTheListToo(t *testing.T) {
	emulator.Firestore(t)
	d := newDesk(t)
	d.env["GOOGLE_CLOUD_PROJECT"] = emulator.Project(t)
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"list"}, ""},
		{[]string{"add", "twitch:examplechan", "twitch:42"}, "add twitch:42\nadd twitch:1337 examplechan\n"},
		{[]string{"list"}, "twitch:1337 examplechan\ntwitch:42\n"},
		{[]string{"remove", "twitch:examplechan"}, "remove twitch:1337 examplechan\n"},
		{[]string{"list"}, "twitch:42\n"},
	} {
		var stdout bytes.Buffer
		if err := run(t.Context(), step.args, &stdout, io.Discard, d.getenv); err != nil {
			t.Fatalf("%q: %v", step.args, err)
		}
		if diff := cmp.Diff(step.want, stdout.String()); diff != "" {
			t.Errorf("%q printed (-want +got):\n%s", step.args, diff)
		}
	}
}
