package function_test

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/keyfront-project/keyfront/internal/function"
)

// A worker's thread is bound to one processor for a call that is alone, and gets
// back what it had.
func TestPlace(t *testing.T) {
	threads, end := make(chan int), make(chan struct{})
	defer close(end)
	go func() {
		runtime.LockOSThread()
		threads <- function.ThreadID()
		<-end
	}()
	thread := <-threads
	affinity := func() (s unix.CPUSet) {
		t.Helper()
		if err := unix.SchedGetaffinity(thread, &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := affinity()
	var p function.Place
	p.Beside()
	if got := affinity(); got != before {
		t.Errorf("before the thread is known, it may run on %d processors, want %d", got.Count(), before.Count())
	}
	p.Of(thread)
	for range 3 {
		p.Beside()
		if got := affinity(); got.Count() != 1 {
			t.Errorf("beside: it may run on %d processors, want 1", got.Count())
		}
	}
	p.Anywhere()
	if got := affinity(); got != before {
		t.Errorf("anywhere: it may run on %d processors, want %d", got.Count(), before.Count())
	}
	p.Beside()
	p.Of(0)
	if got := affinity(); got != before {
		t.Errorf("another thread: it may run on %d processors, want %d", got.Count(), before.Count())
	}
	p.Of(1 << 30) // no such thread
	p.Beside()
	p.Anywhere()
}
