package function

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// place is where the thread of a worker runs. The zero place is anywhere.
//
// A call goes from the server's thread to the worker's and back, and only one of
// the two runs at a time. The kernel likes to wake the other one on a processor
// that is idle; waking that takes as long as a short function, and twice a call.
type place struct {
	thread int         // 0 until the worker has told
	bound  int         // the processor that thread is bound to, plus one; 0 for none
	free   unix.CPUSet // where thread may run when it is not bound
}

// beside has the thread run on the processor of the caller, which is about to
// wait for it. What the kernel forbids stays undone.
func (p *place) beside() {
	if p.thread == 0 {
		return
	}
	var here uint32
	if _, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&here)), 0, 0); errno != 0 || p.bound == int(here)+1 {
		return
	}
	if p.bound == 0 && unix.SchedGetaffinity(p.thread, &p.free) != nil || !p.free.IsSet(int(here)) {
		return
	}
	var only unix.CPUSet
	only.Set(int(here))
	if unix.SchedSetaffinity(p.thread, &only) == nil {
		p.bound = int(here) + 1
	}
}

// anywhere lets the thread run where it might before beside.
func (p *place) anywhere() {
	if p.bound != 0 {
		_ = unix.SchedSetaffinity(p.thread, &p.free) // a thread that is gone needs no place
		p.bound = 0
	}
}

// of says which thread the worker runs functions on.
func (p *place) of(thread int) {
	if thread != p.thread {
		p.anywhere()
		p.thread = thread
	}
}

// threadID is the number of the thread that this goroutine runs on.
func threadID() int {
	n, _, _ := unix.RawSyscall(unix.SYS_GETTID, 0, 0, 0)
	return int(n)
}
