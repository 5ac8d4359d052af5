package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
)

// Reader reads the files of a log by their place, beside the server that writes
// them or from a copy. It may be used concurrently. It trusts what it reads.
type Reader struct{ dir *os.Root }

// OpenReader opens the log in dir for reading.
func OpenReader(dir string) (*Reader, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return &Reader{root}, nil
}

// Close closes the reader. Walks and files that are open go on.
func (r *Reader) Close() error { return r.dir.Close() }

// Segments lists the log's files, oldest first. A log whose oldest files are
// archived does not begin with record 1.
func (r *Reader) Segments() ([]Segment, error) { return allSegments(r.dir) }

// Open opens a file of the log, in which Line.Offset is a place. One that is
// packed is unpacked into a file that has no name and ends with the returned one.
func (r *Reader) Open(s Segment) (*os.File, error) {
	if s.Packed {
		return r.unpack(s)
	}
	f, err := r.dir.Open(s.Name)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return f, nil
}

// maxUnpackedBytes bounds what a packed file makes us write.
const maxUnpackedBytes = 4 << 30

func (r *Reader) unpack(s Segment) (*os.File, error) {
	packed, err := s.open(r.dir)
	if err != nil {
		return nil, err
	}
	defer packed.Close()
	f, err := os.CreateTemp("", "keyfront-audit-")
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	err = os.Remove(f.Name())
	if err == nil {
		var n int64
		if n, err = io.Copy(f, io.LimitReader(packed, maxUnpackedBytes+1)); n > maxUnpackedBytes {
			err = fmt.Errorf("%s is larger than %d bytes", s.file(), int64(maxUnpackedBytes))
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("audit: %w", err), f.Close())
	}
	return f, nil
}

// Line is one record as it stands in a file.
type Line struct {
	Seq    uint64
	Offset int64
	// Text is the record without its end of line. It is valid until the walk's
	// next step.
	Text []byte
}

// End is the offset behind the line.
func (l *Line) End() int64 { return l.Offset + int64(len(l.Text)) + 1 }

// Lines walks the records of a file from offset on, which is 0 or the End of a
// line. Records that are being written end the walk; what is behind the one that
// Log.Acknowledged names may yet disappear. The error is fs.ErrNotExist if the
// file was archived and removed since Segments listed it.
func (r *Reader) Lines(s Segment, offset int64) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for text, err := range s.lines(r.dir, offset) {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return
			}
			l := Line{Offset: offset, Text: text}
			if err == nil {
				l.Seq, err = sequence(text)
			}
			if !yield(l, err) || err != nil {
				return
			}
			offset = l.End()
		}
	}
}

// sequence is the number with which a line begins.
func sequence(line []byte) (uint64, error) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"seq":`))
	digits, _, found := bytes.Cut(rest, []byte{','})
	if !ok || !found {
		return 0, errors.New("audit: not a record: no sequence number")
	}
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil || n == 0 {
		return 0, errors.New("audit: not a record: no sequence number")
	}
	return n, nil
}
