package status

import (
	"maps"

	"github.com/sourcestate/sourcestate/shared/source"
)

// shown reports whether a metadata key says nothing that its channel does not
// say publicly, or that we did not find out.
func shown(key string) bool {
	switch key {
	case "title", "categoryId", "categoryName", "language", "tags", "connectorState", "viewerCount", "suspect":
		return true
	}
	return false
}

// public is the document as everybody may see it: without messages of errors,
// names of instances and raw metadata, where ids of people are. The document itself
// stays as it is.
func (h *Handler) public(document *source.Document) *source.Document {
	public := document.Public()
	if !h.config.Redact {
		return public
	}
	if public.LastError != nil {
		lastError := *public.LastError
		lastError.Message = ""
		public.LastError = &lastError
	}
	public.Connectors = maps.Clone(public.Connectors)
	for name, connector := range public.Connectors {
		connector.InstanceID = ""
		public.Connectors[name] = connector
	}
	public.Metadata = maps.Clone(public.Metadata)
	maps.DeleteFunc(public.Metadata, func(key string, _ any) bool { return !shown(key) })
	return public
}
