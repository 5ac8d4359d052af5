package rootkey

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Harden keeps the memory of this process to itself: no core dump is written,
// not even through a core_pattern pipe, and no other process of the same user
// can attach to it or read its memory. Programs that it starts are not affected
// but for their core size limit. Call it before the first key is loaded; an
// error is worth a warning, not a stop.
//
// Keys may still be swapped out: Go's allocator copies and reuses memory, so
// locking single pages would promise more than it gives. Encrypt swap, or forbid
// it to the service (MemorySwapMax=0 under systemd).
func Harden() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	// The limit alone does not bind a core_pattern that is a pipe.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid dumping and attaching: %w", err)
	}
	return nil
}
