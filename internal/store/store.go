// Package store is what Keyfront keeps: ordered, transactional records and
// immutable blobs. It holds the two contracts; the engines live below it
// (memory, sqlite, dir) and all pass the suite in store/storetest. Engines that
// keep files do so in a Folder, which one process at a time can hold.
//
// The package knows nothing of what is stored. Domain packages own their key
// layout, encode versioned values, and keep their indexes as explicit keys.
package store

import (
	"context"
	"errors"
	"fmt"
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
	// ErrFull says that there was no room for a write. The store goes on: reads
	// work, and so do writes once there is room.
	ErrFull = errors.New("store: no space left")
	// ErrUncertain says that the store failed while it committed and could not
	// find out whether the change holds. It may show now, later, or never; who
	// must know reads again. It is rare: engines settle the question themselves
	// whenever they can still write.
	ErrUncertain = errors.New("store: outcome of the commit is unknown")
	// ErrName says that a blob's name breaks the rule at Blobs.
	ErrName = errors.New("store: bad blob name")
)

// Space names one key space of Records; it is not empty. Each domain package owns
// its spaces, for instance "kms.key" or "s3.object".
type Space string

// Records is an ordered, transactional key space, divided into Spaces. Keys are
// any bytes, the empty string included, and order by their bytes. Every engine
// takes keys of MaxKeyBytes and values of MaxValueBytes; what is larger belongs
// into Blobs. All methods may be called concurrently.
//
// In View and Update, fn runs on the caller's goroutine and gets a tx that is for
// that goroutine alone and dead once fn returns. fn must not call the methods of
// Records: it would wait for itself. When a method of tx fails with anything but
// ErrNotFound, the whole transaction fails, whatever fn returns. A ctx that ends
// before the commit begins fails the transaction with its error; from then on the
// store sees it through. A panic in fn rolls back and goes on to the caller.
type Records interface {
	// View runs fn against one consistent snapshot, which holds at least every
	// Update that returned before View was called.
	View(ctx context.Context, fn func(tx Reader) error) error

	// Update runs fn in a serialisable transaction and commits it when fn
	// returns nil. When Update returns nil the change has survived a power
	// loss; when it returns an error, nothing of it is visible, now or after
	// a crash, unless the error is ErrUncertain. An error of fn is returned as
	// it is. fn may run more than once and must have no effect but on tx.
	Update(ctx context.Context, fn func(tx Writer) error) error

	// Changes returns the change counter of a space: it grows with every
	// committed Update that wrote there, on whichever node, and never falls. A
	// View that begins after Changes returned sees every change it counted.
	Changes(ctx context.Context, space Space) (uint64, error)

	// Close waits for running transactions and releases the store. Calls that
	// come later return ErrClosed; a second Close returns nil.
	Close() error
}

const (
	// MaxKeyBytes is the length of the longest key that every engine takes.
	MaxKeyBytes = 4 << 10
	// MaxValueBytes is the length of the longest value that every engine takes.
	MaxValueBytes = 8 << 20
)

// Reader reads records inside one transaction.
type Reader interface {
	// Get returns the value of key, or ErrNotFound. The caller owns the slice.
	Get(space Space, key string) ([]byte, error)

	// Scan walks the records of r in order. A failure is yielded once, last.
	// Breaking off early is cheap, so a caller may skip ahead by a new Scan.
	// Scans may be nested. In an Update, fn may write while it scans: changing
	// what the Scan has already yielded is safe; whether it meets what was
	// written ahead of it is open.
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

// MaxNameBytes is the length of the longest blob name.
const MaxNameBytes = 200

// Blobs holds named, immutable byte strings. A name is 1 to MaxNameBytes
// characters of [a-z0-9/-], made by us and never by a client; other names get
// ErrName. All methods may be called concurrently.
type Blobs interface {
	// Create starts a new blob. It is invisible until Commit, and a crash leaves
	// nothing of it that could be opened or listed.
	Create(ctx context.Context, name string) (BlobWriter, error)

	// Open opens a committed blob, or returns ErrNotFound. A blob that is
	// deleted while it is open stays readable through the open handle.
	Open(ctx context.Context, name string) (Blob, error)

	// Delete removes a blob; an absent one is no error. A power loss may bring
	// it back, whole: the owner of the names sweeps blobs that no record names.
	Delete(ctx context.Context, name string) error

	// List walks committed blobs with the prefix, in byte order of names. A
	// failure is yielded once, last. A blob that is committed or deleted during
	// the walk may or may not be listed; every other one is, once.
	List(ctx context.Context, prefix string) iter.Seq2[BlobInfo, error]

	// Close releases the store. Uncommitted blobs are gone and their writers
	// return ErrClosed, as every later call does; open Blobs stay readable. A
	// second Close returns nil.
	Close() error
}

// CheckName returns an error that wraps ErrName unless name can name a blob.
func CheckName(name string) error {
	if len(name) == 0 || len(name) > MaxNameBytes {
		return fmt.Errorf("%w: %d bytes, want 1 to %d", ErrName, len(name), MaxNameBytes)
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '/', c == '-':
		default:
			return fmt.Errorf("%w: %q", ErrName, name)
		}
	}
	return nil
}

// BlobWriter receives the bytes of one blob; it is for one goroutine. Exactly one
// of Commit and Abort ends it; Abort after Commit does nothing, so it may be
// deferred. After a failed Write, Commit fails too.
type BlobWriter interface {
	io.Writer
	// Commit makes the blob visible and durable: after nil it has survived a
	// power loss, name and all. It returns ErrExists if the name was taken.
	// After an error none of the bytes is visible and their space is given
	// back, unless the error is ErrUncertain.
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
