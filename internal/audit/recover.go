package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
)

// recover finds the end of the log and makes l ready to append there.
func (l *Log) recover() error {
	names, err := segments(l.dir)
	if err != nil {
		return err
	}
	// The head comes before the first file and is there ever after: a log
	// without one was tampered with, or taken away.
	head, err := openHead(l.dir, l.cfg.HeadKeys, len(names) == 0 && !l.cfg.Existing)
	if err != nil {
		return err
	}
	l.head = head
	l.durable = head.last
	if len(names) == 0 {
		if l.durable.next > 1 {
			return fmt.Errorf("%w: its files are missing, but record %d was written", ErrTampered, l.durable.next-1)
		}
		err = l.startSegment()
	} else {
		err = l.recoverSegments(names)
	}
	if err != nil {
		return err
	}
	l.chained = l.durable
	l.acknowledged.Store(l.durable.next)
	return nil
}

// recoverSegments finds the end of the log and opens the newest file there. It
// reads from the file with the head's record, which must be in the chain: one
// that was rewritten from before it, and made longer, would else pass.
func (l *Log) recoverSegments(names []string) error {
	from := len(names) - 1
	for ; from > 0; from-- {
		if first, _, err := segmentStart(names[from]); err != nil || first <= l.head.last.next {
			break
		}
	}
	next, prev, err := segmentStart(names[from])
	if err != nil {
		return err
	}
	end := position{next, prev}
	var size, torn int
	for i, name := range names[from:] {
		if name != segmentName(end) || torn > 0 {
			return fmt.Errorf("%w: record %d is missing before %s", ErrTampered, end.next, names[from+i])
		}
		if end, size, torn, err = l.scanSegment(name, end); err != nil {
			return err
		}
	}
	if end.next < l.head.last.next {
		return fmt.Errorf("%w: it ends before record %d, but record %d was written", ErrTampered, end.next, l.head.last.next-1)
	}
	l.durable = end
	newest := names[len(names)-1]
	if torn > 0 {
		l.cfg.Log.Warn("audit: removed a record that a crash tore", slog.String("file", newest), slog.Int("bytes", torn))
	}
	if more := end.next - l.head.last.next; more > 0 {
		l.cfg.Log.Warn("audit: records follow the one that the head names; a power loss leaves such, and so does somebody who adds them",
			slog.Uint64("records", more))
	}
	if l.file, err = l.dir.OpenFile(newest, os.O_WRONLY, 0); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	l.size = int64(size)
	if err := l.trimRoom(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// scanSegment follows the chain through a file that begins at start. size is
// where it ends, torn the length of what is behind it without the room.
//
// After a power loss, pages of the last write may be there while earlier ones
// are not, since the file had the room before. So the end is where the chain
// breaks, not where the last line ends.
func (l *Log) scanSegment(name string, start position) (end position, size, torn int, err error) {
	data, err := fs.ReadFile(l.dir.FS(), name)
	if err != nil {
		return end, 0, 0, fmt.Errorf("audit: %w", err)
	}
	end = start
	for {
		if end.next == l.head.last.next && end.prev != l.head.last.prev {
			return end, 0, 0, fmt.Errorf("%w: record %d is not the one that was written", ErrTampered, end.next-1)
		}
		n := bytes.IndexByte(data[size:], '\n')
		if n < 0 || !end.precedes(data[size:size+n]) {
			return end, size, len(bytes.TrimRight(data[size:], "\x00")), nil
		}
		end = end.after(data[size : size+n])
		size += n + 1
	}
}

// segments lists the log's files, oldest first.
func segments(dir *os.Root) ([]string, error) {
	entries, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), segmentSuffix) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// segmentName is the number of the first record, 20 digits, a dash, and the
// hash of the record before it.
func segmentName(p position) string {
	return fmt.Sprintf("%020d-%x%s", p.next, p.prev, segmentSuffix)
}

func segmentStart(name string) (first uint64, prev [sha256.Size]byte, err error) {
	base := strings.TrimSuffix(name, segmentSuffix)
	number, hash, ok := strings.Cut(base, "-")
	if !ok {
		return 0, prev, fmt.Errorf("%w: unexpected file %q", ErrTampered, name)
	}
	first, err = strconv.ParseUint(number, 10, 64)
	if err != nil {
		return 0, prev, fmt.Errorf("%w: unexpected file %q", ErrTampered, name)
	}
	if n, err := hex.Decode(prev[:], []byte(hash)); err != nil || n != len(prev) || len(hash) != 2*len(prev) {
		return 0, prev, fmt.Errorf("%w: unexpected file %q", ErrTampered, name)
	}
	return first, prev, nil
}
