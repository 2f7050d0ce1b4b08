package twitchtest

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const maxBody = 1 << 20

// whose is the token that an endpoint wants.
type whose int

const (
	nobodys whose = iota // none: it looks for itself
	anyones
	theApps
	aUsers
)

// An endpoint answers one method of one path. It is called with the mutex held.
type endpoint struct {
	serve      func(*call) answer
	token      whose
	parameters []string // of the query, those that it knows
}

func (w *World) endpoints() map[string]endpoint {
	return map[string]endpoint{
		"GET /helix/streams":                   {w.streams, anyones, []string{"user_id", "user_login", "type", "first", "after"}},
		"GET /helix/users":                     {w.users, anyones, []string{"id", "login"}},
		"GET /helix/channels":                  {w.channels, anyones, []string{"broadcaster_id"}},
		"GET /helix/moderation/moderators":     {w.moderators, aUsers, []string{"broadcaster_id", "user_id", "first", "after"}},
		"GET /helix/moderation/channels":       {w.moderatedChannels, aUsers, []string{"user_id", "first", "after"}},
		"GET /helix/channels/vips":             {w.vips, aUsers, []string{"broadcaster_id", "user_id", "first", "after"}},
		"GET /helix/authorization/users":       {w.authorizations, theApps, []string{"user_id"}},
		"GET /helix/eventsub/subscriptions":    {w.listSubscriptions, theApps, []string{"status", "type", "user_id", "first", "after"}},
		"POST /helix/eventsub/subscriptions":   {w.createSubscription, theApps, nil},
		"DELETE /helix/eventsub/subscriptions": {w.deleteSubscription, theApps, []string{"id"}},
		"POST /oauth2/token":                   {serve: w.issueToken},
		"GET /oauth2/validate":                 {serve: w.validate},
	}
}

// ServeHTTP answers as Twitch does, unless a fault is due.
func (w *World) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	path := canonical(r.URL.Path)
	seen := &watched{ResponseWriter: rw, note: func(status int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.log.add(w.request(r, path, status))
	}}
	defer seen.once(0) // unless it was answered
	if w.config.Latency > 0 && w.config.Sleep(r.Context(), w.config.Latency) != nil {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
	if err != nil {
		fail(http.StatusRequestEntityTooLarge, "the body is too large").write(seen)
		return
	}
	proper := func(rw http.ResponseWriter) { w.answer(rw.Header(), r, path, body).write(rw) }
	if fault := w.fault(r.Method, path); fault.spoil != nil {
		fault.spoil(victim{ResponseWriter: seen, request: r, now: w.config.Now(), proper: proper})
		return
	}
	proper(seen)
}

// canonical is the path in the layout of Twitch itself. Twurple wants
// subscriptions at the root of a mock, all else of Helix under /mock/.
func canonical(path string) string {
	for _, layout := range []struct{ from, to string }{
		{"/mock/", "/helix/"}, {"/eventsub/", "/helix/eventsub/"}, {"/auth/", "/oauth2/"},
	} {
		if rest, ok := strings.CutPrefix(path, layout.from); ok {
			return layout.to + rest
		}
	}
	return path
}

func (w *World) answer(header http.Header, r *http.Request, path string, body []byte) answer {
	c := &call{query: r.URL.Query(), header: r.Header, body: body, now: w.config.Now()}
	// A body that is no form has none of the values either.
	c.form, _ = url.ParseQuery(string(body))
	w.mu.Lock()
	defer w.mu.Unlock()
	to, known := w.routes[r.Method+" "+path]
	if !known {
		return fail(http.StatusNotFound, "the simulated Twitch has no "+r.Method+" "+path)
	}
	if to.token == nobodys {
		return to.serve(c)
	}
	t, refusal := w.authorize(c, to.token)
	if refusal != nil {
		return *refusal
	}
	c.token = t
	if !w.bucket(t).take(c.now, header) {
		return fail(http.StatusTooManyRequests, "Request limit exceeded")
	}
	for name := range c.query {
		if !slices.Contains(to.parameters, name) {
			return badRequest("the simulated Twitch does not know the parameter " + name + " here")
		}
	}
	return to.serve(c)
}

// authorize finds the token of a Helix request, or says what is wrong with it.
func (w *World) authorize(c *call, wanted whose) (*token, *answer) {
	refuse := func(status int, message string) (*token, *answer) {
		a := fail(status, message)
		return nil, &a
	}
	text, bearer := strings.CutPrefix(c.header.Get("Authorization"), "Bearer ")
	if !bearer {
		return refuse(http.StatusUnauthorized, "OAuth token is missing")
	}
	t := w.validToken(text)
	switch client := c.header.Get("Client-Id"); {
	case client == "":
		return refuse(http.StatusUnauthorized, "Client ID is missing")
	case t == nil:
		return refuse(http.StatusUnauthorized, "Invalid OAuth token")
	case client != ClientID:
		return refuse(http.StatusUnauthorized, "Client ID and OAuth token do not match")
	case wanted == aUsers && t.user == nil:
		return refuse(http.StatusUnauthorized, "Missing User OAUTH Token")
	case wanted == theApps && t.user != nil:
		return refuse(http.StatusBadRequest, "invalid transport and auth combination")
	}
	return t, nil
}

// validToken is nil for a token that does not exist or has expired.
func (w *World) validToken(text string) *token {
	t, ok := w.tokens[text]
	if !ok || !w.config.Now().Before(t.expires) {
		return nil
	}
	return t
}

// watched notes the status of an answer before any of it is sent: whoever has the
// answer finds its request in the log.
type watched struct {
	http.ResponseWriter
	note  func(status int)
	noted bool
}

func (w *watched) WriteHeader(status int) {
	w.once(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(p []byte) (int, error) {
	w.once(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

func (w *watched) once(status int) {
	if !w.noted {
		w.noted = true
		w.note(status)
	}
}

var _ http.Handler = (*World)(nil)
