package function_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/keyfront-project/keyfront/internal/function"
)

// A descriptor that the server was started with does not reach its workers.
func TestInheritedDescriptorsStayHere(t *testing.T) {
	if err := unix.CloseRange(1<<30, 1<<30, unix.CLOSE_RANGE_CLOEXEC); errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
		t.Skip("the kernel cannot mark descriptors")
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], 0); err != nil { // as a shell leaves them
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	newPool(t, function.Config{})
	for _, fd := range pipe {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d has flags %#x, %v, want close-on-exec", fd, flags, err)
		}
	}
}
