package cache

import (
	"encoding/binary"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// record is one entry as the index has it.
type record struct {
	key Key
	Meta
	size int64
	// name is that of the body's file, which was changed last at modified, in
	// nanoseconds of Unix time. Without one the body stands in the index.
	name     string
	modified int64
	body     []byte
}

// append appends what stands before the body. docs/spec/edgecache.md names the
// members in this order.
func (r *record) append(b []byte) []byte {
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	number := func(n int64) { b = binary.AppendVarint(b, n) }
	moment := func(t time.Time) {
		if t.IsZero() {
			number(0)
			number(-1)
			return
		}
		number(t.Unix())
		number(int64(t.Nanosecond()))
	}
	flag := func(set bool) {
		if set {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	b = append(b, r.key[:]...)
	text(string(r.Distribution))
	text(r.URL)
	number(int64(r.Status))
	number(int64(len(r.Header)))
	for _, f := range r.Header {
		text(f.Name)
		number(int64(len(f.Values)))
		for _, v := range f.Values {
			text(v)
		}
	}
	text(r.ETag)
	text(r.LastModified)
	flag(r.Compressed)
	flag(r.Weakened)
	text(r.Origin)
	flag(r.Generated)
	moment(r.Stored)
	moment(r.Expires)
	moment(r.HoldUntil)
	number(int64(r.StaleWhileRevalidate))
	number(int64(r.StaleIfError))
	number(r.size)
	text(r.name)
	number(r.modified)
	return b
}

// parser reads what append wrote. After a failure it reads zeros.
type parser struct {
	b      []byte
	failed bool
}

func (p *parser) take(n uint64) []byte {
	if p.failed || n > uint64(len(p.b)) {
		p.failed = true
		return nil
	}
	out := p.b[:n]
	p.b = p.b[n:]
	return out
}

func (p *parser) text() string {
	n, used := binary.Uvarint(p.b)
	if used <= 0 {
		p.failed = true
		return ""
	}
	p.b = p.b[used:]
	return string(p.take(n))
}

func (p *parser) number() int64 {
	n, used := binary.Varint(p.b)
	if used <= 0 {
		p.failed = true
		return 0
	}
	p.b = p.b[used:]
	return n
}

// count is a number of things of at least one byte each.
func (p *parser) count() int {
	n := p.number()
	if n < 0 || n > int64(len(p.b)) {
		p.failed = true
		return 0
	}
	return int(n)
}

func (p *parser) flag() bool {
	b := p.take(1)
	return len(b) == 1 && b[0] == 1
}

func (p *parser) moment() time.Time {
	seconds, nanos := p.number(), p.number()
	if nanos < 0 {
		return time.Time{}
	}
	return time.Unix(seconds, nanos).UTC()
}

func parseRecord(b []byte) (r record, ok bool) {
	p := &parser{b: b}
	copy(r.key[:], p.take(KeyBytes))
	r.Distribution = delivery.DistributionID(p.text())
	r.URL = p.text()
	r.Status = int(p.number())
	for range p.count() {
		f := Field{Name: p.text()}
		for range p.count() {
			f.Values = append(f.Values, p.text())
		}
		r.Header = append(r.Header, f)
	}
	r.ETag, r.LastModified = p.text(), p.text()
	r.Compressed, r.Weakened = p.flag(), p.flag()
	r.Origin, r.Generated = p.text(), p.flag()
	r.Stored, r.Expires, r.HoldUntil = p.moment(), p.moment(), p.moment()
	r.StaleWhileRevalidate, r.StaleIfError = time.Duration(p.number()), time.Duration(p.number())
	r.size, r.name, r.modified = p.number(), p.text(), p.number()
	return r, !p.failed && len(p.b) == 0 && r.size >= 0
}
