//go:build !race

package deploytest

// raced says that the race detector is on, which sees nothing of other programs.
const raced = false
