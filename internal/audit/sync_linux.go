package audit

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes the file's bytes and size durable; its times may wait.
func syncData(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return err
		}
	}
}
