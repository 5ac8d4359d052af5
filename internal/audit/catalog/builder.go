package catalog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"

	"github.com/keyfront-project/keyfront/internal/audit"
)

// builder indexes one file of the log.
type builder struct {
	segment  audit.Segment
	records  []record
	postings map[uint64][]uint32 // numbers in records, ascending, by term
	end      int64               // of the last record
	oldest   int64
	newest   int64
}

// record is where a record begins and when it was made.
type record struct {
	offset uint32
	second int64
}

func newBuilder(s audit.Segment) *builder {
	return &builder{segment: s, postings: map[uint64][]uint32{}, oldest: math.MaxInt64, newest: math.MinInt64}
}

// follow takes in what was acknowledged since.
func (b *builder) follow(ctx context.Context, cfg *Config) error {
	next := cfg.Next()
	if b.segment.First+uint64(len(b.records)) >= next {
		return nil
	}
	for line, err := range cfg.Log.Lines(b.segment, b.end) {
		if err != nil {
			return err
		}
		if line.Seq >= next {
			return nil
		}
		if len(b.records)%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		e, err := audit.Parse(line.Text)
		if err != nil {
			return fmt.Errorf("audit catalog: %s: %w", b.segment.Name, err)
		}
		if line.Offset > math.MaxUint32 || len(b.records) >= math.MaxUint32 {
			return fmt.Errorf("audit catalog: %s is too large", b.segment.Name)
		}
		b.add(e, line.Offset, cfg)
		b.end = line.End()
	}
	return nil
}

func (b *builder) add(e *audit.Entry, offset int64, cfg *Config) {
	number, second := uint32(len(b.records)), e.Time.Unix()
	b.records = append(b.records, record{uint32(offset), second})
	b.oldest, b.newest = min(b.oldest, second), max(b.newest, second)
	cfg.Terms(e, func(term string) {
		h := hash(term)
		list := b.postings[h]
		if len(list) == 0 || list[len(list)-1] != number {
			b.postings[h] = append(list, number)
		}
	})
}

// hash is FNV-1a of 64 bits. The files depend on it.
func hash(term string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(term) {
		h = (h ^ uint64(term[i])) * 1099511628211
	}
	return h
}

// block is the index as far as it has come. It must be used before the next
// record is added.
func (b *builder) block() *block {
	return &block{
		first: b.segment.First, records: uint32(len(b.records)), oldest: b.oldest, newest: b.newest, end: b.end,
		memory: &memory{b.records, b.postings},
	}
}

// write makes the file of a segment that is full, and replaces one of another
// version. It is durable before it has its name.
func (b *builder) write(dir *os.Root, version string) (err error) {
	name := fileName(b.segment)
	out := make([]byte, headerBytes, headerBytes+len(b.records)*recordBytes+len(b.postings)*(termBytes+4))
	for _, r := range b.records {
		out = binary.LittleEndian.AppendUint32(out, r.offset)
		out = binary.LittleEndian.AppendUint64(out, uint64(r.second))
	}
	for _, s := range spansOf(b.records) {
		out = binary.LittleEndian.AppendUint64(out, uint64(s.oldest))
		out = binary.LittleEndian.AppendUint64(out, uint64(s.newest))
	}
	hashes := slices.Sorted(maps.Keys(b.postings))
	var postings []byte
	for _, h := range hashes {
		out = binary.LittleEndian.AppendUint64(out, h)
		out = binary.LittleEndian.AppendUint32(out, uint32(len(postings)))
		out = binary.LittleEndian.AppendUint32(out, uint32(len(b.postings[h])))
		at := uint32(0)
		for _, n := range b.postings[h] {
			postings = binary.AppendUvarint(postings, uint64(n-at))
			at = n
		}
	}
	if len(postings) > math.MaxUint32 {
		return fmt.Errorf("audit catalog: the index of %s is too large", b.segment.Name)
	}
	out = append(out, postings...)
	header{
		version: hash(version), first: b.segment.First, records: uint32(len(b.records)), terms: uint32(len(hashes)),
		postings: uint32(len(postings)), oldest: b.oldest, newest: b.newest, end: b.end,
	}.put(out)

	// A command and a server may make the same file at the same time.
	unready := name + "." + strconv.Itoa(os.Getpid()) + ".new"
	f, err := dir.OpenFile(unready, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("audit catalog: %w", err)
	}
	_, err = f.Write(out)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = dir.Rename(unready, name)
	}
	if err != nil {
		return fmt.Errorf("audit catalog: %w", errors.Join(err, dir.Remove(unready)))
	}
	return nil
}
