package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"
)

// CopyRecords copies the records of s, which end where next begins, from r to w,
// and tells when the newest of them was made. It returns ErrTampered unless r has
// exactly the records that were written: the hash in next's name says which
// these are, so that two readers for which it returns nil have the same bytes.
func CopyRecords(w io.Writer, r io.Reader, s, next Segment) (newest time.Time, err error) {
	out := bufio.NewWriterSize(w, 64<<10)
	at, end := s.start(), next.start()
	for line, err := range lineSeq(r, s.Name) {
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			return newest, fmt.Errorf("%w: record %d is cut off in %s", ErrTampered, at.next, s.Name)
		case err != nil:
			return newest, err
		case at == end || !at.precedes(line):
			return newest, fmt.Errorf("%w: record %d in %s is not the one that was written", ErrTampered, at.next, s.Name)
		}
		e, err := Parse(line)
		if err != nil {
			return newest, fmt.Errorf("%w: record %d: %w", ErrTampered, at.next, err)
		}
		if e.Time.After(newest) {
			newest = e.Time
		}
		at = at.after(line)
		if _, err := out.Write(line); err != nil {
			return newest, err
		}
		if err := out.WriteByte('\n'); err != nil {
			return newest, err
		}
	}
	if at != end {
		return newest, fmt.Errorf("%w: %s does not end with the record before %d", ErrTampered, s.Name, end.next)
	}
	return newest, out.Flush()
}
