//go:build unix

package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// lockName is the file in a folder that carries the lock. It is never removed:
// a process that waits on a removed file would hold a lock on nothing.
const lockName = "lock"

// Folder is a folder that this process alone holds, together with all that is in
// it: records, blobs, audit log. Engines that keep files take a *Folder, so none
// can be opened on a folder that another process writes to.
type Folder struct {
	path string
	root *os.Root
	lock *os.File

	closeOnce sync.Once
	closeErr  error
}

// OpenFolder makes the folder at path with mode 0700 if it is absent (its parent
// must exist) and takes an exclusive lock on it. If another process, or another
// Folder of this one, holds the lock, it returns ErrLocked at once.
//
// The lock is flock(2) on a file in the folder: the kernel drops it when the
// process ends, however it ends. The file names the holder for the eye only.
func OpenFolder(path string) (*Folder, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open folder %s: %w", path, err)
	}
	err = os.Mkdir(abs, 0o700)
	if err == nil {
		err = syncFolder(os.Open(filepath.Dir(abs)))
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	lock, err := takeLock(root)
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("open folder %s: %w", abs, err)
	}
	return &Folder{path: abs, root: root, lock: lock}, nil
}

func takeLock(root *os.Root) (*os.File, error) {
	f, err := root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	if err == syscall.EWOULDBLOCK {
		err = lockedBy(f)
	}
	if err == nil {
		if err = f.Truncate(0); err == nil {
			_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
		}
		// A full disk must not keep the server from starting: then the file
		// names nobody, and the lock holds all the same.
		if errors.Is(err, syscall.ENOSPC) {
			err = nil
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// lockedBy is ErrLocked, with the holder's process id if the file tells.
func lockedBy(f *os.File) error {
	text, err := io.ReadAll(io.LimitReader(f, 32))
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return fmt.Errorf("%w (pid %s)", ErrLocked, pid)
	}
	return ErrLocked
}

// Path returns the absolute path of the folder.
func (f *Folder) Path() string { return f.path }

// Root returns the folder as a root that no name can leave. The Folder owns it.
func (f *Folder) Root() *os.Root { return f.root }

// Sync makes the names in the folder durable, but not those in folders below it.
func (f *Folder) Sync() error { return syncFolder(f.root.Open(".")) }

func syncFolder(dir *os.File, err error) error {
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Close gives up the lock. Everything that was opened in the folder must be
// closed before. A second Close returns what the first did.
func (f *Folder) Close() error {
	f.closeOnce.Do(func() {
		f.closeErr = errors.Join(f.root.Close(), f.lock.Close())
	})
	return f.closeErr
}
