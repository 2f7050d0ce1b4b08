package connector

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/oauth2"
	"google.golang.org/api/idtoken"
)

// googleTokens gives the ID tokens of the account that the function runs as.
type googleTokens struct {
	mu      sync.Mutex                    // guards sources
	sources map[string]oauth2.TokenSource // by audience; each renews its token by itself
}

// token waits no longer than the context allows, which the library does not know.
func (g *googleTokens) token(ctx context.Context, audience string) (string, error) {
	type result struct {
		token string
		err   error
	}
	fetched := make(chan result, 1)
	go func() {
		token, err := g.fetch(context.WithoutCancel(ctx), audience)
		fetched <- result{token, err}
	}()
	select {
	case r := <-fetched:
		return r.token, r.err
	case <-ctx.Done():
		return "", fmt.Errorf("fetching an ID token: %w", ctx.Err())
	}
}

func (g *googleTokens) fetch(ctx context.Context, audience string) (string, error) {
	source, err := g.source(ctx, audience)
	if err != nil {
		return "", err
	}
	token, err := source.Token()
	if err != nil {
		return "", fmt.Errorf("fetching an ID token: %w", err)
	}
	return token.AccessToken, nil
}

// source outlives the poll that it is first needed for.
func (g *googleTokens) source(ctx context.Context, audience string) (oauth2.TokenSource, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if source, ok := g.sources[audience]; ok {
		return source, nil
	}
	source, err := idtoken.NewTokenSource(ctx, audience)
	if err != nil {
		return nil, fmt.Errorf("finding credentials for an ID token: %w", err)
	}
	if g.sources == nil {
		g.sources = make(map[string]oauth2.TokenSource)
	}
	g.sources[audience] = source
	return source, nil
}
