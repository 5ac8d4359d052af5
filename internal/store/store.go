// Package store is what Keyfront keeps: ordered, transactional records and
// immutable blobs. It holds the two contracts; the engines live below it
// (memory, sqlite, dir) and all pass the suite in store/storetest.
//
// The package knows nothing of what is stored. Domain packages own their key
// layout, encode versioned values, and keep their indexes as explicit keys.
package store

import (
	"context"
	"errors"
	"io"
	"iter"
)

var (
	// ErrNotFound says that no record or blob has the name that was asked for.
	ErrNotFound = errors.New("store: not found")
	// ErrExists says that a blob of that name was already committed.
	ErrExists = errors.New("store: blob exists")
	// ErrClosed says that the store was closed before or during the call.
	ErrClosed = errors.New("store: closed")
	// ErrLocked says that another process has the store open.
	ErrLocked = errors.New("store: in use by another process")
)

// Space names one key space of Records. Each domain package owns its spaces,
// for instance "kms.key" or "s3.object".
type Space string

// Records is an ordered, transactional key space, divided into Spaces. Keys
// order by their bytes. All methods may be called concurrently.
type Records interface {
	// View runs fn against one consistent snapshot. fn must not keep tx.
	View(ctx context.Context, fn func(tx Reader) error) error

	// Update runs fn in a serialisable transaction and commits it when fn
	// returns nil. When Update returns nil the change has survived a power
	// loss; when it returns an error, nothing of it is visible, now or after
	// a crash. fn may run more than once and must have no effect but on tx.
	Update(ctx context.Context, fn func(tx Writer) error) error

	// Changes returns the change counter of a space: it grows with every
	// committed Update that wrote there, on whichever node.
	Changes(ctx context.Context, space Space) (uint64, error)

	// Close waits for running transactions and releases the store.
	Close() error
}

// Reader reads records inside one transaction.
type Reader interface {
	// Get returns the value of key, or ErrNotFound. The caller owns the slice.
	Get(space Space, key string) ([]byte, error)

	// Scan walks the records of r in order. A failure is yielded once, last.
	// Breaking off early is cheap, so a caller may skip ahead by a new Scan.
	Scan(space Space, r Range) iter.Seq2[Record, error]
}

// Writer also writes. Later reads in the same transaction see its writes.
type Writer interface {
	Reader
	// Put creates or replaces a record. The store does not keep value.
	Put(space Space, key string, value []byte) error
	// Delete removes a record; an absent one is no error.
	Delete(space Space, key string) error
}

// Record is one key and its value. A Scan's consumer owns Value.
type Record struct {
	Key   string
	Value []byte
}

// Range is the half-open interval of keys [From, To); an empty To is no bound.
type Range struct {
	From, To string
	// Reverse walks from the last key to the first.
	Reverse bool
}

// Prefix is the Range of every key that begins with p.
func Prefix(p string) Range {
	return Range{From: p, To: prefixEnd(p)}
}

// After is the part of r that comes after key, in ascending order.
func (r Range) After(key string) Range {
	if next := key + "\x00"; next > r.From {
		r.From = next
	}
	return r
}

// prefixEnd is the smallest string above every string with prefix p, or "" if
// there is none.
func prefixEnd(p string) string {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] < 0xff {
			return p[:i] + string([]byte{p[i] + 1})
		}
	}
	return ""
}

// Blobs holds named, immutable byte strings. A name is 1 to 200 characters of
// [a-z0-9/-], made by us and never by a client. All methods may be called
// concurrently.
type Blobs interface {
	// Create starts a new blob. It is invisible until Commit returns nil.
	Create(ctx context.Context, name string) (BlobWriter, error)

	// Open opens a committed blob, or returns ErrNotFound. A blob that is
	// deleted while it is open stays readable through the open handle.
	Open(ctx context.Context, name string) (Blob, error)

	// Delete removes a blob; an absent one is no error.
	Delete(ctx context.Context, name string) error

	// List walks committed blobs with the prefix, in byte order of names.
	List(ctx context.Context, prefix string) iter.Seq2[BlobInfo, error]

	// Close releases the store. Uncommitted blobs are gone.
	Close() error
}

// BlobWriter receives the bytes of one blob. Exactly one of Commit and Abort
// ends it; Abort after Commit does nothing, so it may be deferred.
type BlobWriter interface {
	io.Writer
	// Commit makes the blob visible and durable: after nil it has survived a
	// power loss, name and all. It returns ErrExists if the name was taken.
	Commit(ctx context.Context) error
	// Abort discards the bytes and gives their space back.
	Abort() error
}

// Blob reads a committed blob at any offset, concurrently.
type Blob interface {
	io.ReaderAt
	io.Closer
	SizeBytes() int64
}

// BlobInfo describes a committed blob.
type BlobInfo struct {
	Name      string
	SizeBytes int64
}
