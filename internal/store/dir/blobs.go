// Package dir keeps blobs as files in the data folder of one process. The layout is
// docs/spec/folder.md.
//
// A blob is written to a file of its own in a folder for unfinished work, synced,
// linked under its final name, and the folder with that name synced. A crash
// before the link leaves a file that the next Open removes; after it, a whole blob.
// The link fails if the name is taken, so no blob is ever written over.
package dir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/keyfront-project/keyfront/internal/store"
)

const (
	rootName   = "blobs"  // in the data folder
	formatName = "format" // a file that says how to read the rest
	tempName   = "tmp"    // unfinished blobs
	format     = "keyfront blobs 1\n"

	// shards is the number of folders that blobs are spread over, so that none
	// becomes large: one for each value of the first byte of the SHA-256 of a name.
	shards = 256
)

// ErrNewer says that the folder was made by a newer release, which alone can read
// it.
var ErrNewer = errors.New("dir: blobs are in the format of a newer release")

// Blobs is a store.Blobs in a folder.
type Blobs struct {
	root   *os.Root
	shards shardSet

	gate   sync.RWMutex // held for reading by every call, for writing by Close
	closed bool         // guarded by gate

	created    atomic.Uint64 // writers so far, to name their files
	listWindow int           // names that List keeps in memory
	onStep     stepFunc      // of tests

	mu      sync.Mutex
	writers map[*blobWriter]bool // not yet ended
}

var _ store.Blobs = (*Blobs)(nil)

// shardSet is the folders for finished blobs.
type shardSet struct {
	mu   sync.Mutex
	made bool // all of them, and durable
}

// stepFunc does one step of a change to the disk for a test, or fails it, or kills
// the process before or after.
type stepFunc func(step string, do func() error) error

// Open opens the blobs in the folder, or makes an empty set, and removes what a
// crash left unfinished. It returns ErrNewer for blobs of a newer release. The
// folder must stay open until Close has returned.
func Open(folder *store.Folder) (*Blobs, error) { return open(folder, nil) }

func open(folder *store.Folder, onStep stepFunc) (*Blobs, error) {
	b := &Blobs{onStep: onStep, listWindow: 1 << 16, writers: make(map[*blobWriter]bool)}
	err := mkdir(folder.Root(), rootName)
	if err == nil {
		err = folder.Sync()
	}
	if err == nil {
		b.root, err = folder.Root().OpenRoot(rootName)
	}
	if err == nil {
		err = b.prepare()
	}
	if err != nil {
		if b.root != nil {
			b.root.Close()
		}
		return nil, wrap("open blobs", err)
	}
	return b, nil
}

// prepare makes the folder for unfinished blobs, or removes leftovers from it. The
// format is written last: without it, the folder was never used. Shards are made
// with the first blob, since many a server never has one.
func (b *Blobs) prepare() error {
	got, err := b.root.ReadFile(formatName)
	if err == nil && string(got) != format {
		return fmt.Errorf("%w: %.40q", ErrNewer, got)
	}
	if err == nil {
		return errors.Join(b.removeLeftovers(), b.findShards())
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := mkdir(b.root, tempName); err != nil {
		return err
	}
	f, err := b.root.OpenFile(tempName+"/"+formatName, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(format)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := b.root.Rename(tempName+"/"+formatName, formatName); err != nil {
		return err
	}
	return b.syncFolder(".")
}

// removeLeftovers empties the folder of unfinished blobs. A leftover that has its
// final name too is only unlinked here.
func (b *Blobs) removeLeftovers() error {
	d, err := b.root.Open(tempName)
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		names, err := d.Readdirnames(1000)
		for _, name := range names {
			if err := b.root.Remove(tempName + "/" + name); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// findShards looks whether the shards are there. They may have been made and not
// synced before a crash.
func (b *Blobs) findShards() error {
	found := 0
	for i := range shards {
		_, err := b.root.Lstat(shardName(byte(i)))
		switch {
		case err == nil:
			found++
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	b.shards.made = found == shards
	return b.syncFolder(".")
}

// makeShards makes the shards if need be, all at once: each would cost its first blob
// another sync. Other blobs wait until they are durable.
func (b *Blobs) makeShards() error {
	b.shards.mu.Lock()
	defer b.shards.mu.Unlock()
	if b.shards.made {
		return nil
	}
	err := b.do("make folders", func() error {
		for i := range shards {
			if err := mkdir(b.root, shardName(byte(i))); err != nil {
				return err
			}
		}
		return b.syncFolder(".")
	})
	b.shards.made = err == nil
	return err
}

func mkdir(root *os.Root, name string) error {
	if err := root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// syncFolder makes the names in a folder durable.
func (b *Blobs) syncFolder(name string) error {
	d, err := b.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// do does one step of a change to the disk.
func (b *Blobs) do(step string, do func() error) error {
	if b.onStep != nil {
		return b.onStep(step, do)
	}
	return do()
}

// shardOf is the number of the folder that holds the blob.
func shardOf(name string) byte { return sha256.Sum256([]byte(name))[0] }

func shardName(shard byte) string { return hex.EncodeToString([]byte{shard}) }

// pathOf is where the blob is below the root. The name's slash, which a file cannot
// have in its name, becomes an underscore, which no blob has.
func pathOf(name string) string {
	return shardName(shardOf(name)) + "/" + strings.ReplaceAll(name, "/", "_")
}

func nameOf(file string) string { return strings.ReplaceAll(file, "_", "/") }

// enter begins a call; the caller leaves by b.gate.RUnlock unless it fails.
func (b *Blobs) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.gate.RLock()
	if b.closed {
		b.gate.RUnlock()
		return store.ErrClosed
	}
	return nil
}

// wrap says what failed. A full disk gets its name.
func wrap(what string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("dir: %s: %w: %w", what, store.ErrFull, err)
	}
	return fmt.Errorf("dir: %s: %w", what, err)
}

// Open implements store.Blobs.
func (b *Blobs) Open(ctx context.Context, name string) (store.Blob, error) {
	if err := store.CheckName(name); err != nil {
		return nil, fmt.Errorf("dir: open blob: %w", err)
	}
	if err := b.enter(ctx); err != nil {
		return nil, err
	}
	defer b.gate.RUnlock()
	f, err := b.root.Open(pathOf(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("dir: open blob %s: %w", name, store.ErrNotFound)
	}
	if err != nil {
		return nil, wrap("open blob "+name, err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, wrap("open blob "+name, err)
	}
	return &blob{file: f, sizeBytes: info.Size()}, nil
}

// Delete implements store.Blobs. It does not sync the folder, which the contract
// allows: a sweep of many blobs would cost a sync each.
func (b *Blobs) Delete(ctx context.Context, name string) error {
	if err := store.CheckName(name); err != nil {
		return fmt.Errorf("dir: delete blob: %w", err)
	}
	if err := b.enter(ctx); err != nil {
		return err
	}
	defer b.gate.RUnlock()
	err := b.do("delete", func() error { return b.root.Remove(pathOf(name)) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return wrap("delete blob "+name, err)
	}
	return nil
}

// Close implements store.Blobs.
func (b *Blobs) Close() error {
	b.gate.Lock()
	defer b.gate.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	var errs []error
	for w := range b.writers {
		errs = append(errs, w.discard())
	}
	return errors.Join(append(errs, b.root.Close())...)
}

// blob reads one committed blob.
type blob struct {
	file      *os.File
	sizeBytes int64
}

func (b *blob) ReadAt(p []byte, off int64) (int, error) { return b.file.ReadAt(p, off) }

func (b *blob) SizeBytes() int64 { return b.sizeBytes }

func (b *blob) Close() error { return b.file.Close() }
