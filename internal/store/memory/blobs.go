package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/keyfront-project/keyfront/internal/store"
)

// errWriterEnded is what a BlobWriter returns after Commit or Abort.
var errWriterEnded = errors.New("memory: blob writer has ended")

// Blobs is a store.Blobs in memory.
type Blobs struct {
	mu     sync.Mutex
	root   *node // by name; the nodes never change, so readers take it and go
	closed bool
}

var _ store.Blobs = (*Blobs)(nil)

// NewBlobs returns an empty store.
func NewBlobs() *Blobs { return &Blobs{} }

// snapshot returns the committed blobs of this moment.
func (b *Blobs) snapshot(ctx context.Context) (*node, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, store.ErrClosed
	}
	return b.root, nil
}

// Create implements store.Blobs.
func (b *Blobs) Create(ctx context.Context, name string) (store.BlobWriter, error) {
	if err := store.CheckName(name); err != nil {
		return nil, fmt.Errorf("create blob: %w", err)
	}
	if _, err := b.snapshot(ctx); err != nil {
		return nil, err
	}
	return &blobWriter{blobs: b, name: name}, nil
}

// Open implements store.Blobs.
func (b *Blobs) Open(ctx context.Context, name string) (store.Blob, error) {
	if err := store.CheckName(name); err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	root, err := b.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	content, ok := root.get(name)
	if !ok {
		return nil, fmt.Errorf("open blob %s: %w", name, store.ErrNotFound)
	}
	return &blob{content: content}, nil
}

// Delete implements store.Blobs.
func (b *Blobs) Delete(ctx context.Context, name string) error {
	if err := store.CheckName(name); err != nil {
		return fmt.Errorf("delete blob: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return store.ErrClosed
	}
	b.root = b.root.remove(name)
	return nil
}

// List implements store.Blobs.
func (b *Blobs) List(ctx context.Context, prefix string) iter.Seq2[store.BlobInfo, error] {
	return func(yield func(store.BlobInfo, error) bool) {
		root, err := b.snapshot(ctx)
		if err != nil {
			yield(store.BlobInfo{}, err)
			return
		}
		root.ascend(prefix, "", func(n *node) bool {
			if !strings.HasPrefix(n.key, prefix) {
				return false
			}
			if err := ctx.Err(); err != nil {
				yield(store.BlobInfo{}, err)
				return false
			}
			return yield(store.BlobInfo{Name: n.key, SizeBytes: int64(len(n.value))}, nil)
		})
	}
}

// Close implements store.Blobs. What was stored is gone.
func (b *Blobs) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.root = nil
	return nil
}

// blobWriter collects the bytes of one blob.
type blobWriter struct {
	blobs *Blobs
	name  string
	bytes bytes.Buffer
	ended bool
}

func (w *blobWriter) Write(p []byte) (int, error) {
	if w.ended {
		return 0, errWriterEnded
	}
	if _, err := w.blobs.snapshot(context.Background()); err != nil {
		return 0, err
	}
	return w.bytes.Write(p)
}

func (w *blobWriter) Commit(ctx context.Context) error {
	if w.ended {
		return errWriterEnded
	}
	content := w.bytes.Bytes() // ours now: Abort lets go of it
	w.Abort()
	if err := ctx.Err(); err != nil {
		return err
	}
	b := w.blobs
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return store.ErrClosed
	}
	if _, taken := b.root.get(w.name); taken {
		return fmt.Errorf("commit blob %s: %w", w.name, store.ErrExists)
	}
	b.root = b.root.put(w.name, content)
	return nil
}

func (w *blobWriter) Abort() error {
	w.ended = true
	w.bytes = bytes.Buffer{}
	return nil
}

// blob reads one committed blob; the bytes never change.
type blob struct {
	content []byte
	closed  atomic.Bool
}

func (b *blob) ReadAt(p []byte, off int64) (int, error) {
	if b.closed.Load() {
		return 0, fs.ErrClosed
	}
	return bytes.NewReader(b.content).ReadAt(p, off)
}

func (b *blob) SizeBytes() int64 { return int64(len(b.content)) }

func (b *blob) Close() error {
	if b.closed.Swap(true) {
		return fs.ErrClosed
	}
	return nil
}
