// Package merkle keeps a Merkle tree over the records of the audit log, and
// signed checkpoints of it: whoever holds a checkpoint and the public key can be
// shown that a record is in the log, and that a later log has all that an
// earlier one had, without seeing the rest.
//
// The leaves are the lines of the log. The tree is that of RFC 6962 (package
// tlog), a checkpoint is a signed note (C2SP tlog-checkpoint). The files are
// specified in docs/spec/auditlog.md. The tree follows the log in the background:
// no call waits for it.
package merkle

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/keyfront-project/keyfront/internal/audit"
)

// Files in the folder of the log.
const (
	treeFile       = "tree"
	CheckpointFile = "checkpoint"
)

// Checkpoint is the tree over the first Size records.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// text is the note's text: origin, size and root, a line each.
func (c *Checkpoint) text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// ErrCheckpoint says that a checkpoint is none, or not signed by the key.
var ErrCheckpoint = errors.New("audit: not a checkpoint under this key")

// maxCheckpointBytes bounds a checkpoint with its signatures.
const maxCheckpointBytes = 16 << 10

// OpenCheckpoint reads a signed checkpoint.
func OpenCheckpoint(signed []byte, key note.Verifier) (c Checkpoint, err error) {
	if len(signed) > maxCheckpointBytes {
		return c, fmt.Errorf("%w: too long", ErrCheckpoint)
	}
	n, err := note.Open(signed, note.VerifierList(key))
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	lines := strings.SplitN(n.Text, "\n", 4)
	if len(lines) != 4 || lines[0] != key.Name() || lines[3] != "" {
		return c, fmt.Errorf("%w: unknown form", ErrCheckpoint)
	}
	c.Origin = lines[0]
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 || strconv.FormatInt(c.Size, 10) != lines[1] {
		return c, fmt.Errorf("%w: bad size", ErrCheckpoint)
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != len(c.Root) {
		return c, fmt.Errorf("%w: bad root", ErrCheckpoint)
	}
	copy(c.Root[:], root)
	return c, nil
}

// Config is what a Tree needs. All fields are required.
type Config struct {
	// Dir is the folder of the log, in which the tree has its files too.
	Dir string
	Log *audit.Reader
	// Next is the number of the first record that is not acknowledged.
	Next func() uint64
	// Signer signs checkpoints, and its name is their origin; Verifier is its
	// other half.
	Signer   note.Signer
	Verifier note.Verifier
}

// Tree is the tree of one log. Its methods may be used concurrently.
type Tree struct {
	cfg Config
	dir *os.Root
	// public is signed.Size, for those who do not wait for Grow.
	public atomic.Int64

	mu sync.Mutex
	// Guarded by mu.
	hashes *hashes
	signed Checkpoint // the newest that was written or found
	// seen is where the log was read to: offset in segment.
	segment string
	offset  int64
	checked bool // that the tree agrees with the checkpoint that was found
}

// Open opens the tree of the log in cfg.Dir. It reads no records: Grow does.
func Open(cfg Config) (*Tree, error) {
	dir, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("audit tree: %w", err)
	}
	t := &Tree{cfg: cfg, dir: dir}
	if err := t.open(); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return t, nil
}

func (t *Tree) open() (err error) {
	if t.hashes, err = openHashes(t.dir, os.O_RDWR|os.O_CREATE); err != nil {
		return err
	}
	signed, err := t.dir.ReadFile(CheckpointFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		t.signed, err = OpenCheckpoint(signed, t.cfg.Verifier)
	}
	if err != nil {
		return fmt.Errorf("audit tree: %w", err)
	}
	t.public.Store(t.signed.Size)
	return nil
}

// Signed is how many records the newest checkpoint signs. It waits for nobody.
func (t *Tree) Signed() int64 { return t.public.Load() }

// Close closes the files.
func (t *Tree) Close() error { return errors.Join(t.hashes.f.Close(), t.dir.Close()) }

// Grow takes in the records that were acknowledged since, and signs a
// checkpoint if there are any. It returns audit.ErrTampered, and signs nothing,
// when the log is not the one of the checkpoint before.
func (t *Tree) Grow(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := int64(t.cfg.Next())
	if t.hashes.size > next-1 {
		// The file has more than the log: a tree of another one, or of records
		// that a power loss took.
		if err := t.restart(); err != nil {
			return err
		}
	}
	if err := t.follow(ctx, next); err != nil {
		return err
	}
	if !t.checked {
		if err := t.check(ctx, next); err != nil {
			return err
		}
	}
	if t.hashes.size == t.signed.Size {
		return nil
	}
	return t.sign()
}

// check compares the tree with the checkpoint that was there at the start. A
// tree file that was damaged is made anew first, so that only the log decides.
func (t *Tree) check(ctx context.Context, next int64) error {
	for attempt := range 2 {
		if t.signed.Size > t.hashes.size {
			return fmt.Errorf("%w: it ends after record %d, but a checkpoint has %d", audit.ErrTampered, t.hashes.size, t.signed.Size)
		}
		root, err := tlog.TreeHash(t.signed.Size, t.hashes)
		if err != nil {
			return fmt.Errorf("audit tree: %w", err)
		}
		if t.signed.Size == 0 || root == t.signed.Root {
			t.checked = true
			return nil
		}
		if attempt == 0 {
			if err := t.restart(); err != nil {
				return err
			}
			if err := t.follow(ctx, next); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("%w: its first %d records are not those of the checkpoint", audit.ErrTampered, t.signed.Size)
}

// restart gives up the hashes that can be made anew: those of records that are
// in the log still.
func (t *Tree) restart() error {
	segments, err := t.cfg.Log.Segments()
	if err != nil {
		return err
	}
	t.segment, t.offset = "", 0
	archived := int64(0)
	if len(segments) > 0 {
		archived = int64(segments[0].First) - 1
	}
	return t.hashes.cut(min(archived, t.hashes.size))
}

// follow appends the records below next to the tree.
func (t *Tree) follow(ctx context.Context, next int64) error {
	segments, err := t.cfg.Log.Segments()
	if err != nil {
		return err
	}
	if len(segments) > 0 && int64(segments[0].First) > t.hashes.size+1 {
		return fmt.Errorf("audit tree: the records %d to %d are archived, and their hashes are lost: the archive has them", t.hashes.size+1, segments[0].First-1)
	}
	for i, s := range segments {
		if t.hashes.size+1 >= next {
			break
		}
		if i+1 < len(segments) && int64(segments[i+1].First) <= t.hashes.size+1 {
			continue
		}
		offset := int64(0)
		if s.Name == t.segment {
			offset = t.offset
		}
		for line, err := range t.cfg.Log.Lines(s, offset) {
			if err != nil {
				return err
			}
			if int64(line.Seq) >= next {
				break
			}
			if int64(line.Seq) > t.hashes.size+1 {
				return fmt.Errorf("%w: record %d is missing", audit.ErrTampered, t.hashes.size+1)
			}
			if int64(line.Seq) == t.hashes.size+1 {
				if err := t.hashes.add(line.Text); err != nil {
					return err
				}
			}
			t.segment, t.offset = s.Name, line.End()
			if t.hashes.size%1024 == 0 && ctx.Err() != nil {
				return errors.Join(ctx.Err(), t.hashes.flush())
			}
		}
	}
	return t.hashes.flush()
}

// sign writes a checkpoint of the tree as it is, durably, in place of the one
// before.
func (t *Tree) sign() error {
	signed, c, err := t.checkpointLocked(t.hashes.size)
	if err != nil {
		return err
	}
	f, err := t.dir.OpenFile(CheckpointFile+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("audit tree: %w", err)
	}
	_, err = f.Write(signed)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = t.dir.Rename(CheckpointFile+".new", CheckpointFile)
	}
	if err != nil {
		return fmt.Errorf("audit tree: %w", err)
	}
	t.signed = c
	t.public.Store(c.Size)
	return nil
}

func (t *Tree) checkpointLocked(size int64) (signed []byte, c Checkpoint, err error) {
	root, err := tlog.TreeHash(size, t.hashes)
	if err != nil {
		return nil, c, fmt.Errorf("audit tree: %w", err)
	}
	c = Checkpoint{Origin: t.cfg.Signer.Name(), Size: size, Root: root}
	if signed, err = note.Sign(&note.Note{Text: c.text()}, t.cfg.Signer); err != nil {
		return nil, c, fmt.Errorf("audit tree: %w", err)
	}
	return signed, c, nil
}

// hashes is the tree file: the stored hashes of package tlog, in their order.
type hashes struct {
	f    *os.File
	size int64 // in records
	// pending are hashes that are not in the file yet.
	pending []byte
	written int64 // of hashes in the file
}

func openHashes(dir *os.Root, flags int) (*hashes, error) {
	f, err := dir.OpenFile(treeFile, flags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit tree: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("audit tree: %w", err), f.Close())
	}
	h := &hashes{f: f}
	have := info.Size() / tlog.HashSize
	// The most records whose hashes are all there.
	h.size = int64(sort.Search(int(have)+1, func(n int) bool { return tlog.StoredHashCount(int64(n)) > have })) - 1
	h.written = tlog.StoredHashCount(h.size)
	return h, nil
}

// Close closes the file.
func (h *hashes) Close() error { return h.f.Close() }

// cut keeps the hashes of the first size records only.
func (h *hashes) cut(size int64) error {
	h.size, h.written, h.pending = size, tlog.StoredHashCount(size), nil
	if err := h.f.Truncate(h.written * tlog.HashSize); err != nil {
		return fmt.Errorf("audit tree: %w", err)
	}
	return nil
}

// add appends the record after the last.
func (h *hashes) add(record []byte) error {
	more, err := tlog.StoredHashes(h.size, record, h)
	if err != nil {
		return fmt.Errorf("audit tree: %w", err)
	}
	for _, hash := range more {
		h.pending = append(h.pending, hash[:]...)
	}
	h.size++
	if len(h.pending) >= 1<<20 {
		return h.flush()
	}
	return nil
}

func (h *hashes) flush() error {
	if _, err := h.f.WriteAt(h.pending, h.written*tlog.HashSize); err != nil {
		return fmt.Errorf("audit tree: %w", err)
	}
	h.written += int64(len(h.pending) / tlog.HashSize)
	h.pending = h.pending[:0]
	return nil
}

// ReadHashes implements tlog.HashReader.
func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if at := (index - h.written) * tlog.HashSize; at >= 0 {
			if at+tlog.HashSize > int64(len(h.pending)) {
				return nil, fmt.Errorf("hash %d is not there", index)
			}
			copy(list[i][:], h.pending[at:])
			continue
		}
		if _, err := h.f.ReadAt(list[i][:], index*tlog.HashSize); err != nil {
			return nil, err
		}
	}
	return list, nil
}
