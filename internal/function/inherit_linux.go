package function

import (
	"math"

	"golang.org/x/sys/unix"
)

// keepDescriptors has workers inherit no descriptor but those that they are given.
// Ours close by themselves when a program starts; one that this process was started
// with, by a shell or a supervisor, need not.
//
// Kernels before 5.11 have no such call. There the descriptors of whoever started
// the server stay a matter of theirs, as they were.
func keepDescriptors() {
	_ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
}
