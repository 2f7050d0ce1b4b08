package persistence

import (
	"fmt"

	"github.com/sourcestate/sourcestate/shared/event"
	"github.com/sourcestate/sourcestate/shared/source"
)

// sender names this function in what it publishes.
const sender = "persistence"

// transitionMessage is a transition as the bus carries it (design section 6).
// Every byte of it follows from the change, so that a redelivery publishes the
// same message again.
func transitionMessage(key source.Key, change source.Change) (event.BusMessage, error) {
	payload := event.Object{
		"platform": key.Platform,
		"id":       key.ID,
		"facet":    string(change.Facet),
		"to":       change.Facet.JSON(change.To),
		"at":       event.FormatTime(change.At.Time),
		"eventId":  change.EventID,
		"by":       change.By,
	}
	if change.From != nil {
		payload["from"] = change.Facet.JSON(*change.From)
	}
	if change.Reason != "" {
		payload["reason"] = change.Reason
	}
	e := event.Event{
		V:             event.Version,
		Type:          event.TypeSourceTransition,
		CorrelationID: event.NewID(key.String() + "/" + string(change.Facet) + "/" + change.EventID),
		Ingress: event.Ingress{
			IngressAt: event.FormatTime(change.At.Time), Source: sender, Connector: "system",
		},
		Identity: event.Identity{External: event.External{ID: key.ID, Platform: key.Platform}},
		Egress:   event.Egress{Connector: "system"},
		Payload:  payload,
		Routing:  event.NewRouting(),
	}
	m, err := e.BusMessage()
	if err != nil {
		return event.BusMessage{}, fmt.Errorf("encoding a transition of %s: %w", key, err)
	}
	return m, nil
}
