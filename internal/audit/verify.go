package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
)

// Report is what Verify found in an intact log.
type Report struct {
	// First is the number of the first record that is here: more than 1 where
	// the files before it are archived. 0 if there is none.
	First   uint64 `json:"first"`
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
// headKeys it also finds a log that was cut short, at its end or its beginning. It
// changes nothing and may run beside a server.
func Verify(dir string, headKeys [][]byte) (Report, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Report{}, fmt.Errorf("audit: %w", err)
	}
	defer root.Close()
	for tries := 0; ; tries++ {
		rep, err := verify(root, headKeys)
		// The oldest file may be archived and removed at this moment.
		if tries == 2 || !errors.Is(err, fs.ErrNotExist) {
			return rep, err
		}
	}
}

func verify(root *os.Root, headKeys [][]byte) (Report, error) {
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
	files, err := allSegments(root)
	if err != nil {
		return Report{}, err
	}
	if headKeys != nil && head.next == 0 && len(files) > 0 {
		return Report{}, errEmptyHead
	}
	rep := Report{Files: len(files)}
	at, begin := position{next: 1}, position{next: 1}
	if len(files) > 0 {
		at = files[0].start()
		rep.First = at.next
		begin = at // without the key, nobody says where it is to begin
	}
	if headKeys != nil {
		if begin, err = readBegin(root, headKeys); err != nil {
			return rep, err
		}
	}
	if len(files) > 0 {
		if err := begin.admits(&files[0]); err != nil {
			return rep, err
		}
	}
	// The log may begin where the head says that it ends.
	headSeen := head.next <= 1 || at == head
	for i, s := range files {
		if s.start() != at {
			return rep, fmt.Errorf("%w: a file with record %d is missing before %s", ErrTampered, at.next, s.Name)
		}
		if rep.TornBytes > 0 {
			return rep, fmt.Errorf("%w: record %d is cut off inside file %d", ErrTampered, at.next, i)
		}
		for line, err := range s.lines(root, 0) {
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
			if at.next == begin.next && at.prev != begin.prev {
				return rep, fmt.Errorf("%w: record %d is not the one that was written", ErrTampered, at.next-1)
			}
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
		files, err := allSegments(root)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, s := range files {
			for line, err := range s.lines(root, 0) {
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
