//go:build unix

package function

import (
	"os"
	"os/exec"
	"syscall"
)

// isolate gives a worker a process group of its own: a terminal's Ctrl-C is for
// the server, which ends its workers when it is done with them.
func isolate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// pollable returns f in a form that has deadlines.
func pollable(f *os.File) *os.File {
	fd := int(f.Fd())
	if syscall.SetNonblock(fd, true) != nil {
		return f
	}
	return os.NewFile(uintptr(fd), f.Name())
}
