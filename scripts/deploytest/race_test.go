//go:build race

package deploytest

const raced = true
