// Package twitchtest is a simulated Twitch: a world of users, streams, roles,
// tokens and EventSub subscriptions behind an http.Handler that answers as Helix
// and id.twitch.tv do. Tests and the demo script what happens in the world, how
// far Helix lags behind it, and which answers go wrong.
//
//	world := twitchtest.New(twitchtest.Config{Now: clock.Now})
//	server := httptest.NewServer(world)
//	channel := world.AddUser("1337", "examplechan", "ExampleChan")
//	channel.SetLag(3 * time.Minute)
//	// A client subscribes with POST server.URL + "/helix/eventsub/subscriptions".
//	world.Deliver(ctx) // the challenge: the subscription is enabled now
//	channel.GoLive("First light", twitchtest.Category{ID: "509670", Name: "Science & Technology"}, 12)
//	world.Deliver(ctx) // a signed stream.online
//	world.Inject("GET /helix/streams", 1, twitchtest.HTML(http.StatusBadGateway))
//	// ... the code under test polls ...
//	if n := world.Count("GET /helix/streams"); n != 2 { ... }
//
// Helix is served under /helix/, id.twitch.tv under /oauth2/, and both a second
// time in the layout that the JavaScript library Twurple looks for in a mock:
// /mock/, /eventsub/ and /auth/. Patterns always name the first form.
//
// Nothing happens by itself: time is that of Config.Now, webhooks go out when
// Deliver or Run is called, ids follow from the time of New and the order of
// calls. Where Twitch documents nothing, as for the text of many errors, the
// world does something plausible; code under test should not depend on it. What
// it does not simulate, conduits, websockets and most filters among it, it
// refuses with 400 or 404 rather than answer something else.
package twitchtest
