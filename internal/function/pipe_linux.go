package function

import (
	"io"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pipeEnd is one end of a pipe. One goroutine at a time reads, and one writes.
//
// It never blocks in a system call, so it need not tell the scheduler of one.
// That matters where a process has been at rest, as a worker is between two
// calls: the scheduler answers the first system call that it hears of by waking
// the thread that looks after blocked ones, which then comes back every 70 µs for
// as long as the call takes, and costs more than the pipe.
type pipeEnd struct {
	*os.File
	raw         syscall.RawConn
	in, out     transfer
	read, write func(fd uintptr) bool
}

// transfer is what is under way in one direction.
type transfer struct {
	rest []byte
	n    int
	err  error
}

// newPipeEnd takes over f, which must be a pipe that does not block.
func newPipeEnd(f *os.File) *pipeEnd {
	raw, err := f.SyscallConn()
	if err != nil {
		panic("function: no pipe: " + err.Error())
	}
	p := &pipeEnd{File: f, raw: raw}
	p.read = func(fd uintptr) bool { return p.in.step(unix.SYS_READ, fd) }
	p.write = func(fd uintptr) bool {
		for len(p.out.rest) > 0 && p.out.err == nil {
			if !p.out.step(unix.SYS_WRITE, fd) {
				return false
			}
		}
		return true
	}
	return p
}

// step makes one system call. It is false when the pipe has to be waited for.
func (t *transfer) step(call, fd uintptr) bool {
	for {
		n, _, errno := unix.RawSyscall(call, fd, uintptr(unsafe.Pointer(&t.rest[0])), uintptr(len(t.rest)))
		switch errno {
		case 0:
			t.rest, t.n = t.rest[n:], t.n+int(n)
			return true
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			t.err = errno
			return true
		}
	}
}

// Read is that of io.Reader; os.ErrDeadlineExceeded says that the deadline has passed.
func (p *pipeEnd) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	p.in = transfer{rest: b}
	err := p.raw.Read(p.read)
	n, failed := p.in.n, p.in.err
	p.in = transfer{}
	switch {
	case err != nil:
		return 0, err
	case failed != nil:
		return 0, failed
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write is that of io.Writer; os.ErrDeadlineExceeded says that the deadline has passed.
func (p *pipeEnd) Write(b []byte) (int, error) {
	p.out = transfer{rest: b}
	err := p.raw.Write(p.write)
	n, failed := p.out.n, p.out.err
	p.out = transfer{}
	if err == nil {
		err = failed
	}
	return n, err
}
