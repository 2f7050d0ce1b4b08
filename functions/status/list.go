package status

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/sourcestate/sourcestate/shared/source"
	"github.com/sourcestate/sourcestate/shared/store"
)

// recently is for how long a list that was read is answered again.
const recently = time.Second

// A listing is a page of a list.
type listing struct {
	sources    []*known
	nextCursor string
}

// all are all sources as the API answers with them, in the order of their document
// ids.
func (h *Handler) all(ctx context.Context) ([]publicSource, error) {
	board, f, err := h.board(ctx)
	if err != nil {
		return nil, err
	}
	now := h.now()
	all := make([]publicSource, len(board))
	for i, k := range board {
		all[i] = k.at(now, f)
	}
	return all, nil
}

// one is one source, as the API answers with it.
func (h *Handler) one(ctx context.Context, key source.Key) (publicSource, error) {
	k, f, err := h.get(ctx, key)
	if err != nil {
		return publicSource{}, err
	}
	return k.at(h.now(), f), nil
}

// get reads one source. It is never an old one: whoever heard of a change and
// asks finds it.
func (h *Handler) get(ctx context.Context, key source.Key) (*known, freshness, error) {
	document, err := h.documents.Get(ctx, key)
	if err != nil {
		return nil, freshness{}, err
	}
	f, err := h.fresh.get(ctx, struct{}{})
	if err != nil {
		return nil, freshness{}, err
	}
	k, err := h.know(document)
	return k, f, err
}

// board are all sources and what is fresh: from the watch while there is one,
// else as they were read within the last second.
func (h *Handler) board(ctx context.Context) ([]*known, freshness, error) {
	f, err := h.fresh.get(ctx, struct{}{})
	if err != nil {
		return nil, freshness{}, err
	}
	if board, ok := h.hub.board(); ok {
		return board, f, nil
	}
	board, err := h.boards.get(ctx, struct{}{})
	return board, f, err
}

// readBoard reads all sources from the store.
func (h *Handler) readBoard(ctx context.Context, _ struct{}) (board []*known, err error) {
	for filter := (store.Filter{Limit: store.MaxLimit}); ; {
		page, err := h.readListing(ctx, filter)
		if err != nil {
			return nil, err
		}
		board = append(board, page.sources...)
		if filter.Cursor = page.nextCursor; filter.Cursor == "" {
			return board, nil
		}
	}
}

func (h *Handler) readListing(ctx context.Context, filter store.Filter) (listing, error) {
	page, err := h.documents.List(ctx, filter)
	if err != nil {
		return listing{}, err
	}
	sources, err := h.knowAll(page.Sources)
	return listing{sources, page.NextCursor}, err
}

// list is a page of the sources that a filter lets through, as stores give them.
func (h *Handler) list(ctx context.Context, filter store.Filter) (listing, error) {
	if board, ok := h.hub.board(); ok {
		return choose(board, filter)
	}
	return h.listings.get(ctx, filter)
}

// choose lists as a store.Store does, which see, of sources in their order.
func choose(board []*known, filter store.Filter) (listing, error) {
	after, err := store.SourceCursor.Decode(filter.Cursor)
	if err != nil {
		return listing{}, err
	}
	start, found := slices.BinarySearchFunc(board, after, func(k *known, name string) int { return strings.Compare(k.name, name) })
	if found {
		start++
	}
	size := store.PageSize(filter.Limit)
	equal := func(wanted, got string) bool { return wanted == "" || wanted == got }
	var page listing
	for _, k := range board[start:] {
		d := k.document
		if !equal(filter.Platform, d.Platform) || !equal(filter.Status, d.Status) || !equal(filter.StreamStatus, d.StreamStatus) {
			continue
		}
		if len(page.sources) == size {
			page.nextCursor = store.SourceCursor.Encode(page.sources[size-1].name)
			break
		}
		page.sources = append(page.sources, k)
	}
	return page, nil
}

// appendSources appends the JSON list of sources as they are at a time.
func appendSources(to []byte, sources []*known, now time.Time, f freshness) []byte {
	size := 0
	for _, k := range sources {
		size += len(k.encoded) + len(`,"stale":false,"ageSeconds":1234567890},`)
	}
	to = slices.Grow(to, size+64)
	to = append(to, '[')
	for i, k := range sources {
		if i > 0 {
			to = append(to, ',')
		}
		to = k.appendJSON(to, k.at(now, f))
	}
	return append(to, ']')
}

// tagOf is the tag of sources as they are at a time. Their ages do not count:
// they change by themselves, and nobody would ever be told that all is as before.
func tagOf(sources []*known, more string, now time.Time, f freshness) string {
	hash := sha256.New()
	for _, k := range sources {
		hash.Write(k.sum[:])
		if k.at(now, f).Stale {
			hash.Write([]byte{1})
		}
	}
	hash.Write([]byte(more))
	return weakTag(hash.Sum(nil))
}

func weakTag(sum []byte) string { return `W/"` + hex.EncodeToString(sum[:12]) + `"` }
