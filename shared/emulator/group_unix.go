//go:build unix

package emulator

import (
	"os/exec"
	"syscall"
)

// ownGroup makes the command the head of a process group, which ends as one.
func ownGroup(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
