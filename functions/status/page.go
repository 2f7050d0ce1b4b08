package status

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/sourcestate/sourcestate/shared/store"
)

// reload is how often a page loads itself again where there are no scripts, or
// while there is a problem.
const reload = 30 * time.Second

var (
	//go:embed templates
	templateFiles embed.FS

	// Parsed with the first page: a program that starts has no time for them.
	templates = sync.OnceValue(func() *template.Template {
		return template.Must(template.New("").Funcs(template.FuncMap{
			"asset": assets().path,
		}).ParseFS(templateFiles, "templates/*.html"))
	})
)

// A frame is what every page has around what it shows.
type frame struct {
	Title  string
	Reload int // seconds
	// Script is the name of the script of the page; none for a page that only
	// says what is wrong.
	Script string
	Again  bool // whether it may help to load a page without a script again
	Marks  string
}

func newFrame(title, script string) frame {
	return frame{Title: title, Reload: int(reload.Seconds()), Script: script, Marks: marks()}
}

// A listView is what the page of all sources shows.
type listView struct {
	frame
	Verdict       verdict
	Query         listQuery
	Platforms     []choice
	States, Sorts []choice
	Scope         scope
	Cards         []card
	Mould         card // empty, for scripts
	Total, Found  int
	PerPage       int
	Before, After string // paths of the pages before and after
}

// page shows all sources.
func (h *Handler) page(w http.ResponseWriter, r *http.Request) {
	query, err := readListQuery(r)
	if err != nil {
		h.showProblem(w, r, err)
		return
	}
	sources, err := h.all(r.Context())
	if err != nil {
		h.showProblem(w, r, err)
		return
	}
	now := h.now()
	v := listView{
		Verdict: newVerdict(sources, now), Query: query, Total: len(sources), PerPage: cardsPerPage,
		Platforms: platforms(sources, query.Platform),
		States:    chosen(stateChoices, query.State), Sorts: chosen(sortChoices, query.Sort),
		Scope: scopeNamed("", oldest(sources), now), Mould: card{Streams: true},
	}
	v.frame = newFrame(v.Verdict.Text, "list.js")
	found := query.choose(sources)
	v.Found = len(found)
	first := min((query.Page-1)*cardsPerPage, len(found))
	last := min(first+cardsPerPage, len(found))
	for _, s := range found[first:last] {
		v.Cards = append(v.Cards, newCard(s, now))
	}
	if query.Page > 1 {
		v.Before = query.path(query.Page - 1)
	}
	if last < len(found) {
		v.After = query.path(query.Page + 1)
	}
	h.show(w, r, http.StatusOK, "list.html", v)
}

// oldest is when the first of the sources was first heard of.
func oldest(sources []publicSource) time.Time {
	var first time.Time
	for _, s := range sources {
		if first.IsZero() || s.CreatedAt.Before(first) {
			first = s.CreatedAt.Time
		}
	}
	return first
}

// A problemView is a page that says what is wrong.
type problemView struct {
	frame
	Problem string
}

// showProblem is the page in place of one that cannot be shown. It keeps loading
// itself while that may help, so that it is there again when the problem is gone.
func (h *Handler) showProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := h.explain(r.Context(), err)
	p.announce(w.Header())
	title := http.StatusText(p.status)
	if errors.Is(err, store.ErrNotFound) {
		title = "No such source"
	}
	v := problemView{frame: newFrame(title, ""), Problem: p.detail}
	v.Again = p.status == http.StatusServiceUnavailable
	h.show(w, r, p.status, "problem.html", v)
}

// show writes a template, whole or not at all.
func (h *Handler) show(w http.ResponseWriter, r *http.Request, status int, name string, view any) {
	var body bytes.Buffer
	if err := templates().ExecuteTemplate(&body, name, view); err != nil { // cannot be: the tests have shown it
		h.log.ErrorContext(r.Context(), "page not written", "error", fmt.Errorf("executing %s: %w", name, err).Error())
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	// A browser that has gone away needs no answer.
	_, _ = w.Write(body.Bytes())
}
