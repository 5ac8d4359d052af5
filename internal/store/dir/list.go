package dir

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/store"
)

// List implements store.Blobs. Order and shards are at odds, since names that
// follow each other are in different folders. So List reads all folders and keeps
// the next window of names in order, once per window: memory stays bounded, and a
// set of blobs that fits one window is read once.
func (b *Blobs) List(ctx context.Context, prefix string) iter.Seq2[store.BlobInfo, error] {
	return func(yield func(store.BlobInfo, error) bool) {
		for after := ""; ; {
			names, more, err := b.window(ctx, prefix, after)
			for _, name := range names {
				info, err := b.stat(ctx, name)
				if errors.Is(err, fs.ErrNotExist) {
					continue // deleted meanwhile
				}
				if !yield(info, err) || err != nil {
					return
				}
				after = name
			}
			if err != nil {
				yield(store.BlobInfo{}, err)
				return
			}
			if !more {
				return
			}
			after = names[len(names)-1]
		}
	}
}

// window returns the first names with the prefix that come after the given one, in
// order, and whether there are more.
func (b *Blobs) window(ctx context.Context, prefix, after string) (names []string, more bool, err error) {
	for shard := range shards {
		err := b.eachName(ctx, byte(shard), func(name string) {
			if name <= after || !strings.HasPrefix(name, prefix) {
				return
			}
			names = append(names, name)
			if len(names) == 2*b.listWindow {
				slices.Sort(names)
				names, more = names[:b.listWindow], true
			}
		})
		if err != nil {
			return nil, false, wrap("list blobs", err)
		}
	}
	slices.Sort(names)
	if len(names) > b.listWindow {
		names, more = names[:b.listWindow], true
	}
	return names, more, nil
}

// eachName calls fn with the name of every blob in a shard.
func (b *Blobs) eachName(ctx context.Context, shard byte, fn func(name string)) error {
	if err := b.enter(ctx); err != nil {
		return err
	}
	defer b.gate.RUnlock()
	d, err := b.root.Open(shardName(shard))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was ever put there
	}
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		files, err := d.Readdirnames(1000)
		for _, file := range files {
			// Some file systems put files of their own among ours.
			if name := nameOf(file); store.CheckName(name) == nil {
				fn(name)
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

func (b *Blobs) stat(ctx context.Context, name string) (store.BlobInfo, error) {
	if err := b.enter(ctx); err != nil {
		return store.BlobInfo{}, err
	}
	defer b.gate.RUnlock()
	info, err := b.root.Lstat(pathOf(name))
	if err != nil {
		return store.BlobInfo{}, err
	}
	return store.BlobInfo{Name: name, SizeBytes: info.Size()}, nil
}
