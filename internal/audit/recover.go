package audit

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
)

// recover finds the end of the log and makes l ready to append there.
func (l *Log) recover() error {
	files, err := segments(l.dir)
	if err != nil {
		return err
	}
	// The head comes before the first file and is there ever after: a log
	// without one was tampered with, or taken away.
	head, err := openHead(l.dir, l.cfg.HeadKeys, len(files) == 0 && !l.cfg.Existing)
	if err != nil {
		return err
	}
	l.head = head
	if err := l.loadBegin(files); err != nil {
		return err
	}
	l.durable = head.last
	if len(files) == 0 {
		if l.durable.next > 1 {
			return fmt.Errorf("%w: its files are missing, but record %d was written", ErrTampered, l.durable.next-1)
		}
		err = l.startSegment()
	} else {
		err = l.recoverSegments(files)
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
func (l *Log) recoverSegments(files []Segment) error {
	from := len(files) - 1
	for from > 0 && files[from].First > l.head.last.next {
		from--
	}
	end := files[from].start()
	var size, torn int
	for _, s := range files[from:] {
		if s.start() != end || torn > 0 {
			return fmt.Errorf("%w: record %d is missing before %s", ErrTampered, end.next, s.Name)
		}
		var err error
		if end, size, torn, err = l.scanSegment(s.Name, end); err != nil {
			return err
		}
	}
	if end.next < l.head.last.next {
		return fmt.Errorf("%w: it ends before record %d, but record %d was written", ErrTampered, end.next, l.head.last.next-1)
	}
	l.durable = end
	newest := files[len(files)-1].Name
	if torn > 0 {
		l.cfg.Log.Warn("audit: removed a record that a crash tore", slog.String("file", newest), slog.Int("bytes", torn))
	}
	if more := end.next - l.head.last.next; more > 0 {
		l.cfg.Log.Warn("audit: records follow the one that the head names; a power loss leaves such, and so does somebody who adds them",
			slog.Uint64("records", more))
	}
	var err error
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
