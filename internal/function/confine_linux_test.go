//go:build amd64 || arm64

package function_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// attempts are what the code of a function could try through a mistake of the
// engine.
var attempts = []struct {
	name string
	try  func() error
}{
	{"read a file", func() error { _, err := os.Open("/etc/passwd"); return err }},
	{"write a file", func() error { return os.WriteFile("/tmp/x", nil, 0o600) }},
	{"list a folder", func() error { _, err := os.ReadDir("/"); return err }},
	{"connect", func() error { _, err := net.Dial("tcp", "127.0.0.1:1"); return err }},
	{"listen", func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return err }},
	{"run a program", func() error { return exec.Command("/bin/true").Run() }},
	{"attach to the parent", func() error { return unix.PtraceAttach(os.Getppid()) }},
	{"end the parent", func() error { return unix.Tgkill(os.Getppid(), os.Getppid(), 0) }},
	{"limit the parent", func() error { return unix.Prlimit(os.Getppid(), unix.RLIMIT_CPU, nil, new(unix.Rlimit)) }},
	{"signal the parent", func() error { return unix.Kill(os.Getppid(), 0) }},
	{"read the parent's memory", func() error {
		b := make([]byte, 1)
		_, err := unix.ProcessVMReadv(os.Getppid(), []unix.Iovec{{Base: &b[0], Len: 1}}, []unix.RemoteIovec{{Base: 4096, Len: 1}}, 0)
		return err
	}},
	{"lift its limits", func() error {
		return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1000, Max: 1000})
	}},
}

// startThreads has this process run on more threads than any has spare.
func startThreads() {
	const threads = 20
	var holding, done sync.WaitGroup
	holding.Add(threads)
	for range threads {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			holding.Done()
			holding.Wait()
		})
	}
	done.Wait()
}

// tryAll is the body of the confined process.
func tryAll() {
	startThreads()
	for _, a := range attempts {
		if err := a.try(); err == nil {
			fmt.Println("done:", a.name)
		}
	}
	fmt.Println("end")
}

func TestConfined(t *testing.T) {
	cmd := exec.Command(command(t)[0], confinedArgument)
	cmd.Env = []string{}
	out, err := cmd.CombinedOutput()
	if text := strings.TrimSpace(string(out)); err != nil || !strings.HasSuffix(text, "end") || strings.Contains(text, "done: ") && !onlyLimits(text) {
		t.Errorf("%s, %v: want that nothing was done", text, err)
	}
}

// onlyLimits reports whether all that was done is what root may do.
func onlyLimits(text string) bool { return os.Geteuid() == 0 && text == "done: lift its limits\nend" }
