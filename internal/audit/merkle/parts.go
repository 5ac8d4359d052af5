package merkle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/keyfront-project/keyfront/internal/audit"
)

// An archive has the tree in parts, one beside each file of the log: the stored
// hashes that its records added. One behind the other they are the tree file.

// partSuffix takes the place of the suffix of the log's file in a part's name.
const partSuffix = ".tree"

// PartName is the name of the part of the tree that belongs to s.
func PartName(s audit.Segment) string { return strings.TrimSuffix(s.Name, ".log") + partSuffix }

// ErrBehind says that the tree has not come so far yet, or has not been compared
// with the checkpoint that was found.
var ErrBehind = errors.New("audit: the tree is not there yet")

// Part returns the part of the tree that the records from first to next-1 added,
// 64 bytes each or a little less. It returns ErrBehind if Grow has not taken them
// in.
func (t *Tree) Part(first, next uint64) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.reachesLocked(next - 1); err != nil {
		return nil, err
	}
	from, to := tlog.StoredHashCount(int64(first)-1), tlog.StoredHashCount(int64(next)-1)
	part := make([]byte, (to-from)*tlog.HashSize)
	if _, err := t.hashes.f.ReadAt(part, from*tlog.HashSize); err != nil {
		return nil, fmt.Errorf("audit tree: %w", err)
	}
	return part, nil
}

// CheckpointOf signs a checkpoint of the first size records. It returns
// ErrBehind if Grow has not taken them in.
func (t *Tree) CheckpointOf(size uint64) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.reachesLocked(size); err != nil {
		return nil, err
	}
	signed, _, err := t.checkpointLocked(int64(size))
	return signed, err
}

// Settle makes the hashes of the first size records durable: those records can
// be removed, and proofs about the rest go on. It returns ErrBehind if Grow has
// not taken them in.
func (t *Tree) Settle(size uint64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.reachesLocked(size); err != nil {
		return err
	}
	if err := t.hashes.f.Sync(); err != nil {
		return fmt.Errorf("audit tree: %w", err)
	}
	return nil
}

func (t *Tree) reachesLocked(size uint64) error {
	if !t.checked || int64(size) > t.hashes.size {
		return ErrBehind
	}
	return nil
}

// parts reads a tree from its parts.
type parts struct{ list []part }

type part struct {
	f           *os.File
	first, last int64 // indexes of its hashes
}

// openParts opens the parts in dir. They must begin with the first hash and lie
// one behind the other.
func openParts(dir *os.Root) (_ *parts, err error) {
	names, err := fs.Glob(dir.FS(), "*"+partSuffix)
	if err != nil {
		return nil, fmt.Errorf("audit tree: %w", err)
	}
	p := &parts{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	slices.Sort(names)
	next := int64(0)
	for _, name := range names {
		number, _, _ := strings.Cut(name, "-")
		first, err := strconv.ParseInt(number, 10, 64)
		if err != nil || first < 1 || tlog.StoredHashCount(first-1) != next {
			return nil, fmt.Errorf("audit tree: the part before %s is missing, or has another length", name)
		}
		f, err := dir.Open(name)
		if err != nil {
			return nil, fmt.Errorf("audit tree: %w", err)
		}
		info, err := f.Stat()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("audit tree: %w", err), f.Close())
		}
		here := next
		next += info.Size() / tlog.HashSize
		p.list = append(p.list, part{f, here, next - 1})
	}
	return p, nil
}

// Close closes the parts.
func (p *parts) Close() error {
	var errs []error
	for _, one := range p.list {
		errs = append(errs, one.f.Close())
	}
	return errors.Join(errs...)
}

// ReadHashes implements tlog.HashReader.
func (p *parts) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		at := sort.Search(len(p.list), func(n int) bool { return p.list[n].last >= index })
		if at == len(p.list) {
			return nil, fmt.Errorf("hash %d is not there", index)
		}
		if _, err := p.list[at].f.ReadAt(list[i][:], (index-p.list[at].first)*tlog.HashSize); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// hashCloser is a tree to read.
type hashCloser interface {
	tlog.HashReader
	io.Closer
}

// openTree opens the tree in dir, whole or in parts, which has size records or more.
func openTree(dir *os.Root, size int64) (hashCloser, error) {
	whole, err := openHashes(dir, os.O_RDONLY)
	if err == nil {
		if whole.size >= size {
			return whole, nil
		}
		err = errors.Join(fmt.Errorf("audit tree: the file has %d records of %d", whole.size, size), whole.Close())
	}
	split, perr := openParts(dir)
	if perr != nil {
		return nil, perr
	}
	if n := len(split.list); n == 0 || split.list[n-1].last+1 < tlog.StoredHashCount(size) {
		return nil, errors.Join(err, split.Close())
	}
	return split, nil
}

// edgeOf returns the roots of the full subtrees over the first size records, the
// largest first.
func edgeOf(tree tlog.HashReader, size int64) ([]tlog.Hash, error) {
	var indexes []int64
	at := int64(0)
	for level := 62; level >= 0; level-- {
		if width := int64(1) << level; size&width != 0 {
			indexes = append(indexes, tlog.StoredHashIndex(level, at>>level))
			at += width
		}
	}
	edge, err := tree.ReadHashes(indexes)
	if err != nil {
		return nil, fmt.Errorf("audit tree: %w", err)
	}
	return edge, nil
}
