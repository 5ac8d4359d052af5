package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
)

// Report is what Verify found in an intact log.
type Report struct {
	Records uint64 `json:"records"`
	Files   int    `json:"files"`
	// Last is the hash of the last record, hexadecimal. Kept elsewhere, it lets
	// a later reader see that nothing before it was changed.
	Last string `json:"last"`
	// TornBytes is the length of an unfinished end: a crash, or a server that is
	// writing at this moment.
	TornBytes int64 `json:"tornBytes"`
	// Unsealed is how many records follow the last one that the head names. A
	// server that is writing leaves some, and so does a power loss; otherwise
	// somebody has added them. Zero without head keys.
	Unsealed uint64 `json:"unsealed"`
}

// Verify reads the whole log in dir and returns ErrTampered, with the number of
// the first bad record, unless every record is the one that was written. With
// headKeys it also finds a log that was cut short. It changes nothing and may
// run beside a server.
func Verify(dir string, headKeys [][]byte) (Report, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Report{}, fmt.Errorf("audit: %w", err)
	}
	defer root.Close()

	// The head is read first: a server that goes on writing only moves the
	// end of the log further behind it.
	var head position
	if headKeys != nil {
		f, err := root.Open(headName)
		if err != nil {
			return Report{}, fmt.Errorf("%w: %w", ErrTampered, err)
		}
		head, _, err = readHead(f, headKeys)
		if err := errors.Join(err, f.Close()); err != nil {
			return Report{}, err
		}
	}
	names, err := segments(root)
	if err != nil {
		return Report{}, err
	}
	if headKeys != nil && head.next == 0 && len(names) > 0 {
		return Report{}, errEmptyHead
	}
	rep := Report{Files: len(names)}
	at := position{next: 1}
	headSeen := head.next <= 1
	for i, name := range names {
		if name != segmentName(at) {
			return rep, fmt.Errorf("%w: a file with record %d is missing before %s", ErrTampered, at.next, name)
		}
		if rep.TornBytes > 0 {
			return rep, fmt.Errorf("%w: record %d is cut off inside file %d", ErrTampered, at.next, i)
		}
		for line, err := range lines(root, name, 0) {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				rep.TornBytes = int64(len(line))
				break
			}
			if err != nil {
				return rep, err
			}
			e, err := Parse(line)
			if err != nil {
				return rep, fmt.Errorf("%w: record %d: %w", ErrTampered, at.next, err)
			}
			if e.Seq != at.next || e.Prev != hex.EncodeToString(at.prev[:]) {
				return rep, fmt.Errorf("%w: record %d does not follow the one before it", ErrTampered, at.next)
			}
			at = position{next: at.next + 1, prev: sha256.Sum256(line)}
			if at.next == head.next {
				if at.prev != head.prev {
					return rep, fmt.Errorf("%w: record %d is not the one that was written", ErrTampered, at.next-1)
				}
				headSeen = true
			}
			rep.Records++
			if headSeen && headKeys != nil && at.next > head.next {
				rep.Unsealed++
			}
		}
	}
	if !headSeen {
		return rep, fmt.Errorf("%w: it ends after record %d, but record %d was written", ErrTampered, at.next-1, head.next-1)
	}
	rep.Last = hex.EncodeToString(at.prev[:])
	return rep, nil
}

// Entries walks the records of the log in dir, oldest first. It trusts what it
// reads; Verify is the one that does not.
func Entries(dir string) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		root, err := os.OpenRoot(dir)
		if err != nil {
			yield(nil, fmt.Errorf("audit: %w", err))
			return
		}
		defer root.Close()
		names, err := segments(root)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, name := range names {
			for line, err := range lines(root, name, 0) {
				if errors.Is(err, io.ErrUnexpectedEOF) {
					return
				}
				var e *Entry
				if err == nil {
					e, err = Parse(line)
				}
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
	}
}

// lines walks the lines of one file from offset on. The slice is valid until the next step. A
// line without its end, or with a hole, ends the walk with io.ErrUnexpectedEOF.
func lines(root *os.Root, name string, offset int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		f, err := root.Open(name)
		if err != nil {
			yield(nil, fmt.Errorf("audit: %w", err))
			return
		}
		defer f.Close()
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			yield(nil, fmt.Errorf("audit: %w", err))
			return
		}
		r := bufio.NewReaderSize(f, maxLineBytes+4096)
		for {
			line, err := r.ReadSlice('\n')
			switch {
			case err == nil && bytes.IndexByte(line, 0) >= 0:
				// Records have no zeros. This one is written at this moment, and its
				// end was seen before its middle; or a power loss kept only its end.
				yield(line, io.ErrUnexpectedEOF)
				return
			case err == nil:
				if !yield(line[:len(line)-1], nil) {
					return
				}
			case err == io.EOF:
				// Zeros are room that the log has not yet used.
				if line = bytes.TrimRight(line, "\x00"); len(line) > 0 {
					yield(line, io.ErrUnexpectedEOF)
				}
				return
			case errors.Is(err, bufio.ErrBufferFull):
				yield(nil, fmt.Errorf("%w: a line of %s is too long", ErrTampered, name))
				return
			default:
				yield(nil, fmt.Errorf("audit: %w", err))
				return
			}
		}
	}
}
