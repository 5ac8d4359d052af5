package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/keyfront-project/keyfront/internal/audit"
)

// A file, all numbers little-endian:
//
//	header   magic [8] | version u64 | first u64 | records u32 | terms u32 | postings u32 | 0 u32 | oldest i64 | newest i64 | end u64
//	records  records × ( offset u32 | second i64 )
//	spans    a ( oldest i64 | newest i64 ) for each 1,024 records
//	terms    terms × ( hash u64 | start u32 | count u32 ), ascending by hash
//	postings count uvarints from start on: the first number, then differences
const (
	magic       = "KFCATv2\n"
	headerBytes = 64
	recordBytes = 12
	termBytes   = 16
)

// errForeign says that a file is not an index of this version.
var errForeign = errors.New("audit catalog: not an index of this version")

func fileName(s audit.Segment) string { return strings.TrimSuffix(s.Name, ".log") + ".idx" }

type header struct {
	version, first           uint64
	records, terms, postings uint32
	oldest, newest, end      int64
}

func (h header) put(b []byte) {
	copy(b, magic)
	binary.LittleEndian.PutUint64(b[8:], h.version)
	binary.LittleEndian.PutUint64(b[16:], h.first)
	binary.LittleEndian.PutUint32(b[24:], h.records)
	binary.LittleEndian.PutUint32(b[28:], h.terms)
	binary.LittleEndian.PutUint32(b[32:], h.postings)
	binary.LittleEndian.PutUint64(b[40:], uint64(h.oldest))
	binary.LittleEndian.PutUint64(b[48:], uint64(h.newest))
	binary.LittleEndian.PutUint64(b[56:], uint64(h.end))
}

func (h *header) parse(b []byte) bool {
	if len(b) != headerBytes || string(b[:8]) != magic {
		return false
	}
	h.version = binary.LittleEndian.Uint64(b[8:])
	h.first = binary.LittleEndian.Uint64(b[16:])
	h.records = binary.LittleEndian.Uint32(b[24:])
	h.terms = binary.LittleEndian.Uint32(b[28:])
	h.postings = binary.LittleEndian.Uint32(b[32:])
	h.oldest = int64(binary.LittleEndian.Uint64(b[40:]))
	h.newest = int64(binary.LittleEndian.Uint64(b[48:]))
	h.end = int64(binary.LittleEndian.Uint64(b[56:]))
	return true
}

// chunks is how many spans the file has.
func (h *header) chunks() int64 { return (int64(h.records) + chunkRecords - 1) / chunkRecords }

// spansAt, termsAt and postingsAt are where those begin, size is where all ends.
func (h *header) spansAt() int64    { return headerBytes + int64(h.records)*recordBytes }
func (h *header) termsAt() int64    { return h.spansAt() + h.chunks()*spanBytes }
func (h *header) postingsAt() int64 { return h.termsAt() + int64(h.terms)*termBytes }
func (h *header) size() int64       { return h.postingsAt() + int64(h.postings) }

// block is the index of one file of the log: in memory, or what is to be known
// of it to read it from its file.
type block struct {
	first          uint64
	records        uint32
	oldest, newest int64
	end            int64 // of the last record

	memory *memory
	name   string // of the file, if not in memory
	header header
	spans  []span
}

type memory struct {
	records  []record
	postings map[uint64][]uint32
}

// readHeader finds the index of s. It returns os.ErrNotExist if there is none,
// and errForeign about one that is to be made anew.
func readHeader(dir *os.Root, s audit.Segment, version string) (*block, error) {
	f, err := dir.Open(fileName(s))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b [headerBytes]byte
	if _, err := io.ReadFull(f, b[:]); err != nil {
		return nil, errForeign
	}
	var h header
	if !h.parse(b[:]) || h.version != hash(version) || h.first != s.First {
		return nil, errForeign
	}
	if info, err := f.Stat(); err != nil || info.Size() != h.size() {
		return nil, errForeign
	}
	spans, err := readSpans(f, &h)
	if err != nil {
		return nil, err
	}
	return &block{first: h.first, records: h.records, oldest: h.oldest, newest: h.newest, end: h.end, name: fileName(s), header: h, spans: spans}, nil
}

// covers reports whether a record that q wants may be here.
func (b *block) covers(q *Query) bool {
	return b.records > 0 && (q.From.IsZero() || b.newest >= q.From.Unix()) && (q.To.IsZero() || b.oldest <= q.To.Unix())
}

// place is where the text of a record stands in the log's file.
type place struct {
	offset int64
	length int64
}

// maxPlaceBytes bounds what a damaged index makes us read.
const maxPlaceBytes = 2 << 20

// portion is how many records a block gives at once: a page is smaller, and who
// wants all comes again.
const portion = 256

// places are the newest records that have the terms of q and its time, at most a
// portion, newest first. Those below the number rest may have more; 0 says that
// there are none.
func (b *block) places(dir *os.Root, q *Query) (list []place, rest uint64, err error) {
	if !b.covers(q) {
		return nil, 0, nil
	}
	v := view{block: b}
	if b.memory == nil {
		f, err := dir.Open(b.name)
		if err != nil {
			return nil, 0, fmt.Errorf("audit catalog: %w", err)
		}
		defer f.Close()
		v.file = f
	}
	numbers, all, err := v.having(q.All)
	if err != nil {
		return nil, 0, err
	}
	// below is how many of the wanted have a smaller number than n.
	below := func(n uint32) int {
		if all {
			return int(min(n, b.records))
		}
		i, _ := slices.BinarySearch(numbers, n)
		return i
	}
	limit := b.records
	if q.Before != 0 {
		limit = uint32(min(uint64(limit), q.Before-min(q.Before, b.first)))
	}
	for i := below(limit) - 1; i >= 0; i-- {
		n := uint32(i)
		if !all {
			n = numbers[i]
		}
		// Of a time that is asked for there may be few among many.
		if !b.overlaps(n, q) {
			i = below(n / chunkRecords * chunkRecords)
			continue
		}
		r, end, err := v.record(n)
		if err != nil {
			return nil, 0, err
		}
		if !q.includes(r.second) {
			continue
		}
		p := place{int64(r.offset), end - int64(r.offset) - 1}
		if p.length <= 0 || p.length > maxPlaceBytes {
			continue
		}
		if list = append(list, p); len(list) == portion {
			return list, b.first + uint64(n), nil
		}
	}
	return list, 0, nil
}

// view reads a block.
type view struct {
	*block
	file io.ReaderAt // nil if it is in memory
	// chunk is what was read last of the file's table, as it stands there.
	chunk  []byte
	loaded uint32
}

// having returns the numbers of the records that have all terms; all is set when
// there are no terms, and every record does.
func (v *view) having(terms []string) (numbers []uint32, all bool, err error) {
	for i, term := range terms {
		list, err := v.list(hash(term))
		if err != nil {
			return nil, false, err
		}
		if i == 0 {
			numbers = list
		} else {
			numbers = common(numbers, list)
		}
		if len(numbers) == 0 {
			return nil, false, nil
		}
	}
	return numbers, len(terms) == 0, nil
}

// common is what two ascending lists have in common.
func common(a, b []uint32) (both []uint32) {
	if len(a) > len(b) {
		a, b = b, a
	}
	for _, n := range a {
		i, found := slices.BinarySearch(b, n)
		if found {
			both = append(both, n)
		}
		b = b[i:]
	}
	return both
}

// list is the posting list of a term.
func (v *view) list(term uint64) ([]uint32, error) {
	if v.file == nil {
		return v.memory.postings[term], nil
	}
	h := &v.header
	var failed error
	var entry [termBytes]byte
	at := func(i int) uint64 {
		if _, err := v.file.ReadAt(entry[:], h.termsAt()+int64(i)*termBytes); err != nil {
			failed = err
		}
		return binary.LittleEndian.Uint64(entry[:])
	}
	i := sort.Search(int(h.terms), func(i int) bool { return at(i) >= term })
	if failed != nil {
		return nil, fmt.Errorf("audit catalog: %w", failed)
	}
	if i == int(h.terms) || at(i) != term {
		return nil, nil
	}
	start, count := binary.LittleEndian.Uint32(entry[8:]), binary.LittleEndian.Uint32(entry[12:])
	if start > h.postings || count > h.records {
		return nil, errDamaged
	}
	// A difference takes at most five bytes.
	raw := make([]byte, min(int64(h.postings-start), 5*int64(count)))
	if _, err := v.file.ReadAt(raw, h.postingsAt()+int64(start)); err != nil {
		return nil, fmt.Errorf("audit catalog: %w", err)
	}
	list := make([]uint32, 0, count)
	number := uint64(0)
	for range count {
		d, n := binary.Uvarint(raw)
		if number += d; n <= 0 || number >= uint64(h.records) || d > uint64(h.records) {
			return nil, errDamaged
		}
		raw = raw[n:]
		list = append(list, uint32(number))
	}
	return list, nil
}

// errDamaged says that an index contradicts itself. Deleting it helps: it is
// made anew.
var errDamaged = errors.New("audit catalog: the index is damaged: delete the catalog's folder, it is made anew")
