//go:build unix

package storetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
)

// The child of Kill works in that folder and kills itself at that moment.
const (
	crashEnv   = "KEYFRONT_TEST_CRASH_FOLDER"
	crashAtEnv = "KEYFRONT_TEST_CRASH_AT"
)

// Step does a step of an engine's work. An engine that is opened for a crash test
// does every change to the disk by it, one at a time.
type Step func(name string, do func() error) error

// OpenFolder holds the folder at path until the test ends.
func OpenFolder(t testing.TB, path string) *store.Folder {
	t.Helper()
	folder, err := store.OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	return folder
}

// Main runs the tests of an engine that uses Kill, and is its whole TestMain: the
// test program is its own victim. work opens the engine on a folder, changes it and
// prints a line for each answer as soon as it has it; step is what the engine is to do
// its changes by.
func Main(m *testing.M, work func(folder *store.Folder, step Step) error) {
	path := os.Getenv(crashEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	if err := victim(path, work); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func victim(path string, work func(*store.Folder, Step) error) error {
	at, err := strconv.Atoi(os.Getenv(crashAtEnv))
	if err != nil {
		return err
	}
	folder, err := store.OpenFolder(path)
	if err != nil {
		return err
	}
	moment := 0
	tick := func() {
		if moment++; moment == at {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	return work(folder, func(_ string, do func() error) error {
		tick()
		defer tick()
		return do()
	})
}

// Kill runs the work of Main in children that are killed at one moment each: there is
// a moment before and one after every step, and there have to be more than atLeast.
// After each it calls check with the folder, the number of the moment and the lines
// that the child printed. The last child is not killed; done says so.
func Kill(t *testing.T, atLeast int, check func(folder *store.Folder, at int, said []string, done bool)) {
	for at := 1; ; at++ {
		path := filepath.Join(t.TempDir(), "data")
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), crashEnv+"="+path, crashAtEnv+"="+strconv.Itoa(at))
		output, err := child.Output()
		status, ok := child.ProcessState.Sys().(syscall.WaitStatus)
		killed := ok && status.Signaled() && status.Signal() == syscall.SIGKILL
		if err != nil && !killed {
			t.Fatalf("child %d: %v, %s", at, err, output)
		}
		folder := OpenFolder(t, path)
		check(folder, at, strings.FieldsFunc(string(output), func(r rune) bool { return r == '\n' }), !killed)
		folder.Close()
		if !killed {
			if at <= atLeast {
				t.Errorf("the work has %d moments, want more than %d", at, atLeast)
			}
			return
		}
	}
}
