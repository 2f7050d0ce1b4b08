//go:build !unix

package emulator

import "os/exec"

// ownGroup does nothing: without a POSIX shell no emulator is started at all.
func ownGroup(*exec.Cmd) {}
