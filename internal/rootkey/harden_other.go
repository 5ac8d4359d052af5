//go:build !linux

package rootkey

import (
	"errors"
	"fmt"
)

// Harden protects the memory of this process on Linux only. An error is worth a
// warning, not a stop.
func Harden() error {
	return fmt.Errorf("forbid core dumps: %w", errors.ErrUnsupported)
}
