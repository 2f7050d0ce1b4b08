// Command watch edits the list of watched broadcasters:
//
//	watch [flags] add|remove twitch:LOGIN|twitch:ID ...
//	watch [flags] list
//
// With -data it edits that of scripts/local, which must not be running then; else
// that of the Firestore of GOOGLE_CLOUD_PROJECT.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
	"github.com/sourcestate/sourcestate/shared/store/bolt"
	"github.com/sourcestate/sourcestate/shared/store/firestore"
	"github.com/sourcestate/sourcestate/shared/twitch"
	"github.com/sourcestate/sourcestate/shared/watchlist"
)

const (
	timeout  = 30 * time.Second
	platform = "twitch"
)

var errUsage = errors.New("wrong usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(exitStatus(err, os.Stderr))
}

// exitStatus tells what went wrong, unless the user has been told.
func exitStatus(err error, stderr io.Writer) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	fmt.Fprintf(stderr, "watch: %v\n", err)
	return 1
}

// A command is what the user wants.
type command struct {
	verb string // add, remove or list
	data string
	keys []source.Key // the id may be a login
}

// parse reads the arguments. The error is flag.ErrHelp or errUsage; the user has
// been told then.
func parse(args []string, stderr io.Writer) (command, error) {
	var c command
	flags := flag.NewFlagSet("watch", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&c.data, "data", "", "`directory` of scripts/local; empty: Firestore of GOOGLE_CLOUD_PROJECT")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "Usage: watch [-data DIR] add|remove twitch:LOGIN|twitch:ID ... | list")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return command{}, err
	} else if err != nil {
		return command{}, errUsage
	}
	refuse := func(format string, values ...any) (command, error) {
		fmt.Fprintf(stderr, format+"\n", values...)
		flags.Usage()
		return command{}, errUsage
	}
	c.verb = flags.Arg(0)
	switch c.verb {
	case "list":
		if flags.NArg() > 1 {
			return refuse("list takes no argument")
		}
		return c, nil
	case "add", "remove":
	default:
		return refuse("add, remove or list is needed, not %q", c.verb)
	}
	for _, text := range flags.Args()[1:] {
		key, err := source.ParseKey(strings.ToLower(text))
		if err != nil || key.Platform != platform {
			return refuse("%q is not twitch:LOGIN or twitch:ID", text)
		}
		c.keys = append(c.keys, key)
	}
	if len(c.keys) == 0 {
		return refuse("%s whom?", c.verb)
	}
	return c, nil
}

// A keeper is an opened store.
type keeper interface {
	store.Records
	Close() error
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) error {
	c, err := parse(args, stderr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	records, err := open(ctx, c.data, getenv)
	if err != nil {
		return err
	}
	return errors.Join(c.do(ctx, records, stdout, getenv), records.Close())
}

func open(ctx context.Context, data string, getenv func(string) string) (keeper, error) {
	if data != "" {
		s, err := bolt.Open(data, time.Now)
		if err != nil {
			return nil, fmt.Errorf("%w (is scripts/local running with this -data?)", err)
		}
		return s, nil
	}
	project := getenv("GOOGLE_CLOUD_PROJECT")
	if project == "" {
		return nil, errors.New("GOOGLE_CLOUD_PROJECT is not set, and neither is -data")
	}
	return firestore.Open(ctx, project, time.Now)
}

func (c command) do(ctx context.Context, records store.Records, stdout io.Writer, getenv func(string) string) error {
	if c.verb == "list" {
		return list(ctx, records, stdout)
	}
	users, err := c.resolve(ctx, records, getenv)
	if err != nil {
		return err
	}
	for _, user := range users {
		key := source.Key{Platform: platform, ID: user.ID}
		if c.verb == "remove" {
			err = watchlist.Remove(ctx, records, key)
		} else {
			err = watchlist.Add(ctx, records, key, watchlist.Entry{Login: user.Login})
		}
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(stdout, strings.TrimSpace(c.verb+" "+key.String()+" "+user.Login)); err != nil {
			return err
		}
	}
	return nil
}

func list(ctx context.Context, records store.Records, stdout io.Writer) error {
	listed, err := watchlist.List(ctx, records)
	if err != nil {
		return err
	}
	for _, l := range listed {
		if _, err := fmt.Fprintln(stdout, strings.TrimSpace(l.Key.String()+" "+l.Login)); err != nil {
			return err
		}
	}
	return nil
}

// resolve finds the ids of logins: to remove, in the list, and else by asking
// Twitch. An id stands for itself. One login that is unknown fails all.
func (c command) resolve(ctx context.Context, records store.Records, getenv func(string) string) ([]twitch.User, error) {
	var users []twitch.User
	var logins []string
	for _, key := range c.keys {
		if strings.Trim(key.ID, "0123456789") == "" {
			users = append(users, twitch.User{ID: key.ID})
		} else {
			logins = append(logins, key.ID)
		}
	}
	if len(logins) == 0 {
		return users, nil
	}
	var found []twitch.User
	var err error
	unknownTo := "Twitch knows no user %q"
	if c.verb == "remove" {
		unknownTo = "nobody on the list has the login %q; remove by id (twitch:12345)"
		found, err = onList(ctx, records)
	} else {
		found, err = ask(ctx, logins, getenv)
	}
	if err != nil {
		return nil, err
	}
	byLogin := make(map[string]twitch.User, len(found))
	for _, user := range found {
		byLogin[strings.ToLower(user.Login)] = user
	}
	var unknown []error
	for _, login := range logins {
		if user, ok := byLogin[login]; ok {
			users = append(users, user)
		} else {
			unknown = append(unknown, fmt.Errorf(unknownTo, login))
		}
	}
	return users, errors.Join(unknown...)
}

// ask asks Twitch for the users of logins.
func ask(ctx context.Context, logins []string, getenv func(string) string) ([]twitch.User, error) {
	if getenv("TWITCH_CLIENT_ID") == "" || getenv("TWITCH_CLIENT_SECRET") == "" {
		return nil, errors.New("a login needs TWITCH_CLIENT_ID and TWITCH_CLIENT_SECRET; an id (twitch:12345) does not")
	}
	client := twitch.NewClient(twitch.ClientConfig{
		ClientID: getenv("TWITCH_CLIENT_ID"), ClientSecret: getenv("TWITCH_CLIENT_SECRET"),
		APIURL: getenv("TWITCH_API_URL"), AuthURL: getenv("TWITCH_AUTH_URL"),
	})
	return client.Users(ctx, nil, logins)
}

// onList are the users of the list.
func onList(ctx context.Context, records store.Records) ([]twitch.User, error) {
	listed, err := watchlist.List(ctx, records)
	if err != nil {
		return nil, err
	}
	users := make([]twitch.User, len(listed))
	for i, l := range listed {
		users[i] = twitch.User{ID: l.Key.ID, Login: l.Login}
	}
	return users, nil
}
