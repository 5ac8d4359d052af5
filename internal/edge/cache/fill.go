package cache

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

var (
	// ErrNotShared is what readers of a fill get whose answer belongs to the
	// one who began it: each has to ask the origin itself.
	ErrNotShared = errors.New("cache: answer is not shared")
	// ErrAbandoned is why a fill's context ends when its last reader has left.
	ErrAbandoned = errors.New("cache: no reader is left")
)

// Fill is an answer that is arriving. One goroutine, the filler, sees it through:
//
//	Start, then ReadBody, then Finish     an answer with a body
//	Resolve                               an answer that is an entry already
//	Fail                                  at any time: there is no answer, or its end is missing
//
// Any number of readers follow. The body grows in one of three ways, and changes
// to the next when it must:
//
//	in memory    all of it, up to what memory has for one body
//	in a file    all of it, up to what the disk has for one body
//	passing by   one piece at a time: the next is read when every reader has had
//	             this one. Nobody can join any more, and nothing is kept
//
// So a slow reader holds up the others only where an answer is neither kept nor
// would fit.
type Fill struct {
	cache  *Cache
	key    Key
	url    string
	id     delivery.DistributionID
	born   uint64
	listed bool // in a flightShard

	ctx    context.Context
	cancel context.CancelCauseFunc

	mu        sync.Mutex
	changed   chan struct{} // closed at the next change; nil until somebody waits
	readers   map[*Reader]struct{}
	unmanned  bool // goes on without readers
	head      *Meta
	length    int64 // as announced, or -1
	shared    bool
	resolved  *Entry
	passing   bool
	buf       []byte // bytes [base, base+len(buf)); only the filler appends
	base      int64
	file      *os.File // bytes [0, base) once there is one, or as many as were written
	done      bool
	err       error
	body      *file // what file is in the disk's books
	budget    int64 // taken from Cache.fillBytes
	keep      bool
	abandoned bool
}

func (c *Cache) newFill(key Key, id delivery.DistributionID, url string) *Fill {
	f := &Fill{cache: c, key: key, id: id, url: url, born: c.history.seq.Load(), readers: make(map[*Reader]struct{}, 1)}
	f.ctx, f.cancel = context.WithCancelCause(c.ctx)
	return f
}

// Context ends when the last reader has left, and with the cache.
func (f *Fill) Context() context.Context { return f.ctx }

// wakeLocked tells everybody who waits that something changed.
func (f *Fill) wakeLocked() {
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// changedLocked returns a channel that is closed at the next change.
func (f *Fill) changedLocked() <-chan struct{} {
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return f.changed
}

// Answer says what is known of an answer when its head arrives.
type Answer struct {
	Meta
	// Length is the length of the body, or -1 if the origin did not say.
	Length int64
	// Keep says that the answer goes into the cache when it is complete.
	Keep bool
	// Shared says that all readers may have it, not only the one who began.
	Shared bool
}

// Start makes the answer's head known to the readers.
func (f *Fill) Start(a Answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.head, f.length, f.shared, f.keep = &a.Meta, a.Length, a.Shared, a.Keep
	if !f.keep {
		f.passLocked()
	}
	f.wakeLocked()
}

// Resolve ends the fill with an entry: one that Refresh returned.
func (f *Fill) Resolve(e *Entry) {
	f.finish(func() { f.resolved = e })
}

// Refresh keeps the body of old under a new Meta, for an origin that said that
// it is unchanged, or nothing at all. It returns nil if that body is no longer
// to be had or an invalidation names it: then the filler has to ask the origin
// for the whole.
func (f *Fill) Refresh(old *Entry, m Meta) *Entry {
	e := &Entry{Meta: m, Size: old.Size, key: f.key, serial: f.cache.serial.Add(1), body: old.body, file: old.file, disk: old.disk}
	e.sized().born.Store(old.born.Load())
	if !f.cache.refresh(old, e) {
		return nil
	}
	return e
}

// Keep stores an answer without a body, and returns it as an entry.
func (f *Fill) Keep(m Meta) *Entry {
	e := &Entry{Meta: m, key: f.key, serial: f.cache.serial.Add(1)}
	e.sized().born.Store(f.born)
	f.cache.insert(e)
	return e
}

// Fail ends the fill. Readers get err, after what has arrived of the body.
func (f *Fill) Fail(err error) {
	f.finish(func() { f.err = err })
}

// Finish ends the fill: the body has arrived whole, and goes into the cache if
// Answer.Keep said so.
func (f *Fill) Finish() {
	if e := f.entry(); e != nil {
		if f.cache.insert(e) {
			f.mu.Lock()
			f.body = nil // the entry's now
			f.mu.Unlock()
		}
	}
	f.finish(func() {})
}

// entry makes the entry of a body that has arrived whole, or nil.
func (f *Fill) entry() *Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.keep || f.passing {
		return nil
	}
	e := &Entry{Meta: *f.head, Size: f.base + int64(len(f.buf)), key: f.key, serial: f.cache.serial.Add(1)}
	e.sized().born.Store(f.born)
	if f.file != nil {
		e.file, e.disk = f.body, f.cache.disk
		return e
	}
	if cap(f.buf) > len(f.buf)+len(f.buf)/8 {
		f.buf = append(make([]byte, 0, len(f.buf)), f.buf...)
	}
	e.body = f.buf
	return e
}

// finish ends the fill and releases what nobody needs any more. What it tells
// the readers goes in under the lock.
func (f *Fill) finish(tell func()) {
	f.cache.land(f)
	f.mu.Lock()
	tell()
	f.done = true
	f.wakeLocked()
	f.cache.fillBytes.Add(-f.budget)
	f.budget = 0
	lost := f.body
	f.body = nil
	f.closeLocked()
	f.mu.Unlock()
	if lost != nil {
		f.cache.disk.unlink([]*file{lost})
	}
	f.cancel(nil)
}

// closeLocked closes the file once neither filler nor readers need it.
func (f *Fill) closeLocked() {
	if f.done && len(f.readers) == 0 && f.file != nil {
		_ = f.file.Close() // it was only read, or is lost anyway
		f.file = nil
	}
}

const (
	// firstBytes is what a body of unknown length gets in memory at first.
	firstBytes = 16 << 10
	// pieceBytes is how much is read at once into a file or for passing by.
	pieceBytes = 64 << 10
)

var pieces = sync.Pool{New: func() any { return new([pieceBytes]byte) }}

// errFull is why one of the ways for a body to grow gives way to the next.
var errFull = errors.New("cache: no room for the body")

// errTooLong means that a body goes on behind its announced end.
var errTooLong = errors.New("cache: body is longer than announced")

// ReadBody reads the body to its end, and makes what arrives available to the
// readers at once. The error is body's, or says why the fill's context ended.
func (f *Fill) ReadBody(body io.Reader) error {
	err := errFull
	if f.keep && f.length <= f.cache.limits.memoryBody {
		err = f.readIntoMemory(body)
	}
	if err == errFull && f.keep && f.spill() {
		err = f.readIntoFile(body)
	}
	if err == errFull {
		err = f.readPassing(body)
	}
	if err == io.EOF {
		return nil
	}
	return err
}

func (f *Fill) readIntoMemory(body io.Reader) error {
	for f.ctx.Err() == nil {
		if len(f.buf) == cap(f.buf) {
			if f.length == int64(len(f.buf)) {
				return readEnd(body)
			}
			if !f.grow() {
				return errFull
			}
		}
		n, err := body.Read(f.buf[len(f.buf):cap(f.buf)])
		f.publish(func() { f.buf = f.buf[:len(f.buf)+n] })
		if err != nil {
			return err
		}
	}
	return context.Cause(f.ctx)
}

// readEnd reads what comes after the announced length: nothing, but an end.
func readEnd(body io.Reader) error {
	var more [1]byte
	n, err := io.ReadFull(body, more[:])
	if n > 0 {
		return errTooLong
	}
	return err
}

func (f *Fill) readIntoFile(body io.Reader) error {
	piece := pieces.Get().(*[pieceBytes]byte)
	defer pieces.Put(piece)
	for f.ctx.Err() == nil {
		n, err := body.Read(piece[:])
		if n > 0 && !f.write(piece[:n]) {
			rest := append([]byte(nil), piece[:n]...)
			f.publish(func() { f.passLocked(); f.buf = rest })
			if err == nil {
				err = errFull
			}
		}
		if err != nil {
			return err
		}
	}
	return context.Cause(f.ctx)
}

// readPassing reads one piece while the readers have the other.
func (f *Fill) readPassing(body io.Reader) error {
	f.publish(f.passLocked)
	size := int64(pieceBytes)
	if f.length >= 0 {
		size = min(size, f.length+1)
	}
	next, spare := make([]byte, size), []byte(nil)
	for {
		n, err := body.Read(next)
		if n > 0 {
			if err := f.waitPassed(); err != nil {
				return err
			}
			f.publish(func() { f.base, f.buf = f.base+int64(len(f.buf)), next[:n] })
			if spare == nil {
				spare = make([]byte, size)
			}
			next, spare = spare, next
		}
		if err != nil {
			return err
		}
		if f.ctx.Err() != nil {
			return context.Cause(f.ctx)
		}
	}
}

// publish changes what the readers see.
func (f *Fill) publish(change func()) {
	f.mu.Lock()
	change()
	f.wakeLocked()
	f.mu.Unlock()
}

// grow makes room for more of the body in memory, and reports whether it could.
func (f *Fill) grow() bool {
	c := f.cache
	want := max(firstBytes, 2*int64(cap(f.buf)))
	if f.length >= 0 {
		want = max(f.length, int64(len(f.buf))+1)
	}
	want = min(want, c.limits.memoryBody)
	if want <= int64(len(f.buf)) {
		return false
	}
	// The old room goes only after the copy.
	if c.fillBytes.Add(want) > c.limits.fills {
		c.fillBytes.Add(-want)
		return false
	}
	next := make([]byte, len(f.buf), want)
	copy(next, f.buf)
	f.mu.Lock()
	c.fillBytes.Add(-f.budget)
	f.budget = want
	f.buf = next
	f.mu.Unlock()
	return true
}

// spill moves the body from memory to a file, and reports whether it could.
func (f *Fill) spill() bool {
	c := f.cache
	if c.disk == nil || f.length > c.limits.fileBody {
		return false
	}
	out, body, err := c.disk.create()
	if err != nil {
		c.log.Warn("cache file not made", slog.Any("err", err))
		return false
	}
	ok := c.disk.reserve(body, int64(len(f.buf)))
	if ok {
		if _, err = out.WriteAt(f.buf, 0); err != nil {
			c.log.Warn("cache file not written", slog.Any("err", err))
		}
	}
	if !ok || err != nil {
		_ = out.Close()
		c.disk.unlink([]*file{body})
		return false
	}
	f.publish(func() {
		f.file, f.body = out, body
		f.base, f.buf = int64(len(f.buf)), nil
		c.fillBytes.Add(-f.budget)
		f.budget = 0
	})
	return true
}

// write appends to the file, which then has all up to the base.
func (f *Fill) write(p []byte) bool {
	c := f.cache
	end := f.base + int64(len(p))
	if end > c.limits.fileBody || !c.disk.reserve(f.body, end) {
		return false
	}
	if _, err := f.file.WriteAt(p, f.base); err != nil {
		c.log.Warn("cache file not written", slog.Any("err", err))
		return false
	}
	f.publish(func() { f.base = end })
	return true
}

// passLocked lets the rest of the body pass by.
func (f *Fill) passLocked() {
	f.passing, f.keep = true, false
}

// waitPassed waits until no reader needs the current piece.
func (f *Fill) waitPassed() error {
	f.mu.Lock()
	for {
		end := f.base + int64(len(f.buf))
		behind := false
		for r := range f.readers {
			behind = behind || r.at < end
		}
		if !behind {
			f.mu.Unlock()
			return nil
		}
		changed := f.changedLocked()
		f.mu.Unlock()
		select {
		case <-f.ctx.Done():
			return context.Cause(f.ctx)
		case <-changed:
		}
		f.mu.Lock()
	}
}
