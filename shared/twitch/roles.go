package twitch

import (
	"context"
	"fmt"

	"github.com/nicklaw5/helix/v2"
)

// ModeratedChannels is the broadcasters in whose channels a user is a moderator.
// The token is that user's, with user:read:moderated_channels.
func (c *Client) ModeratedChannels(ctx context.Context, accessToken, userID string) ([]string, error) {
	var (
		channels []string
		seen     = make(map[string]bool)
	)
	err := c.roles(ctx, accessToken, []string{userID}, func(api *helix.Client, after string) (string, error) {
		answer, err := api.GetModeratedChannels(&helix.GetModeratedChannelsParams{UserID: userID, First: maxIDs, After: after})
		if err != nil {
			return "", err
		}
		for _, row := range answer.Data.ModeratedChannels {
			if row.BroadcasterID == "" {
				return "", errRow(answer.StatusCode, "a broadcaster")
			}
			if !seen[row.BroadcasterID] {
				channels = append(channels, row.BroadcasterID)
			}
			seen[row.BroadcasterID] = true
		}
		return answer.Data.Pagination.Cursor, nil
	})
	if err != nil {
		return nil, fmt.Errorf("asking where user %q moderates: %w", userID, err)
	}
	return channels, nil
}

// IsModerator reports whether a user moderates a channel. The token is the
// broadcaster's, with moderation:read.
func (c *Client) IsModerator(ctx context.Context, accessToken, broadcasterID, userID string) (bool, error) {
	found := false
	err := c.roles(ctx, accessToken, []string{broadcasterID, userID}, func(api *helix.Client, after string) (string, error) {
		answer, err := api.GetModerators(&helix.GetModeratorsParams{
			BroadcasterID: broadcasterID, UserIDs: []string{userID}, First: maxIDs, After: after,
		})
		if err != nil {
			return "", err
		}
		for _, row := range answer.Data.Moderators {
			if row.UserID == "" {
				return "", errRow(answer.StatusCode, "a user")
			}
			if row.UserID == userID {
				found = true
				return "", nil
			}
		}
		return answer.Data.Pagination.Cursor, nil
	})
	if err != nil {
		return false, fmt.Errorf("asking whether user %q moderates for %q: %w", userID, broadcasterID, err)
	}
	return found, nil
}

// IsVIP reports whether a user is a VIP of a channel. The token is the
// broadcaster's, with channel:read:vips or channel:manage:vips.
func (c *Client) IsVIP(ctx context.Context, accessToken, broadcasterID, userID string) (bool, error) {
	found := false
	err := c.roles(ctx, accessToken, []string{broadcasterID, userID}, func(api *helix.Client, after string) (string, error) {
		answer, err := api.GetChannelVips(&helix.GetChannelVipsParams{
			BroadcasterID: broadcasterID, UserID: userID, First: maxIDs, After: after,
		})
		if err != nil {
			return "", err
		}
		for _, row := range answer.Data.ChannelsVips {
			if row.UserID == "" {
				return "", errRow(answer.StatusCode, "a user")
			}
			if row.UserID == userID {
				found = true
				return "", nil
			}
		}
		return answer.Data.Pagination.Cursor, nil
	})
	if err != nil {
		return false, fmt.Errorf("asking whether user %q is a VIP of %q: %w", userID, broadcasterID, err)
	}
	return found, nil
}

// roles reads all pages of what a user's token gives access to. An id that is
// missing must not go out: the answer would be about others.
func (c *Client) roles(ctx context.Context, accessToken string, ids []string, page func(api *helix.Client, after string) (string, error)) error {
	as, err := asUser("Bearer", accessToken)
	if err != nil {
		return err
	}
	if _, fault := checkIDs(ids); fault != nil {
		return fault
	}
	return pages(maxPages, func(after string) (next string, err error) {
		err = c.ask(ctx, as, func(api *helix.Client) (err error) {
			next, err = page(api, after)
			return err
		})
		return next, err
	})
}
