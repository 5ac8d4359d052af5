//go:build linux && (amd64 || arm64)

package function

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// dataLimitBytes is the most writable memory that a worker maps.
	dataLimitBytes = 1536 << 20
	// descriptorLimit leaves room for the pipe, the runtime's poller, and little else.
	descriptorLimit = 16
)

// confine takes from this process what running functions does not need: files,
// network, other processes, core dumps, memory and descriptors without bound.
// What is open stays open.
func confine() error {
	for resource, limit := range map[int]uint64{
		unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_DATA: dataLimitBytes, unix.RLIMIT_NOFILE: descriptorLimit,
	} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return fmt.Errorf("limit %d: %w", resource, err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid attaching: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid privileges: %w", err)
	}
	return filter()
}

// allowed are the system calls that the Go runtime and a pipe need.
var allowed = append([]uintptr{
	unix.SYS_READ, unix.SYS_PREAD64, unix.SYS_WRITE, unix.SYS_CLOSE, unix.SYS_FUTEX, unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MREMAP,
	unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_BRK, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_NANOSLEEP,
	unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_GETTIMEOFDAY, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_CTL,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EVENTFD2, unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
	unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_GETRUSAGE,
	unix.SYS_SETRLIMIT, unix.SYS_GETRANDOM, unix.SYS_RESTART_SYSCALL, unix.SYS_SET_ROBUST_LIST, unix.SYS_TIMER_CREATE,
	unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE, unix.SYS_SETITIMER, unix.SYS_RSEQ, unix.SYS_MEMBARRIER,
}, allowedHere...)

const (
	loadWord     = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	jumpIfEqual  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jumpIfSet    = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	answerWith   = unix.BPF_RET | unix.BPF_K
	offsetNumber = 0
	offsetArch   = 4
	offsetArg0   = 16 // its lower half: both processors are little-endian
)

// filter installs a seccomp filter for all threads: the allowed calls, and EPERM
// for the rest.
func filter() error {
	const refuse = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	program := []unix.SockFilter{
		{Code: loadWord, K: offsetArch},
		{Code: jumpIfEqual, K: auditArch, Jt: 1},
		{Code: answerWith, K: unix.SECCOMP_RET_KILL_PROCESS},
		{Code: loadWord, K: offsetNumber},
	}
	// Each of these is allowed for one first argument: a process in place of a
	// thread, another's signals and another's limits are refused.
	for _, c := range []struct {
		call, test uint16
		value      uint32
	}{
		{unix.SYS_CLONE, jumpIfSet, unix.CLONE_THREAD},
		{unix.SYS_TGKILL, jumpIfEqual, uint32(os.Getpid())},
		{unix.SYS_PRLIMIT64, jumpIfEqual, 0},
	} {
		program = append(
			program,
			unix.SockFilter{Code: jumpIfEqual, K: uint32(c.call), Jf: 4},
			unix.SockFilter{Code: loadWord, K: offsetArg0},
			unix.SockFilter{Code: c.test, K: c.value, Jf: 1},
			unix.SockFilter{Code: answerWith, K: unix.SECCOMP_RET_ALLOW},
			unix.SockFilter{Code: answerWith, K: refuse},
		)
	}
	// What clone3 is asked for lies in memory, where a filter cannot look. Told that
	// there is no such call, the C library of a binary that has one makes its threads
	// by clone; told that it may not, it ends the process.
	program = append(
		program,
		unix.SockFilter{Code: jumpIfEqual, K: unix.SYS_CLONE3, Jf: 1},
		unix.SockFilter{Code: answerWith, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
	)
	for _, call := range allowed {
		program = append(
			program,
			unix.SockFilter{Code: jumpIfEqual, K: uint32(call), Jf: 1},
			unix.SockFilter{Code: answerWith, K: unix.SECCOMP_RET_ALLOW},
		)
	}
	program = append(program, unix.SockFilter{Code: answerWith, K: refuse})
	f := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&f)))
	if errno != 0 {
		return fmt.Errorf("system call filter: %w", errno)
	}
	return nil
}

// limitProcessor lets the kernel end this process if it burns its processor far
// beyond the time d of an invocation that begins when it has used what used says,
// and the parent is not there to end it. last is the limit that stands, in
// seconds; it returns the new one.
func limitProcessor(last uint64, used, d time.Duration) uint64 {
	seconds := uint64((used + d + 10*time.Second).Seconds())
	if seconds != last {
		// The hard limit stays, so that the next invocation can raise this one. A
		// failure leaves the parent's clock.
		_ = unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: seconds, Max: unix.RLIM_INFINITY})
	}
	return seconds
}

// processorTime is what this process has spent on processors.
func processorTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// meter reads how much memory a process has resident.
type meter struct {
	statm *os.File
	fd    uintptr
}

// newMeter must come before confine: no file can be opened behind it. The
// kernel's own maximum is of no use, for it counts what the parent had when it
// forked.
func newMeter() *meter {
	f, err := os.Open("/proc/self/statm")
	if err != nil {
		return nil
	}
	return &meter{f, f.Fd()}
}

// resident is 0 when nobody knows.
func (m *meter) resident() int64 {
	if m == nil {
		return 0
	}
	var text [128]byte
	// It does not block; pipeEnd says why the scheduler had better not know.
	n, _, errno := unix.RawSyscall6(unix.SYS_PREAD64, m.fd, uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	_, rest, _ := bytes.Cut(text[:n], []byte(" "))
	second, _, _ := bytes.Cut(rest, []byte(" "))
	pages, err := strconv.ParseInt(string(second), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
