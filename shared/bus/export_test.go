package bus

// Client and NewWithClient let tests stand in for Google's library, so that time
// can be the test's.
type Client = client

func NewWithClient(c Client, config Config) *Publisher { return newPublisher(c, config) }
