package catalog

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
)

// chunkRecords is how many records of the table are read at once, and for how
// many the index says between which times they were made.
const chunkRecords = 1024

// span is when the oldest and the newest record of a chunk were made, in seconds
// since 1970. Records stand in the order in which they were written, which is
// nearly that of their times.
type span struct{ oldest, newest int64 }

const spanBytes = 16

// spansOf are those of a table.
func spansOf(table []record) (list []span) {
	for chunk := range slices.Chunk(table, chunkRecords) {
		s := span{math.MaxInt64, math.MinInt64}
		for _, r := range chunk {
			s.oldest, s.newest = min(s.oldest, r.second), max(s.newest, r.second)
		}
		list = append(list, s)
	}
	return list
}

// readSpans reads those of a file.
func readSpans(f io.ReaderAt, h *header) ([]span, error) {
	raw := make([]byte, h.chunks()*spanBytes)
	if _, err := f.ReadAt(raw, h.spansAt()); err != nil {
		return nil, fmt.Errorf("audit catalog: %w", err)
	}
	list := make([]span, h.chunks())
	for i := range list {
		list[i] = span{int64(binary.LittleEndian.Uint64(raw[i*spanBytes:])), int64(binary.LittleEndian.Uint64(raw[i*spanBytes+8:]))}
	}
	return list, nil
}

// overlaps reports whether the chunk of record n may have what q wants.
func (b *block) overlaps(n uint32, q *Query) bool {
	if b.memory != nil {
		return true // to look at a record is as cheap
	}
	s := &b.spans[n/chunkRecords]
	return (q.From.IsZero() || s.newest >= q.From.Unix()) && (q.To.IsZero() || s.oldest <= q.To.Unix())
}

// record returns a record of the table and where it ends.
func (v *view) record(n uint32) (r record, end int64, err error) {
	last := n+1 >= v.block.records
	if v.memory != nil {
		if r = v.memory.records[n]; last {
			return r, v.end, nil
		}
		return r, int64(v.memory.records[n+1].offset), nil
	}
	if err := v.load(n / chunkRecords); err != nil {
		return r, 0, err
	}
	at := n % chunkRecords * recordBytes
	if r = parseRecord(v.chunk[at:]); last {
		return r, v.end, nil
	}
	return r, int64(parseRecord(v.chunk[at+recordBytes:]).offset), nil
}

// load reads a chunk of the table, and the record behind it.
func (v *view) load(number uint32) error {
	if v.chunk != nil && v.loaded == number {
		return nil
	}
	first := number * chunkRecords
	n := min(chunkRecords+1, v.header.records-first)
	v.chunk = slices.Grow(v.chunk[:0], int(n)*recordBytes)[:int(n)*recordBytes]
	if _, err := v.file.ReadAt(v.chunk, headerBytes+int64(first)*recordBytes); err != nil {
		return fmt.Errorf("audit catalog: %w", err)
	}
	v.loaded = number
	return nil
}

func parseRecord(b []byte) record {
	return record{binary.LittleEndian.Uint32(b), int64(binary.LittleEndian.Uint64(b[4:]))}
}
