package status

import (
	_ "embed" // for the description
	"net/http"
)

// description is the API in the words of OpenAPI 3.1. A test holds it against the
// answers.
//
//go:embed openapi.json
var description []byte

// openapi answers with the description of the API.
func (h *Handler) openapi(w http.ResponseWriter, r *http.Request) {
	h.answerJSON(w, r, description, "")
}
