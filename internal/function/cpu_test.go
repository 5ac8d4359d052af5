//go:build unix

package function_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// processorTime is what this process has spent on processors.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
