package twitchtest

import (
	"slices"
	"strings"
	"time"
)

// A User is an account and its channel. World.AddUser makes one.
type User struct {
	world *World
	id    string

	// All that follows is guarded by the mutex of the world.
	login, name string
	createdAt   time.Time
	channel     channel
	timeline    timeline
	lag         time.Duration
	hidden      int // answers of Get Streams yet to leave the channel out
	moderators  roster
	vips        roster
	moderates   roster
	scopes      map[string]bool // nil: has not authorised the client
}

// people are the users of a world.
type people struct {
	byID    map[string]*User
	byLogin map[string]*User
	order   []*User
}

func newPeople() people {
	return people{byID: make(map[string]*User), byLogin: make(map[string]*User)}
}

// AddUser adds a user, or gives the one who has the id already.
func (w *World) AddUser(id, login, name string) *User {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u, ok := w.people.byID[id]; ok {
		return u
	}
	u := &User{world: w, id: id, login: login, name: name, createdAt: w.config.Now(), channel: channel{language: "en"}}
	w.people.byID[id] = u
	w.people.byLogin[strings.ToLower(login)] = u
	w.people.order = append(w.people.order, u)
	return u
}

// User is the user with the id, nil when there is none.
func (w *World) User(id string) *User {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.people.byID[id]
}

// ID is the user's id.
func (u *User) ID() string { return u.id }

// Rename gives the user another login and name: a user.update.
func (u *User) Rename(login, name string) {
	w := u.world
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.people.byLogin, strings.ToLower(u.login))
	u.login, u.name = login, name
	w.people.byLogin[strings.ToLower(login)] = u
	w.emit("user.update", u, u.as("user", map[string]any{"description": ""}))
}

// as adds the user to an event, in the role that the prefix names.
func (u *User) as(prefix string, data map[string]any) map[string]any {
	data[prefix+"_id"], data[prefix+"_login"], data[prefix+"_name"] = u.id, u.login, u.name
	return data
}

// A roster is a set of users in the order in which they joined.
type roster struct {
	order   []*User
	members map[*User]bool
}

// set lets a user in or out and reports whether that changed anything.
func (r *roster) set(u *User, in bool) bool {
	if r.members[u] == in {
		return false
	}
	if r.members == nil {
		r.members = make(map[*User]bool)
	}
	if in {
		r.members[u] = true
		r.order = append(r.order, u)
		return true
	}
	delete(r.members, u)
	r.order = slices.DeleteFunc(r.order, func(other *User) bool { return other == u })
	return true
}

// SetModerator makes somebody a moderator of the channel, or takes the role
// away: a channel.moderator.add or .remove when that changes anything.
func (u *User) SetModerator(who *User, is bool) {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	if u.moderators.set(who, is) {
		who.moderates.set(u, is)
		u.roleChanged("channel.moderator", who, is)
	}
}

// SetVIP is SetModerator for VIPs.
func (u *User) SetVIP(who *User, is bool) {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	if u.vips.set(who, is) {
		u.roleChanged("channel.vip", who, is)
	}
}

func (u *User) roleChanged(kind string, who *User, is bool) {
	action := ".remove"
	if is {
		action = ".add"
	}
	u.world.emit(kind+action, u, u.as("broadcaster_user", who.as("user", map[string]any{})))
}
