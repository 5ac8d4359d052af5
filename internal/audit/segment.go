package audit

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Segment is one file of the log.
type Segment struct {
	// Name is the file's name. It binds the records before the file: one that
	// has other records before it has another name.
	Name string
	// First is the number of its first record.
	First uint64
	// Prev is the hash of the record before it.
	Prev [sha256.Size]byte
	// Packed says that the file is compressed, and has PackedSuffix behind its
	// name, as in an archive. A Log does not look at such files.
	Packed bool
}

// PackedSuffix is behind the name of a file of the log that is compressed.
const PackedSuffix = ".gz"

// segments lists the log's files that are not packed, oldest first.
func segments(dir *os.Root) ([]Segment, error) {
	all, err := allSegments(dir)
	return slices.DeleteFunc(all, func(s Segment) bool { return s.Packed }), err
}

// allSegments lists the log's files, oldest first. Of one that is there twice it
// has the one that is not packed.
func allSegments(dir *os.Root) ([]Segment, error) {
	entries, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	var list []Segment
	for _, e := range entries { // ascending by name, so that the packed come second
		name, packed := strings.CutSuffix(e.Name(), PackedSuffix)
		if !strings.HasSuffix(name, segmentSuffix) {
			continue
		}
		s, err := parseSegment(name)
		if err != nil {
			return nil, err
		}
		if s.Packed = packed; !packed || len(list) == 0 || list[len(list)-1].Name != name {
			list = append(list, s)
		}
	}
	return list, nil
}

// segmentName is the number of the first record, 20 digits, a dash, and the
// hash of the record before it.
func segmentName(p position) string {
	return fmt.Sprintf("%020d-%x%s", p.next, p.prev, segmentSuffix)
}

func parseSegment(name string) (Segment, error) {
	s := Segment{Name: name}
	number, hash, _ := strings.Cut(strings.TrimSuffix(name, segmentSuffix), "-")
	var err error
	if s.First, err = strconv.ParseUint(number, 10, 64); err != nil || len(hash) != 2*len(s.Prev) {
		return s, fmt.Errorf("%w: unexpected file %q", ErrTampered, name)
	}
	if _, err := hex.Decode(s.Prev[:], []byte(hash)); err != nil || s.Name != segmentName(s.start()) {
		return s, fmt.Errorf("%w: unexpected file %q", ErrTampered, name)
	}
	return s, nil
}

// start is the place of the first record.
func (s *Segment) start() position { return position{s.First, s.Prev} }

// file is the name of the file as it is in the folder.
func (s *Segment) file() string {
	if s.Packed {
		return s.Name + PackedSuffix
	}
	return s.Name
}

// open opens the records of the file for reading from their beginning.
func (s *Segment) open(dir *os.Root) (io.ReadCloser, error) {
	f, err := dir.Open(s.file())
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if !s.Packed {
		return f, nil
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %s: %w", ErrTampered, s.file(), err), f.Close())
	}
	return unpacker{z, f}, nil
}

// unpacker reads a packed file.
type unpacker struct {
	*gzip.Reader
	f *os.File
}

// Read calls every damage by its name: a file that was cut while packed has no
// end that is still to come.
func (u unpacker) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %v", ErrTampered, err)
	}
	return n, err
}

func (u unpacker) Close() error { return u.f.Close() }

// lines walks the lines of one file from offset on. The slice is valid until the next step. A
// line without its end, or with a hole, ends the walk with io.ErrUnexpectedEOF.
func (s *Segment) lines(dir *os.Root, offset int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		f, err := s.open(dir)
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		if at, ok := f.(io.Seeker); ok {
			_, err = at.Seek(offset, io.SeekStart)
		} else {
			_, err = io.CopyN(io.Discard, f, offset)
		}
		if err != nil {
			yield(nil, fmt.Errorf("audit: %w", err))
			return
		}
		for line, err := range lineSeq(f, s.Name) {
			if !yield(line, err) {
				return
			}
		}
	}
}

// lineSeq walks the lines of f, as lines does.
func lineSeq(f io.Reader, name string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) { splitLines(f, name, yield) }
}

func splitLines(f io.Reader, name string, yield func([]byte, error) bool) {
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
			yield(nil, fmt.Errorf("audit: %s: %w", name, err))
			return
		}
	}
}
