package cache

import (
	"context"
	"io"
	"math"
	"sync"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// flightShards spreads the fills under way over several locks.
const flightShards = 16

type flightShard struct {
	mu    sync.Mutex
	fills map[Key]*Fill
}

func (c *Cache) shard(key Key) *flightShard { return &c.flights[key[0]%flightShards] }

// Join begins to read the answer for key that is under way, or begins a fill.
// In the second case lead is that fill, and the caller must have it seen
// through. kept is set instead of both if an answer other than seen, which may
// be nil, has come into the cache meanwhile.
//
// id and url are as in Meta.
func (c *Cache) Join(key Key, id delivery.DistributionID, url string, seen *Entry) (r *Reader, lead *Fill, kept *Entry) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.fills[key]; ok {
		if r := f.attach(false); r != nil {
			return r, nil, nil
		}
	}
	if now := c.peek(key); now != nil && (seen == nil || now.serial != seen.serial) {
		return nil, nil, now
	}
	lead = c.newFill(key, id, url)
	lead.listed = true
	s.fills[key] = lead
	return lead.attach(true), lead, nil
}

// Alone is Join for answers that must not be waited for together.
func (c *Cache) Alone(key Key, id delivery.DistributionID, url string) (*Reader, *Fill) {
	f := c.newFill(key, id, url)
	return f.attach(true), f
}

// Renew begins a fill that needs no reader, to replace seen. It returns nil if
// one is under way, or something else than seen is in the cache.
func (c *Cache) Renew(key Key, id delivery.DistributionID, url string, seen *Entry) *Fill {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.fills[key]; ok {
		return nil
	}
	if now := c.peek(key); now == nil || now.serial != seen.serial {
		return nil
	}
	f := c.newFill(key, id, url)
	f.listed, f.unmanned = true, true
	s.fills[key] = f
	return f
}

// land takes a fill out of those that can be joined.
func (c *Cache) land(f *Fill) {
	if !f.listed {
		return
	}
	s := c.shard(f.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fills[f.key] == f {
		delete(s.fills, f.key)
	}
}

// dismiss takes the fills out that an invalidation names and that began before it.
func (s *flightShard) dismiss(id delivery.DistributionID, m *matcher, seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, f := range s.fills {
		if f.id == id && f.born < seq && m.names(f.url) {
			delete(s.fills, key)
		}
	}
}

// Reader is one viewer's view of a Fill. It is for one goroutine.
type Reader struct {
	f     *Fill
	first bool  // began the fill
	at    int64 // has what is before; under f.mu
}

// attach adds a reader, or returns nil if it would come too late.
func (f *Fill) attach(first bool) *Reader {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.passing || f.abandoned || f.head != nil && !f.shared {
		return nil
	}
	r := &Reader{f: f, first: first}
	f.readers[r] = struct{}{}
	return r
}

// lingerBytes is how much of a body is still fetched when its last reader has
// left: one that asked for a part, or only for whether it changed.
const lingerBytes = 1 << 20

// Close ends reading. The last reader's Close ends a fill under way, unless it
// has almost all of an answer to keep.
func (r *Reader) Close() {
	f := r.f
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.readers, r)
	f.closeLocked()
	if f.passing {
		f.wakeLocked()
	}
	almost := f.keep && f.length >= 0 && f.length-f.base-int64(len(f.buf)) <= lingerBytes
	if len(f.readers) == 0 && !f.done && !f.unmanned && !almost {
		f.abandoned = true
		f.cancel(ErrAbandoned)
	}
}

// Head is the beginning of an answer.
type Head struct {
	// Entry is set if the answer is an entry; then nothing else is.
	Entry *Entry
	Meta  *Meta
	// Length is the length of the body, or -1 if it is not known yet.
	Length int64
}

// Head waits for the answer's head. The error is ErrNotShared, the filler's, or
// says why ctx ended.
func (r *Reader) Head(ctx context.Context) (Head, error) {
	f := r.f
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.resolved != nil:
			return Head{Entry: f.resolved}, nil
		case f.head != nil && !f.shared && !r.first:
			return Head{}, ErrNotShared
		case f.head != nil:
			h := Head{Meta: f.head, Length: f.length}
			if f.done && f.err == nil {
				h.Length = f.base + int64(len(f.buf))
			}
			return h, nil
		case f.done:
			return Head{}, f.err
		}
		changed := f.changedLocked()
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			f.mu.Lock()
			return Head{}, context.Cause(ctx)
		case <-changed:
		}
		f.mu.Lock()
	}
}

// First reports whether this reader's Join began the fill.
func (r *Reader) First() bool { return r.first }

// Arrived is how much of the body is there.
func (r *Reader) Arrived() int64 {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	return r.f.base + int64(len(r.f.buf))
}

// CopyRange writes n bytes of the body from off on to w as they arrive, or all
// to the end if n is negative. Calls must go forward through the body. Before it
// waits for the origin it calls w's Flush, if there is one. The error is w's,
// the filler's, io.ErrUnexpectedEOF if the body is too short, or says why ctx ended.
func (r *Reader) CopyRange(ctx context.Context, w io.Writer, off, n int64) error {
	f := r.f
	end := int64(math.MaxInt64)
	if n >= 0 {
		end = off + n
	}
	for r.advance(off); off < end; r.advance(off) {
		f.mu.Lock()
		arrived := f.base + int64(len(f.buf))
		switch {
		case off < f.base && f.file != nil:
			file, until := f.file, min(end, f.base)
			f.mu.Unlock()
			did, err := copyFrom(w, file, off, until-off)
			if off += did; err != nil {
				return err
			}
		case off >= f.base && off < arrived:
			p := f.buf[off-f.base : min(end, arrived)-f.base]
			f.mu.Unlock()
			did, err := w.Write(p)
			if off += int64(did); err != nil {
				return err
			}
		case f.done:
			err := f.err
			f.mu.Unlock()
			if err == nil && n >= 0 {
				return io.ErrUnexpectedEOF
			}
			return err
		default:
			changed := f.changedLocked()
			f.mu.Unlock()
			if b, ok := w.(interface{ Flush() error }); ok {
				if err := b.Flush(); err != nil {
					return err
				}
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-changed:
			}
		}
	}
	return nil
}

// advance notes that the reader has what is before off.
func (r *Reader) advance(off int64) {
	r.f.mu.Lock()
	r.at = off
	if r.f.passing {
		r.f.wakeLocked()
	}
	r.f.mu.Unlock()
}

// copyFrom writes n bytes of a file that others read as well.
func copyFrom(w io.Writer, file io.ReaderAt, off, n int64) (int64, error) {
	piece := pieces.Get().(*[pieceBytes]byte)
	defer pieces.Put(piece)
	var did int64
	for did < n {
		got, err := file.ReadAt(piece[:min(n-did, pieceBytes)], off+did)
		if got > 0 {
			wrote, err := w.Write(piece[:got])
			if did += int64(wrote); err != nil {
				return did, err
			}
			continue
		}
		if err != nil {
			return did, err
		}
	}
	return did, nil
}
