package cache

import (
	"context"
	"io"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// Meta is what is known of an answer beside its body. It must not change once
// it has been given to the cache.
type Meta struct {
	Distribution delivery.DistributionID
	// URL is what invalidations call the answer: the path and, where the query
	// tells answers apart, a question mark and that query.
	URL string

	Status int
	// Header goes to every viewer. Content-Length is not in it.
	Header []Field
	// ETag and LastModified are the validators.
	ETag, LastModified string
	// Compressed says that the edge has compressed the body, and Weakened that
	// ETag is weak because of that: the origin's has no "W/".
	Compressed, Weakened bool
	// Origin is the id of the origin that gave the answer.
	Origin string
	// Generated says that a function gave the answer in the origin's place.
	Generated bool
	// Reason is set for errors that the edge makes itself; they have no body.
	Reason string

	// Stored is when the answer came, or was last found unchanged.
	Stored time.Time
	// Expires is when the answer ceases to be fresh.
	Expires time.Time
	// HoldUntil is until when a stale answer is given out unasked because the
	// origin has just failed. Zero: not at all.
	HoldUntil time.Time
	// StaleWhileRevalidate and StaleIfError count from Expires. Negative: the
	// origin did not say.
	StaleWhileRevalidate, StaleIfError time.Duration
}

// Fresh reports whether the answer may be given out without asking the origin. An
// answer that lives for no time never may, although it can be younger than the
// request that asks.
func (m *Meta) Fresh(at time.Time) bool {
	return m.Stored.Before(m.Expires) && at.Before(m.Expires) || at.Before(m.HoldUntil)
}

// Field is a header field with all its values, named canonically.
type Field struct {
	Name   string
	Values []string
}

// entryOverhead is what an entry takes beside its strings: its own struct, the
// tiers' nodes, the slots in their hash tables.
const entryOverhead = 768

func (m *Meta) weight() int64 {
	n := entryOverhead + len(m.URL) + len(m.ETag) + len(m.LastModified) + len(m.Reason)
	for i := range m.Header {
		n += 64 + len(m.Header[i].Name)
		for _, v := range m.Header[i].Values {
			n += 16 + len(v)
		}
	}
	return int64(n)
}

// Entry is a complete answer. It is immutable.
type Entry struct {
	Meta
	// Size is the length of the body in bytes.
	Size int64

	key    Key
	serial uint64 // tells contents apart; a promoted copy has its original's
	// born is the newest invalidation that is known not to name this entry.
	born atomic.Uint64
	body []byte // nil if only the file has it
	file *file  // nil if only memory has it
	disk *disk

	length [1]string
}

// sized returns e after its size and content are set.
func (e *Entry) sized() *Entry {
	e.length[0] = strconv.FormatInt(e.Size, 10)
	return e
}

// ContentLength is Size as the value of a header field. It does not allocate.
func (e *Entry) ContentLength() []string { return e.length[:] }

func (e *Entry) weight() int64 { return e.Meta.weight() + int64(cap(e.body)) }

// Open returns the body. An error means that the file is gone: the entry may
// have been evicted since, or somebody cleared the folder.
func (e *Entry) Open() (*Content, error) {
	if e.body != nil || e.Size == 0 {
		return &Content{body: e.body}, nil
	}
	f, err := e.disk.root.Open(e.file.name)
	if err != nil {
		return nil, err
	}
	return &Content{file: f}, nil
}

// read returns the body from its file.
func (e *Entry) read() ([]byte, error) {
	content, err := e.Open()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	body := make([]byte, e.Size)
	_, err = io.ReadFull(content.file, body)
	return body, err
}

// InMemory returns the body if it lies in memory.
func (e *Entry) InMemory() ([]byte, bool) { return e.body, e.body != nil || e.Size == 0 }

// Content is an open body, for one reader.
type Content struct {
	body []byte
	file *os.File
	at   int64 // where file stands
}

// NewContent returns an open body that lies in memory.
func NewContent(body []byte) *Content { return &Content{body: body} }

// Close releases the body.
func (c *Content) Close() error {
	if c.file == nil {
		return nil
	}
	return c.file.Close()
}

// sliceBytes is how much of a file goes out in one call. A writer with deadlines
// can set a new one between two.
const sliceBytes = 1 << 20

// CopyRange writes n bytes from off on to w. A file is handed to w's ReadFrom,
// if it has one, so that a network connection can use sendfile.
func (c *Content) CopyRange(_ context.Context, w io.Writer, off, n int64) error {
	if c.file == nil {
		_, err := w.Write(c.body[off : off+n])
		return err
	}
	if off != c.at {
		if _, err := c.file.Seek(off, io.SeekStart); err != nil {
			return err
		}
		c.at = off
	}
	for n > 0 {
		did, err := io.CopyN(w, c.file, min(n, sliceBytes))
		c.at += did
		n -= did
		if err != nil {
			return err
		}
	}
	return nil
}
