package storetest

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// diskEnv is set in the child that has a disk of its own.
const diskEnv = "KEYFRONT_TEST_SMALL_DISK"

// Disk is a small file system of a test's own.
type Disk struct {
	t    *testing.T
	Path string
}

// SmallDisk runs the calling test in a child process that has mounted a file system
// of so many bytes, which no other process sees, and so needs no privilege. In the
// child it returns the disk. In the parent it returns nil when the child has ended,
// and the caller should return: the child's failure is already the test's.
//
// The test is skipped where the system allows no such mounts.
func SmallDisk(t *testing.T, sizeBytes int) *Disk {
	t.Helper()
	if os.Getenv(diskEnv) == t.Name() {
		path := t.TempDir()
		if err := syscall.Mount("none", path, "tmpfs", 0, "mode=0700,size="+strconv.Itoa(sizeBytes)); err != nil {
			t.Skipf("mount: %v", err)
		}
		t.Cleanup(func() { syscall.Unmount(path, syscall.MNT_DETACH) })
		return &Disk{t: t, Path: path}
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), diskEnv+"="+t.Name())
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	output, err := child.CombinedOutput()
	switch {
	case child.ProcessState == nil:
		t.Skipf("a process with mounts of its own: %v", err)
	case err != nil:
		t.Errorf("on a small disk: %v\n%s", err, output)
	case strings.Contains(string(output), "--- SKIP"):
		t.Skipf("%s", output)
	case !strings.Contains(string(output), "--- PASS: "+t.Name()):
		t.Errorf("the child did not run the test:\n%s", output)
	}
	return nil
}

// SetReadOnly makes the disk read-only, or writable again. No file on it may be
// open for writing.
func (d *Disk) SetReadOnly(on bool) {
	d.t.Helper()
	flags := uintptr(syscall.MS_REMOUNT)
	if on {
		flags |= syscall.MS_RDONLY
	}
	if err := syscall.Mount("none", d.Path, "tmpfs", flags, ""); err != nil {
		d.t.Fatalf("remount: %v", err)
	}
}
