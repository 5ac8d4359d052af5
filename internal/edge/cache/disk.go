package cache

import (
	"container/list"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
)

// disk is the index of the files. It forgets in the order of a segmented LRU: an
// entry begins on probation, and is protected once it has been asked for again;
// what must go goes from the end of probation first, so that a scan pushes out
// only what came with it.
type disk struct {
	root     *os.Root
	maxBytes int64
	maxIndex int64

	mu        sync.Mutex
	names     uint64
	used      int64 // by files, finished and growing
	index     int64 // weight of the entries' descriptions
	entries   map[Key]*list.Element
	probation list.List // of *slot, newest first
	protected list.List
	safe      int64 // bytes of the protected
}

// slot is an entry's place in the order.
type slot struct {
	entry     *Entry
	protected bool
}

// file is a body on disk.
type file struct {
	name  string
	bytes int64 // in the books; under disk.mu
}

const (
	fileSuffix = ".body"
	fileMode   = 0o600
	blockBytes = 4096 // files take whole blocks
)

// protectedShare is the part of the bound that the protected may take, in fifths.
const protectedShare = 4

func openDisk(dir string, maxBytes, maxIndex int64) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	d := &disk{root: root, maxBytes: maxBytes, maxIndex: maxIndex, entries: make(map[Key]*list.Element)}
	return d, nil
}

// clear removes the files that are ours by their names, but for those listed.
func (d *disk) clear(listed map[string]bool) error {
	names, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, n := range names {
		if strings.HasSuffix(n.Name(), fileSuffix) && !listed[n.Name()] && n.Type().IsRegular() {
			if err := d.root.Remove(n.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// sync makes what the folder holds outlive a loss of power.
func (d *disk) sync() error {
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// oldestFirst lists the entries in the order in which they would be forgotten.
func (d *disk) oldestFirst() (all []*Entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range []*list.List{&d.probation, &d.protected} {
		for e := l.Back(); e != nil; e = e.Prev() {
			all = append(all, e.Value.(*slot).entry)
		}
	}
	return all
}

// settle brings the file of e to the disk and says how to know it again.
func (d *disk) settle(e *Entry) (record, error) {
	f, err := d.root.Open(e.file.name)
	if err != nil {
		return record{}, err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return record{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return record{}, err
	}
	return record{key: e.key, Meta: e.Meta, size: e.Size, name: e.file.name, modified: info.ModTime().UnixNano()}, nil
}

// adopt books the file of a record that an earlier cache wrote.
func (d *disk) adopt(r record) (*file, error) {
	number, err := strconv.ParseUint(strings.TrimSuffix(r.name, fileSuffix), 16, 64)
	if err != nil || r.name != strconv.FormatUint(number, 16)+fileSuffix {
		return nil, errIndex
	}
	info, err := d.root.Lstat(r.name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() != r.size || info.ModTime().UnixNano() != r.modified {
		return nil, fmt.Errorf("cache: %s is not what was kept", r.name)
	}
	f := &file{name: r.name}
	if !d.reserve(f, r.size) {
		return nil, errFull
	}
	d.names = max(d.names, number)
	return f, nil
}

// create makes an empty file for a body that is about to arrive.
func (d *disk) create() (*os.File, *file, error) {
	d.mu.Lock()
	d.names++
	f := &file{name: strconv.FormatUint(d.names, 16) + fileSuffix}
	d.mu.Unlock()
	out, err := d.root.OpenFile(f.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	return out, f, err
}

// reserve makes room for f to take total bytes, and reports whether there is any.
func (d *disk) reserve(f *file, total int64) bool {
	total = (total + blockBytes - 1) / blockBytes * blockBytes
	d.mu.Lock()
	more := total - f.bytes
	if more <= 0 {
		d.mu.Unlock()
		return true
	}
	victims := d.evictLocked(more, 0)
	ok := d.used+more <= d.maxBytes
	if ok {
		d.used += more
		f.bytes = total
	}
	d.mu.Unlock()
	d.unlink(victims)
	return ok
}

// evictLocked takes the entries out of the index that must go for so many more
// bytes on disk and in the index. Their files are for unlink.
func (d *disk) evictLocked(more, moreIndex int64) (victims []*file) {
	for d.used+more > d.maxBytes || d.index+moreIndex > d.maxIndex {
		e := d.probation.Back()
		if e == nil {
			e = d.protected.Back()
		}
		if e == nil {
			break
		}
		victims = append(victims, d.takeLocked(e))
	}
	return victims
}

// takeLocked takes an entry out of the index and its file out of the books, and
// returns the file. Room that is made this way is written to only after unlink.
func (d *disk) takeLocked(e *list.Element) *file {
	s := e.Value.(*slot)
	if s.protected {
		d.protected.Remove(e)
		d.safe -= s.entry.file.bytes
	} else {
		d.probation.Remove(e)
	}
	delete(d.entries, s.entry.key)
	d.index -= s.entry.Meta.weight()
	f := s.entry.file
	d.used -= f.bytes
	f.bytes = 0
	return f
}

// unlink removes files that are in no entry, or not any more. Whoever has one
// open goes on reading it.
func (d *disk) unlink(files []*file) {
	for _, f := range files {
		// A file that cannot be removed is one that is gone: the folder is ours.
		_ = d.root.Remove(f.name)
		d.mu.Lock()
		d.used -= f.bytes
		f.bytes = 0
		d.mu.Unlock()
	}
}

// insert puts e, with its file, in the place of what is kept under its key. The
// files that must go for it are for unlink.
func (d *disk) insert(e *Entry) (victims []*file) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if old, ok := d.entries[e.key]; ok {
		victims = append(victims, d.takeLocked(old))
	}
	weight := e.Meta.weight()
	victims = append(victims, d.evictLocked(0, weight)...)
	d.index += weight
	d.entries[e.key] = d.probation.PushFront(&slot{entry: e})
	return victims
}

// get returns what is kept under key and notes that it was asked for, or nil.
func (d *disk) get(key Key) *Entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, ok := d.entries[key]
	if !ok {
		return nil
	}
	s := e.Value.(*slot)
	if s.protected {
		d.protected.MoveToFront(e)
		return s.entry
	}
	d.probation.Remove(e)
	s.protected = true
	d.entries[key] = d.protected.PushFront(s)
	d.safe += s.entry.file.bytes
	for d.safe > d.maxBytes/5*protectedShare && d.protected.Len() > 1 {
		last := d.protected.Back()
		demoted := d.protected.Remove(last).(*slot)
		demoted.protected = false
		d.safe -= demoted.entry.file.bytes
		d.entries[demoted.entry.key] = d.probation.PushFront(demoted)
	}
	return s.entry
}

// holds reports whether the file of e is what is kept under its key.
func (d *disk) holds(e *Entry) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, ok := d.entries[e.key]
	return ok && now.Value.(*slot).entry.file == e.file
}

// replace puts e in the place of old if that still holds its file, which both share.
func (d *disk) replace(old, e *Entry) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, ok := d.entries[old.key]
	if !ok || now.Value.(*slot).entry.file != old.file {
		return false
	}
	s := now.Value.(*slot)
	d.index += e.Meta.weight() - s.entry.Meta.weight()
	s.entry = e
	return true
}

// remove forgets e if its file is what is kept under its key. The file is for unlink.
func (d *disk) remove(e *Entry) []*file {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, ok := d.entries[e.key]
	if !ok || now.Value.(*slot).entry.file != e.file {
		return nil
	}
	return []*file{d.takeLocked(now)}
}

// forget forgets what is kept under key. The file is for unlink.
func (d *disk) forget(key Key) []*file {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now, ok := d.entries[key]; ok {
		return []*file{d.takeLocked(now)}
	}
	return nil
}

// sweep calls drop for every entry and forgets those for which it returns true.
// Their files are for unlink.
func (d *disk) sweep(drop func(*Entry) bool) (victims []*file) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.entries {
		if drop(e.Value.(*slot).entry) {
			victims = append(victims, d.takeLocked(e))
		}
	}
	return victims
}

func (d *disk) bytes() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.used
}

func (d *disk) indexBytes() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.index
}
