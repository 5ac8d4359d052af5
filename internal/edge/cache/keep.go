package cache

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
)

// What is kept outlives an orderly stop: Close writes an index of it, after
// every body it names has reached the disk, and New takes the index over and
// removes it. So there is none after a crash, and the cache starts empty:
// whatever happened between two indexes, no entry can have missed it. The
// format is docs/spec/edgecache.md.

const (
	indexName  = "kept"
	indexDraft = indexName + ".tmp"
	indexMagic = "KFCACHE1"
	// maxRecordBytes bounds what describes one entry.
	maxRecordBytes = 1 << 20
)

// errIndex means that an index is not one of ours, or not whole.
var errIndex = errors.New("cache: damaged index")

// Mark notes the number of the newest invalidation that has taken effect.
func (c *Cache) Mark(seq uint64) { c.mark.Store(seq) }

// Marked is the number that was noted last, before a restart or since: what is
// kept has seen all invalidations up to it.
func (c *Cache) Marked() uint64 { return c.mark.Load() }

// save writes the index, and returns the names of the files in it.
func (c *Cache) save() (listed map[string]bool, err error) {
	root := c.disk.root
	out, err := root.OpenFile(indexDraft, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	sum := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(out, sum), pieceBytes)
	_, _ = w.Write(binary.BigEndian.AppendUint64([]byte(indexMagic), c.Marked())) // Flush tells
	listed = make(map[string]bool)
	for _, e := range c.disk.oldestFirst() {
		r, err := c.disk.settle(e)
		if err != nil {
			c.log.Warn("cached file lost", slog.Any("err", err))
			continue
		}
		if writeRecord(w, r) == nil {
			listed[e.file.name] = true
		}
	}
	for _, e := range c.memory.All() {
		if e.Reason == "" && (e.file == nil || !listed[e.file.name]) {
			_ = writeRecord(w, record{key: e.key, Meta: e.Meta, size: e.Size, body: e.body})
		}
	}
	_, _ = w.Write(make([]byte, 4))
	if err := w.Flush(); err != nil {
		return nil, err
	}
	if _, err := out.Write(sum.Sum(nil)); err != nil {
		return nil, err
	}
	if err := out.Sync(); err != nil {
		return nil, err
	}
	if err := root.Rename(indexDraft, indexName); err != nil {
		return nil, err
	}
	return listed, c.disk.sync()
}

// writeRecord leaves out what is too large to be read again.
func writeRecord(w *bufio.Writer, r record) error {
	head := r.append(nil)
	if len(head) > maxRecordBytes {
		return errIndex
	}
	_, _ = w.Write(binary.BigEndian.AppendUint32(nil, uint32(len(head)))) // Flush tells
	_, _ = w.Write(head)
	_, _ = w.Write(r.body)
	return nil
}

// restore takes over what the last Close left, and removes all else that is
// ours from the folder.
func (c *Cache) restore() error {
	listed := make(map[string]bool)
	switch err := c.readIndex(listed); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		c.log.Warn("cache starts empty", slog.Any("err", err))
		clear(listed)
	}
	for _, name := range []string{indexName, indexDraft} {
		if err := c.disk.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return errors.Join(c.disk.sync(), c.disk.clear(listed))
}

// readIndex takes entries over once the index has proved to be whole.
func (c *Cache) readIndex(listed map[string]bool) error {
	in, err := c.disk.root.Open(indexName)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	if err := proved(in, size); err != nil {
		return err
	}
	r := bufio.NewReaderSize(io.NewSectionReader(in, 0, size-sha256.Size), pieceBytes)
	var head [len(indexMagic) + 8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:len(indexMagic)]) != indexMagic {
		return errIndex
	}
	for {
		rec, err := readRecord(r, c.limits.memoryBody)
		if err == io.EOF {
			c.Mark(binary.BigEndian.Uint64(head[len(indexMagic):]))
			return nil
		}
		if err != nil {
			return err
		}
		c.takeOver(rec, listed)
	}
}

// proved checks the hash at the end of an index of size bytes.
func proved(in io.ReaderAt, size int64) error {
	if size < sha256.Size {
		return errIndex
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(in, 0, size-sha256.Size)); err != nil {
		return err
	}
	var want [sha256.Size]byte
	if _, err := in.ReadAt(want[:], size-sha256.Size); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), want[:]) {
		return errIndex
	}
	return nil
}

// takeOver puts what a record describes into its tier, unless its file is
// another than it was.
func (c *Cache) takeOver(r record, listed map[string]bool) {
	e := &Entry{Meta: r.Meta, Size: r.size, key: r.key, serial: c.serial.Add(1), body: r.body}
	switch {
	case r.name == "" && r.body == nil:
		return // memory has become smaller
	case r.name != "":
		f, err := c.disk.adopt(r)
		if err != nil {
			c.log.Warn("cached file lost", slog.Any("err", err))
			return
		}
		e.file, e.disk = f, c.disk
		listed[r.name] = true
	}
	c.insert(e.sized())
}

// readRecord returns io.EOF behind the last record. It skips a body of more than
// maxBody bytes.
func readRecord(r *bufio.Reader, maxBody int64) (record, error) {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return record{}, errIndex
	}
	length := binary.BigEndian.Uint32(n[:])
	if length == 0 {
		return record{}, io.EOF
	}
	if length > maxRecordBytes {
		return record{}, errIndex
	}
	head := make([]byte, length)
	_, err := io.ReadFull(r, head)
	if err != nil {
		return record{}, errIndex
	}
	rec, ok := parseRecord(head)
	if !ok {
		return record{}, errIndex
	}
	if rec.name != "" {
		return rec, nil
	}
	if rec.size > maxBody {
		_, err = io.CopyN(io.Discard, r, rec.size)
	} else {
		rec.body = make([]byte, rec.size)
		_, err = io.ReadFull(r, rec.body)
	}
	if err != nil {
		return record{}, errIndex
	}
	return rec, nil
}
