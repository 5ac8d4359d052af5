package audit

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// beginMark says where a log begins whose oldest files were taken away. Without
// its file, a log begins with record 1.
//
//	first record u64 | hash of the record before it [32] | HMAC-SHA-256 [32]
type beginMark struct {
	at  position
	key []byte // to write with
}

const (
	beginName = "begin"

	beginPurpose = "keyfront/audit-begin/v1"
)

// readBegin returns where the log in dir may begin.
func readBegin(dir *os.Root, keys [][]byte) (position, error) {
	b, err := dir.ReadFile(beginName)
	if errors.Is(err, fs.ErrNotExist) {
		return position{next: 1}, nil
	}
	if err != nil {
		return position{}, fmt.Errorf("audit: %w", err)
	}
	if len(b) == slotBytes {
		if p, ok := openSlot(b, beginPurpose, keys); ok {
			return p, nil
		}
	}
	return position{}, fmt.Errorf("%w: the file %s is not authentic under this root key", ErrTampered, beginName)
}

// admits returns an error unless a log that may begin at p has its first file at
// first. Files from before p are what a crash left behind: they are welcome.
func (p position) admits(first *Segment) error {
	switch {
	case first.First > p.next:
		return fmt.Errorf("%w: the records %d to %d are missing", ErrTampered, p.next, first.First-1)
	case first.First == p.next && first.Prev != p.prev, first.First == 1 && first.Prev != [sha256.Size]byte{}:
		return fmt.Errorf("%w: the records before %d are not those that were written", ErrTampered, first.First)
	}
	return nil
}

// loadBegin reads where the log begins and looks whether it does. A mark under
// an older key is written again.
func (l *Log) loadBegin(files []Segment) error {
	l.beginning.Lock()
	defer l.beginning.Unlock()
	at, err := readBegin(l.dir, l.cfg.HeadKeys)
	if err != nil {
		return err
	}
	l.begin = beginMark{at, l.cfg.HeadKeys[0]}
	if len(files) > 0 {
		if err := at.admits(&files[0]); err != nil {
			return err
		}
	}
	if _, err := readBegin(l.dir, l.cfg.HeadKeys[:1]); err == nil {
		return nil
	}
	return l.storeBeginLocked(at)
}

// Remove takes the oldest file of the log away: s, which is full, and whose
// records are kept elsewhere. From then on the log begins with the file behind
// it, and so says a mark that is authenticated like the log's end. Failure, or a
// crash, leaves an intact log with the file or without it.
func (l *Log) Remove(s Segment) error {
	l.beginning.Lock()
	defer l.beginning.Unlock()
	files, err := segments(l.dir)
	if err != nil {
		return err
	}
	if len(files) < 2 || files[0] != s {
		return fmt.Errorf("audit: %s is not the oldest full file", s.Name)
	}
	// The mark comes first: a file before it is left over, but a log that begins
	// behind its mark was cut by somebody else.
	if err := l.storeBeginLocked(files[1].start()); err != nil {
		return err
	}
	if err := l.disk.remove(l.dir, s.Name); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if err := syncDir(l.cfg.Dir); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// storeBeginLocked writes where the log begins, durably. A log that is whole has
// no mark.
func (l *Log) storeBeginLocked(p position) error {
	if p.next <= 1 {
		return nil
	}
	err := l.replace(beginName, appendSlot(nil, p, beginPurpose, newMAC(l.begin.key)))
	if err == nil {
		l.begin.at = p
	}
	return err
}

// replace puts a small file in place of another one, durably.
func (l *Log) replace(name string, content []byte) error {
	unready := name + ".new"
	f, err := l.dir.OpenFile(unready, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	err = l.disk.writeAt(f, content, 0)
	if err == nil {
		err = l.disk.sync(f)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = l.dir.Rename(unready, name)
	}
	if err == nil {
		err = syncDir(l.cfg.Dir)
	}
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}
