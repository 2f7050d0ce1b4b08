package status

import (
	"net/http"

	"github.com/sourcestate/sourcestate/shared/source"
)

// sources answers with a page of the list.
func (h *Handler) sources(w http.ResponseWriter, r *http.Request) {
	filter, err := readFilter(r)
	if err != nil {
		writeProblem(w, h.explain(r.Context(), err))
		return
	}
	page, err := h.documents.List(r.Context(), filter)
	if err != nil {
		writeProblem(w, h.explain(r.Context(), err))
		return
	}
	answer := struct {
		Sources    []*source.Document `json:"sources"`
		NextCursor string             `json:"nextCursor,omitempty"`
	}{make([]*source.Document, len(page.Sources)), page.NextCursor}
	for i, document := range page.Sources {
		answer.Sources[i] = h.public(document)
	}
	writeJSON(w, http.StatusOK, answer)
}

// source answers with one document.
func (h *Handler) source(w http.ResponseWriter, r *http.Request) {
	key, err := readKey(r)
	if err != nil {
		writeProblem(w, h.explain(r.Context(), err))
		return
	}
	document, err := h.documents.Get(r.Context(), key)
	if err != nil {
		writeProblem(w, h.explain(r.Context(), err))
		return
	}
	writeJSON(w, http.StatusOK, h.public(document))
}

// history answers with a page of the changes of one source.
func (h *Handler) history(w http.ResponseWriter, r *http.Request) {
	key, query, err := readHistoryQuery(r)
	if err != nil {
		writeProblem(w, h.explain(r.Context(), err))
		return
	}
	page, err := h.documents.History(r.Context(), key, query)
	if err == nil && len(page.Changes) == 0 {
		// The store does not tell a source without changes from one that is not.
		_, err = h.documents.Get(r.Context(), key)
	}
	if err != nil {
		writeProblem(w, h.explain(r.Context(), err))
		return
	}
	answer := struct {
		History    []source.Change `json:"history"`
		NextCursor string          `json:"nextCursor,omitempty"`
	}{page.Changes, page.NextCursor}
	if answer.History == nil {
		answer.History = []source.Change{}
	}
	writeJSON(w, http.StatusOK, answer)
}
