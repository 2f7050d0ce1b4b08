package twitch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nicklaw5/helix/v2"
)

// A Stream is what Helix says of a channel that is live. It lags behind the
// events by minutes and at times leaves out channels that are live, so it is weak
// evidence (design section 5, rule 7).
type Stream struct {
	ID           string
	UserID       string
	UserLogin    string
	UserName     string
	Type         string // "live"; "" when Twitch has trouble
	Title        string
	CategoryID   string
	CategoryName string
	Language     string
	Tags         []string
	ViewerCount  int64     // 0 also when not counted yet, as at the start
	StartedAt    time.Time // zero: not readable
}

// StreamsAnswer is what Helix said of channels. One that is in Answered and not
// in Live is offline; of one that is in neither nothing is known.
type StreamsAnswer struct {
	Live     map[string]Stream // by user id
	Answered []string          // user ids, in the order given
}

const maxIDs = 100 // of a request

// Streams asks which users are live. The answer holds good for the users in
// Answered also when there is an error, which joins those of the requests that
// failed. Ids may be given twice; what is no id is an error and not asked for,
// since Helix would refuse a hundred for its sake.
func (c *Client) Streams(ctx context.Context, userIDs []string) (StreamsAnswer, error) {
	ids, fault := checkIDs(userIDs)
	batches := make([]map[string]Stream, (len(ids)+maxIDs-1)/maxIDs)
	errs := inBatches(ctx, ids, maxIDs, func(i int, batch []string) (err error) {
		batches[i], err = c.streams(ctx, batch)
		return err
	})
	answer := StreamsAnswer{Live: make(map[string]Stream)}
	for i, err := range errs {
		if err != nil {
			continue
		}
		first := i * maxIDs
		for _, id := range ids[first:min(first+maxIDs, len(ids))] {
			answer.Answered = append(answer.Answered, id)
			if stream, live := batches[i][id]; live {
				answer.Live[id] = stream
			}
		}
	}
	return answer, errors.Join(fault, failed("asking for streams", errs))
}

// streams asks for one batch, page by page: pages may repeat rows and be short.
func (c *Client) streams(ctx context.Context, ids []string) (map[string]Stream, error) {
	live := make(map[string]Stream, len(ids))
	err := pages(len(ids), func(after string) (next string, err error) {
		err = c.ask(ctx, asApp, func(api *helix.Client) error {
			answer, err := api.GetStreams(&helix.StreamsParams{UserIDs: ids, First: maxIDs, After: after})
			if err != nil {
				return err
			}
			for _, row := range answer.Data.Streams {
				if row.UserID == "" || row.ID == "" {
					return errRow(answer.StatusCode, "an id")
				}
				live[row.UserID] = stream(row)
			}
			next = answer.Data.Pagination.Cursor
			return nil
		})
		if len(live) >= len(ids) {
			next = "" // nobody is left to be on another page
		}
		return next, err
	})
	return live, err
}

func stream(row helix.Stream) Stream {
	return Stream{
		ID: row.ID, UserID: row.UserID, UserLogin: row.UserLogin, UserName: row.UserName,
		Type: row.Type, Title: row.Title, CategoryID: row.GameID, CategoryName: row.GameName,
		Language: row.Language, Tags: row.Tags, ViewerCount: int64(row.ViewerCount), StartedAt: instant(row.StartedAt),
	}
}

// instant is a time in UTC, zero if no reader of the bus could read it.
func instant(t time.Time) time.Time {
	t = t.UTC()
	if year := t.Year(); year < 1 || year > 9999 {
		return time.Time{}
	}
	return t
}

// checkIDs gives each id once. The error names what is none.
func checkIDs(userIDs []string) (ids []string, fault error) {
	seen := make(map[string]bool, len(userIDs))
	ids = make([]string, 0, len(userIDs))
	var faults []error
	for _, id := range userIDs {
		switch {
		case seen[id]:
			continue
		case isID(id):
			ids = append(ids, id)
		default:
			faults = append(faults, fmt.Errorf("not a user id: %q", quote(id, nil)))
		}
		seen[id] = true
	}
	return ids, errors.Join(faults...)
}

// isID reports whether a text looks like the id of a user: digits.
func isID(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || '9' < text[i] {
			return false
		}
	}
	return 0 < len(text) && len(text) <= 20
}
