package merkle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/keyfront-project/keyfront/internal/audit"
)

// Proof shows, to whoever has the public key, that a record is in a log, or that
// a log has all that an earlier checkpoint had.
type Proof struct {
	// Checkpoint is the signed one that the proof leads to.
	Checkpoint string `json:"checkpoint"`
	// Record is the line of record Seq, and Inclusion its path to the root.
	Seq       int64            `json:"seq,omitempty"`
	Record    string           `json:"record,omitempty"`
	Inclusion tlog.RecordProof `json:"inclusion,omitempty"`
	// Earlier is a signed checkpoint, and Consistency the way from it.
	Earlier     string         `json:"earlier,omitempty"`
	Consistency tlog.TreeProof `json:"consistency,omitempty"`
}

// ErrProof says that a proof proves nothing.
var ErrProof = errors.New("audit: the proof does not hold")

// Check checks the proof.
func (p *Proof) Check(key note.Verifier) (c Checkpoint, err error) {
	if c, err = OpenCheckpoint([]byte(p.Checkpoint), key); err != nil {
		return c, err
	}
	switch {
	case p.Record != "" && p.Earlier == "":
		e, err := audit.Parse([]byte(p.Record))
		if err != nil || int64(e.Seq) != p.Seq {
			return c, fmt.Errorf("%w: the record is not number %d", ErrProof, p.Seq)
		}
		if p.Seq > c.Size {
			return c, fmt.Errorf("%w: the checkpoint has %d records", ErrProof, c.Size)
		}
		if err := tlog.CheckRecord(p.Inclusion, c.Size, c.Root, p.Seq-1, tlog.RecordHash([]byte(p.Record))); err != nil {
			return c, fmt.Errorf("%w: %w", ErrProof, err)
		}
	case p.Earlier != "" && p.Record == "":
		old, err := OpenCheckpoint([]byte(p.Earlier), key)
		if err != nil {
			return c, err
		}
		if old.Size == 0 || old.Size > c.Size {
			return c, fmt.Errorf("%w: the checkpoints have %d and %d records", ErrProof, old.Size, c.Size)
		}
		if err := tlog.CheckTree(p.Consistency, c.Size, c.Root, old.Size, old.Root); err != nil {
			return c, fmt.Errorf("%w: %w", ErrProof, err)
		}
	default:
		return c, fmt.Errorf("%w: it has neither a record nor an earlier checkpoint", ErrProof)
	}
	return c, nil
}

// View is a tree that is only read: a copy of the files, or those of a server
// that is running.
type View struct {
	dir    *os.Root
	log    *audit.Reader
	signed []byte
	key    note.Verifier
	// Checkpoint is the newest of the files.
	Checkpoint Checkpoint
}

// OpenView opens the tree in dir. Its checkpoint must be signed by key.
func OpenView(dir string, key note.Verifier) (*View, error) {
	log, err := audit.OpenReader(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("audit tree: %w", err), log.Close())
	}
	v := &View{dir: root, log: log, key: key}
	if v.signed, err = root.ReadFile(CheckpointFile); err != nil {
		return nil, errors.Join(fmt.Errorf("audit tree: %w", err), v.Close())
	}
	if v.Checkpoint, err = OpenCheckpoint(v.signed, key); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

// Close closes the files.
func (v *View) Close() error { return errors.Join(v.dir.Close(), v.log.Close()) }

// Prove proves that record seq is in the log.
func (v *View) Prove(seq int64) (*Proof, error) {
	if seq < 1 || seq > v.Checkpoint.Size {
		return nil, fmt.Errorf("audit: the checkpoint has the records 1 to %d", v.Checkpoint.Size)
	}
	p := &Proof{Checkpoint: string(v.signed), Seq: seq}
	segments, err := v.log.Segments()
	if err != nil {
		return nil, err
	}
	if len(segments) > 0 && int64(segments[0].First) > seq {
		return nil, fmt.Errorf("audit: the records 1 to %d are archived: a copy of the archive proves them", segments[0].First-1)
	}
	for i, s := range segments {
		if i+1 < len(segments) && int64(segments[i+1].First) <= seq {
			continue
		}
		for line, err := range v.log.Lines(s, 0) {
			if err != nil {
				return nil, err
			}
			if int64(line.Seq) == seq {
				p.Record = string(line.Text)
				break
			}
		}
		break
	}
	if p.Record == "" {
		return nil, fmt.Errorf("%w: record %d is missing", audit.ErrTampered, seq)
	}
	tree, err := openTree(v.dir, v.Checkpoint.Size)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	if p.Inclusion, err = tlog.ProveRecord(v.Checkpoint.Size, seq-1, tree); err != nil {
		return nil, fmt.Errorf("audit tree: %w", err)
	}
	return v.checked(p)
}

// ProveSince proves that the log has all that an earlier checkpoint had.
func (v *View) ProveSince(earlier []byte, key note.Verifier) (*Proof, error) {
	old, err := OpenCheckpoint(earlier, key)
	if err != nil {
		return nil, err
	}
	if old.Size == 0 || old.Size > v.Checkpoint.Size {
		return nil, fmt.Errorf("audit: the earlier checkpoint has %d records, and the newest %d", old.Size, v.Checkpoint.Size)
	}
	p := &Proof{Checkpoint: string(v.signed), Earlier: string(earlier)}
	tree, err := openTree(v.dir, v.Checkpoint.Size)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	if p.Consistency, err = tlog.ProveTree(v.Checkpoint.Size, old.Size, tree); err != nil {
		return nil, fmt.Errorf("audit tree: %w", err)
	}
	return v.checked(p)
}

// checked returns p if it proves what it says. The files may be damaged.
func (v *View) checked(p *Proof) (*Proof, error) {
	if _, err := p.Check(v.key); err != nil {
		return nil, fmt.Errorf("%w: the record, or the tree, has been changed: %w", audit.ErrTampered, err)
	}
	return p, nil
}

// Verify reads the log itself and compares it with the checkpoint, and with
// earlier ones if there are any: it returns audit.ErrTampered unless the log
// begins with the records of each. The tree file has a say only about records
// that are archived, and none that could hide a change: together with the
// records that are here it must lead to the root that was signed.
func (v *View) Verify(ctx context.Context, earlier ...Checkpoint) error {
	for tries := 0; ; tries++ {
		err := v.verify(ctx, earlier)
		// The oldest file may be archived and removed at this moment.
		if tries == 2 || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
}

func (v *View) verify(ctx context.Context, earlier []Checkpoint) error {
	wanted := append([]Checkpoint{v.Checkpoint}, earlier...)
	segments, err := v.log.Segments()
	if err != nil {
		return err
	}
	var edge []tlog.Hash // the roots of the full subtrees, largest first
	size := int64(0)
	if len(segments) > 0 && segments[0].First > 1 {
		size = int64(segments[0].First) - 1
		if edge, err = v.archived(size, earlier); err != nil {
			return err
		}
	}
	check := func() error {
		for _, c := range wanted {
			if c.Size == size && size > 0 && rootOf(edge) != c.Root {
				return fmt.Errorf("%w: its first %d records are not those of the checkpoint", audit.ErrTampered, size)
			}
		}
		return nil
	}
	if err := check(); err != nil {
		return err
	}
	for _, s := range segments {
		for line, err := range v.log.Lines(s, 0) {
			if err != nil {
				return err
			}
			if size%1024 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			hash := tlog.RecordHash(line.Text)
			for n := size; n&1 == 1; n >>= 1 {
				hash = tlog.NodeHash(edge[len(edge)-1], hash)
				edge = edge[:len(edge)-1]
			}
			edge = append(edge, hash)
			size++
			if err := check(); err != nil {
				return err
			}
		}
	}
	for _, c := range wanted {
		if c.Size > size {
			return fmt.Errorf("%w: it ends after record %d, but a checkpoint has %d", audit.ErrTampered, size, c.Size)
		}
	}
	return nil
}

// archived returns the roots of the full subtrees over the first size records,
// which are not here, and compares those of earlier that have fewer with them.
func (v *View) archived(size int64, earlier []Checkpoint) ([]tlog.Hash, error) {
	if v.Checkpoint.Size < size {
		return nil, fmt.Errorf("%w: it begins behind record %d, and the checkpoint has %d", audit.ErrTampered, size, v.Checkpoint.Size)
	}
	tree, err := openTree(v.dir, v.Checkpoint.Size)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	for _, c := range earlier {
		if c.Size >= size || c.Size == 0 {
			continue
		}
		proof, err := tlog.ProveTree(v.Checkpoint.Size, c.Size, tree)
		if err == nil {
			err = tlog.CheckTree(proof, v.Checkpoint.Size, v.Checkpoint.Root, c.Size, c.Root)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: its first %d records are not those of the checkpoint: %w", audit.ErrTampered, c.Size, err)
		}
	}
	return edgeOf(tree, size)
}

// rootOf is the root over full subtrees, the largest first; there is at least one.
func rootOf(edge []tlog.Hash) tlog.Hash {
	root := edge[len(edge)-1]
	for i := len(edge) - 2; i >= 0; i-- {
		root = tlog.NodeHash(edge[i], root)
	}
	return root
}
