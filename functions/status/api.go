package status

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/sourcestate/sourcestate/shared/source"
)

// sources answers with a page of the list.
func (h *Handler) sources(w http.ResponseWriter, r *http.Request) {
	filter, err := readFilter(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	f, err := h.fresh.get(r.Context(), struct{}{})
	if err != nil {
		h.fail(w, r, err)
		return
	}
	page, err := h.list(r.Context(), filter)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	now := h.now()
	body := appendSources([]byte(`{"sources":`), page.sources, now, f)
	if page.nextCursor != "" {
		// A cursor is base64 and needs no escapes.
		body = append(body, `,"nextCursor":"`+page.nextCursor+`"`...)
	}
	h.answerJSON(w, r, append(body, "}\n"...), tagOf(page.sources, page.nextCursor, now, f))
}

// source answers with one document.
func (h *Handler) source(w http.ResponseWriter, r *http.Request) {
	key, err := readKey(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	k, f, err := h.get(r.Context(), key)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	now := h.now()
	body := append(k.appendJSON(nil, k.at(now, f)), '\n')
	h.answerJSON(w, r, body, tagOf([]*known{k}, "", now, f))
}

// A part is a page of what is beside a document, and what the API names it.
type part[T any] struct {
	name       string
	entries    []T
	nextCursor string
}

// MarshalJSON writes an empty list where there is nothing.
func (p part[T]) MarshalJSON() ([]byte, error) {
	if p.entries == nil {
		p.entries = []T{}
	}
	fields := map[string]any{p.name: p.entries}
	if p.nextCursor != "" {
		fields["nextCursor"] = p.nextCursor
	}
	return json.Marshal(fields)
}

// answerPart answers with a page of what is beside a document. The store does
// not tell a source that has nothing there from one that is not.
func answerPart[T any](h *Handler, w http.ResponseWriter, r *http.Request, key source.Key, page part[T], err error) {
	if err == nil && len(page.entries) == 0 {
		_, err = h.documents.Get(r.Context(), key)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answerValue(w, r, page)
}

// history answers with a page of the changes of one source.
func (h *Handler) history(w http.ResponseWriter, r *http.Request) {
	key, query, err := readHistoryQuery(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	page, err := h.documents.History(r.Context(), key, query)
	answerPart(h, w, r, key, part[source.Change]{"history", page.Changes, page.NextCursor}, err)
}

// streams answers with a page of the sessions of one source.
func (h *Handler) streams(w http.ResponseWriter, r *http.Request) {
	key, query, err := readSessionQuery(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	page, err := h.documents.Sessions(r.Context(), key, query)
	answerPart(h, w, r, key, part[*source.Session]{"streams", page.Sessions, page.NextCursor}, err)
}

// viewers answers with a page of the minutes in which viewers of one source were
// counted.
func (h *Handler) viewers(w http.ResponseWriter, r *http.Request) {
	key, query, err := readViewerQuery(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	page, err := h.viewerPage(r.Context(), key, query)
	answerPart(h, w, r, key, page, err)
}

// viewerPage gathers minutes from as many hours as it takes.
func (h *Handler) viewerPage(ctx context.Context, key source.Key, query viewerQuery) (part[source.ViewerSample], error) {
	page := part[source.ViewerSample]{name: "viewers"}
	hours := query.hours()
	for {
		found, err := h.documents.Hours(ctx, key, hours)
		if err != nil {
			return part[source.ViewerSample]{}, err
		}
		for _, hour := range found.Hours {
			for _, sample := range hour.Samples() {
				if !query.wants(sample) {
					continue
				}
				if len(page.entries) == query.limit {
					page.nextCursor = encodeViewerCursor(page.entries[query.limit-1].At.Time)
					return page, nil
				}
				page.entries = append(page.entries, sample)
			}
		}
		if hours.Cursor = found.NextCursor; hours.Cursor == "" {
			return page, nil
		}
	}
}
