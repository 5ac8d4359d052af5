package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync"

	"github.com/keyfront-project/keyfront/internal/store"
)

// errWriterEnded is what a BlobWriter returns after Commit or Abort.
var errWriterEnded = errors.New("dir: blob writer has ended")

// blobWriter writes one blob to a file in the folder for unfinished work.
type blobWriter struct {
	blobs *Blobs
	name  string
	temp  string // the path of the file

	mu    sync.Mutex // Close of the store ends writers that others use
	file  *os.File   // nil when the writer has ended
	ended error      // why
	err   error      // of a failed Write
}

// Create implements store.Blobs.
func (b *Blobs) Create(ctx context.Context, name string) (store.BlobWriter, error) {
	if err := store.CheckName(name); err != nil {
		return nil, fmt.Errorf("dir: create blob: %w", err)
	}
	if err := b.enter(ctx); err != nil {
		return nil, err
	}
	defer b.gate.RUnlock()
	// The folder is empty after Open and ours alone, so a counter is unique.
	temp := tempName + "/" + strconv.FormatUint(b.created.Add(1), 36)
	w := &blobWriter{blobs: b, name: name, temp: temp}
	err := b.do("create", func() (err error) {
		w.file, err = b.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		return err
	})
	if err != nil {
		if w.file != nil {
			_ = w.discard()
		}
		return nil, wrap("create blob "+name, err)
	}
	b.mu.Lock()
	b.writers[w] = true
	b.mu.Unlock()
	return w, nil
}

// Write implements io.Writer. It does not buffer.
func (w *blobWriter) Write(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		return 0, w.ended
	}
	if w.err != nil {
		return 0, w.err
	}
	err = w.blobs.do("write", func() error {
		n, err = w.file.Write(p)
		return err
	})
	if err != nil {
		w.err = wrap("write blob "+w.name, err)
	}
	return n, w.err
}

// Commit implements store.BlobWriter.
func (w *blobWriter) Commit(ctx context.Context) error {
	b := w.blobs
	err := b.enter(ctx)
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	defer b.gate.RUnlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		return w.ended
	}
	defer b.forget(w)
	if err = w.err; err == nil {
		err = w.publish()
	}
	return errors.Join(err, w.discardLocked(errWriterEnded, err != nil))
}

// publish syncs the file, gives it its name, and syncs that.
func (w *blobWriter) publish() error {
	b := w.blobs
	if err := b.do("sync", w.file.Sync); err != nil {
		return wrap("commit blob "+w.name, err)
	}
	if err := b.makeShards(); err != nil {
		return wrap("commit blob "+w.name, err)
	}
	err := b.do("link", func() error { return b.root.Link(w.temp, pathOf(w.name)) })
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("dir: commit blob %s: %w", w.name, store.ErrExists)
	}
	if err == nil {
		err = b.do("sync folder", w.syncShard)
	}
	if err == nil {
		return nil
	}
	err = wrap("commit blob "+w.name, err)

	// The name may be there, and nobody may see a blob whose writer was told that
	// it failed. If it does not go away for good, nobody knows.
	if undo := w.unpublish(); undo != nil {
		return fmt.Errorf("%w: %w", store.ErrUncertain, errors.Join(err, undo))
	}
	return err
}

// unpublish takes the name away again, if it is of this writer's file.
func (w *blobWriter) unpublish() error {
	b, path := w.blobs, pathOf(w.name)
	named, err := b.root.Lstat(path)
	if err == nil {
		var mine fs.FileInfo
		if mine, err = w.file.Stat(); err == nil && os.SameFile(named, mine) {
			err = b.do("unlink", func() error { return b.root.Remove(path) })
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return b.do("sync folder", w.syncShard)
}

// syncShard makes the blob's name durable. Concurrent commits each sync for
// themselves: with so many shards they rarely meet in one, and journaling file
// systems let syncs of one moment share a journal commit. Sharing them here was
// measured with 1, 16 and 256 shards and gained nothing.
func (w *blobWriter) syncShard() error { return w.blobs.syncFolder(shardName(shardOf(w.name))) }

// Abort implements store.BlobWriter.
func (w *blobWriter) Abort() error {
	defer w.blobs.forget(w)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.discardLocked(errWriterEnded, true)
}

// discard ends the writer since the store is closed.
func (w *blobWriter) discard() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.discardLocked(store.ErrClosed, true)
}

// discardLocked ends the writer and removes its file. After a commit, the blob has
// its final name and nothing more can go wrong with it: should the removal fail,
// the next Open repeats it.
func (w *blobWriter) discardLocked(why error, failed bool) error {
	if w.file == nil {
		return nil
	}
	b := w.blobs
	err := errors.Join(
		w.file.Close(),
		b.do("remove", func() error { return b.root.Remove(w.temp) }),
	)
	w.file, w.ended = nil, why
	if !failed || err == nil {
		return nil
	}
	return wrap("abort blob "+w.name, err)
}

// forget takes w off the writers that Close has to end.
func (b *Blobs) forget(w *blobWriter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.writers, w)
}
