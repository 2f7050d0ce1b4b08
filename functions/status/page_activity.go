package status

import (
	"context"
	"net/http"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// activityLasts is how long an activity that was read is shown again. A change of
// the source makes another one of it.
const activityLasts = time.Minute

// maxHistoryPages bounds what is read of a history that never rests.
const maxHistoryPages = 10

// An activityKey names the activity of a source as long as its states stay.
type activityKey struct {
	key            source.Key
	scope          scope
	status, stream int64 // Unix milliseconds of the last changes
	state          string
	live           bool
}

func newActivityKey(s publicSource, covered scope) activityKey {
	return activityKey{
		key: s.Key(), scope: covered, state: s.Status, live: s.StreamStatus == source.Online,
		status: s.LastStatusUpdate.UnixMilli(), stream: s.LastStreamUpdate.UnixMilli(),
	}
}

// An activity is what happened lately: the availability and the viewers.
type activity struct {
	Availability availability
	Curve        curve
}

// readActivity reads it from the store.
func (h *Handler) readActivity(ctx context.Context, k activityKey) (activity, error) {
	now := h.now()
	from, _ := k.scope.bounds(now)
	changes, whole, err := h.changesSince(ctx, k.key, earlier(from, now.Add(-curveScope)))
	if err != nil {
		return activity{}, err
	}
	hours, err := h.documents.Hours(ctx, k.key, store.HourQuery{From: now.Add(-curveScope), To: now})
	if err != nil {
		return activity{}, err
	}
	until := now
	if !whole {
		until = changes[len(changes)-1].At.Time
	}
	var samples []source.ViewerSample
	for _, hour := range hours.Hours {
		samples = append(samples, hour.Samples()...)
	}
	return activity{
		Availability: newAvailability(k.scope, changes, k.state, now, until),
		Curve:        newCurve(samples, changes, k.live, now),
	}, nil
}

// changesSince is the history from a time on, oldest first, and whether it is
// whole: of one that is too long the end is missing.
func (h *Handler) changesSince(ctx context.Context, key source.Key, from time.Time) (changes []source.Change, whole bool, err error) {
	query := store.HistoryQuery{From: from, Limit: store.MaxLimit}
	for range maxHistoryPages {
		page, err := h.documents.History(ctx, key, query)
		if err != nil {
			return nil, false, err
		}
		changes = append(changes, page.Changes...)
		if query.Cursor = page.NextCursor; query.Cursor == "" {
			return changes, true, nil
		}
	}
	return changes, false, nil
}

// An activityView is the part of a page that shows an activity, and what else
// changes by itself while nothing happens.
type activityView struct {
	activity
	Age int64 // seconds
	Old bool  // stale
}

// activity answers with a part of a page, for scripts.
func (h *Handler) activity(w http.ResponseWriter, r *http.Request) {
	s, covered, err := h.readScoped(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	shown, err := h.activities.get(r.Context(), newActivityKey(s, covered))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.show(w, r, http.StatusOK, "activity.html", activityView{activity: shown, Age: s.AgeSeconds, Old: s.Stale})
}

// readScoped is the source and the scope that a request names.
func (h *Handler) readScoped(r *http.Request) (publicSource, scope, error) {
	key, values, err := readKeyed(r)
	if err != nil {
		return publicSource{}, scope{}, err
	}
	name := values.Get("scope")
	s, err := h.one(r.Context(), key)
	if err != nil {
		return publicSource{}, scope{}, err
	}
	covered := scopeNamed(name, s.CreatedAt.Time, h.now())
	if name != "" && covered.Name != name {
		return publicSource{}, scope{}, malformed("There is no such scope.")
	}
	return s, covered, nil
}
