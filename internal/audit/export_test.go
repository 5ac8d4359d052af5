package audit

import (
	"bytes"
	"errors"
	"os"
)

// Fault is a way for the disk to fail one write.
type Fault int

const (
	FaultWriteNothing Fault = iota
	FaultWriteHalf
	FaultWriteAll
	FaultSync
	FaultRemove
)

func (f Fault) String() string {
	return [...]string{"nothing written", "half written", "all written", "not synced", "not removed"}[f]
}

var errFault = errors.New("injected fault")

// InjectFault lets the next writes of l fail until the returned function is called.
func InjectFault(l *Log, fault Fault) (restore func()) {
	l.disk = faultyDisk{fault}
	return func() { l.disk = realDisk{} }
}

// WithoutRoom lets l write records but no room ahead of them, as on a disk that
// is nearly full, until the returned function is called.
func WithoutRoom(l *Log) (restore func()) {
	l.disk = roomlessDisk{}
	return func() { l.disk = realDisk{} }
}

type roomlessDisk struct{ realDisk }

func (d roomlessDisk) writeAt(f *os.File, b []byte, off int64) error {
	if len(b) > 0 && b[0] == 0 {
		return errFault
	}
	return d.realDisk.writeAt(f, b, off)
}

type faultyDisk struct{ fault Fault }

func (d faultyDisk) remove(*os.Root, string) error { return errFault }

func (d faultyDisk) writeAt(f *os.File, b []byte, off int64) error {
	n := 0
	switch d.fault {
	case FaultWriteHalf:
		n = len(b) / 2
	case FaultWriteAll:
		n = len(b)
	case FaultSync, FaultRemove:
		_, err := f.WriteAt(b, off)
		return err
	}
	if _, err := f.WriteAt(b[:n], off); err != nil {
		return err
	}
	return errFault
}

func (d faultyDisk) sync(f *os.File) error {
	if d.fault == FaultRemove {
		return f.Sync()
	}
	return errFault
}

// ParseOwn reads a line in the log's own spelling, and reports whether it has it.
var ParseOwn = parseOwn

// ReadHead reads a head file and returns the number of the next record.
func ReadHead(b []byte, keys [][]byte) (next uint64, err error) {
	p, _, err := readHead(bytes.NewReader(b), keys)
	return p.next, err
}
