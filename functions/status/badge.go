package status

import (
	"net/http"
	"strings"
)

// badgeLasts is how long others may keep a badge, in seconds. They are shown by
// hosts that would else ask for each reader of theirs.
const badgeLasts = "30"

// badge draws the state of one source. It may be shown anywhere.
func (h *Handler) badge(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutSuffix(r.PathValue("name"), ".svg")
	if !ok {
		h.nothing(w, r)
		return
	}
	key, err := parseKey(name)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	query, err := readQuery(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	look, err := readLook(query)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	found, err := h.one(r.Context(), key)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age="+badgeLasts+", s-maxage="+badgeLasts)
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.send(w, r, answer{status: http.StatusOK, kind: "image/svg+xml", body: newShield(found, look.show).draw(look.style)})
}
