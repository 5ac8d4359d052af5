package audit

import "os"

// disk is how a Log writes; tests fail it on purpose.
type disk interface {
	writeAt(f *os.File, b []byte, off int64) error
	sync(f *os.File) error
	remove(dir *os.Root, name string) error
}

type realDisk struct{}

func (realDisk) writeAt(f *os.File, b []byte, off int64) error {
	_, err := f.WriteAt(b, off)
	return err
}

func (realDisk) sync(f *os.File) error { return syncData(f) }

func (realDisk) remove(dir *os.Root, name string) error { return dir.Remove(name) }
