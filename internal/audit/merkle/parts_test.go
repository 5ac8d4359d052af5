package merkle_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/audit/merkle"
)

func (w *world) segments() []audit.Segment {
	w.t.Helper()
	reader, err := audit.OpenReader(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	defer reader.Close()
	list, err := reader.Segments()
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func (w *world) read(name string) []byte {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func write(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// archive puts the first n files of the log into a folder, as an archive has
// them, and returns that folder and the number of the first record that it has not.
func (w *world) archive(n int) (dir string, next uint64) {
	w.t.Helper()
	dir = w.t.TempDir()
	files := w.segments()
	for i, s := range files[:n] {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := z.Write(w.read(s.Name)); err != nil {
			w.t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			w.t.Fatal(err)
		}
		next = files[i+1].First
		part, err := w.tree.Part(s.First, next)
		if err != nil {
			w.t.Fatal(err)
		}
		for name, content := range map[string][]byte{s.Name + audit.PackedSuffix: packed.Bytes(), merkle.PartName(s): part} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	signed, err := w.tree.CheckpointOf(next - 1)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, merkle.CheckpointFile), signed, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return dir, next
}

// An archive proves what it has with nothing but the public key.
func TestProofsOfAnArchive(t *testing.T) {
	w := newWorld(t)
	var earlier [][]byte
	for range 7 {
		w.append(5)
		w.grow()
		earlier = append(earlier, w.checkpoint())
	}
	dir, next := w.archive(len(w.segments()) - 1)
	v, err := merkle.OpenView(dir, w.verifier)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if err := v.Verify(t.Context()); err != nil || v.Checkpoint.Size != int64(next-1) {
		t.Errorf("Verify of %d records, want %d: %v", v.Checkpoint.Size, next-1, err)
	}
	for seq := int64(1); seq < int64(next); seq++ {
		p, err := v.Prove(seq)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Check(w.verifier); err != nil {
			t.Errorf("record %d: %v", seq, err)
		}
	}
	since := 0
	for _, old := range earlier {
		c, err := merkle.OpenCheckpoint(old, w.verifier)
		if err != nil {
			t.Fatal(err)
		}
		if c.Size > v.Checkpoint.Size {
			continue
		}
		since++
		p, err := v.ProveSince(old, w.verifier)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Check(w.verifier); err != nil {
			t.Errorf("since %d records: %v", c.Size, err)
		}
		if err := v.Verify(t.Context(), c); err != nil {
			t.Errorf("Verify with %d records: %v", c.Size, err)
		}
	}
	if since < 4 {
		t.Errorf("only %d earlier checkpoints", since)
	}

	// A part that was changed proves nothing, and one that is missing shows.
	files := w.segments()
	name := merkle.PartName(files[1])
	part, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(part)
	for i := range changed {
		changed[i] ^= 1
	}
	write(t, dir, name, changed)
	if p, err := v.Prove(int64(files[1].First)); err == nil {
		t.Errorf("a damaged part proves %+v", p)
	}
	write(t, dir, name, part[:len(part)-32])
	if p, err := v.Prove(1); err == nil {
		t.Errorf("a part that was cut proves %+v", p)
	}
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	if p, err := v.Prove(1); err == nil {
		t.Errorf("without a part: %+v", p)
	}
}

// What is left of a log whose oldest files were removed is proven like the whole.
func TestProofsOfTheRest(t *testing.T) {
	w := newWorld(t)
	var earlier [][]byte
	var opened []merkle.Checkpoint
	for round := range 8 {
		w.append(5)
		w.grow()
		if files := w.segments(); round%2 == 1 {
			if err := w.tree.Settle(files[1].First - 1); err != nil {
				t.Fatal(err)
			}
			if err := w.log.Remove(files[0]); err != nil {
				t.Fatal(err)
			}
		}
		if round%3 == 2 {
			w.tree.Close()
			w.open()
			w.grow()
		}
		first := int64(w.segments()[0].First)
		v := w.view()
		if v.Checkpoint.Size != int64(w.records) {
			t.Fatalf("checkpoint of %d records, want %d", v.Checkpoint.Size, w.records)
		}
		for seq := int64(1); seq <= int64(w.records); seq++ {
			p, err := v.Prove(seq)
			switch {
			case seq < first:
				if err == nil || !strings.Contains(err.Error(), "archived") {
					t.Errorf("record %d before %d: %v", seq, first, err)
				}
			case err != nil:
				t.Fatal(err)
			default:
				if _, err := p.Check(w.verifier); err != nil {
					t.Errorf("record %d: %v", seq, err)
				}
			}
		}
		for _, old := range earlier {
			if _, err := v.ProveSince(old, w.verifier); err != nil {
				t.Error(err)
			}
		}
		earlier = append(earlier, w.checkpoint())
		opened = append(opened, v.Checkpoint)
		if err := v.Verify(t.Context(), opened...); err != nil {
			t.Errorf("Verify: %v", err)
		}
	}

	// A change of a record, of a checkpoint of archived records, or of the hashes of
	// those shows.
	last := w.segments()[len(w.segments())-1].Name
	intact, tree := w.read(last), w.read("tree")
	write(t, w.dir, last, bytes.Replace(intact, []byte("Encrypt"), []byte("Decrypt"), 1))
	if err := w.view().Verify(t.Context()); !errors.Is(err, audit.ErrTampered) {
		t.Errorf("a changed record: %v, want ErrTampered", err)
	}
	write(t, w.dir, last, intact)
	forged := opened[0]
	forged.Root[0] ^= 1
	if err := w.view().Verify(t.Context(), forged); !errors.Is(err, audit.ErrTampered) {
		t.Errorf("another checkpoint of archived records: %v, want ErrTampered", err)
	}
	broken := bytes.Clone(tree)
	for i := range broken {
		broken[i] ^= 1
	}
	write(t, w.dir, "tree", broken)
	if err := w.view().Verify(t.Context()); !errors.Is(err, audit.ErrTampered) {
		t.Errorf("changed hashes: %v, want ErrTampered", err)
	}
}

// Of a tree that is damaged, what the log still has is made anew, and nothing
// of the rest is given up.
func TestDamagedTreeOfTheRest(t *testing.T) {
	w := newWorld(t)
	w.append(30)
	w.grow()
	dir, next := w.archive(2)
	for _, s := range w.segments()[:2] {
		if err := w.log.Remove(s); err != nil {
			t.Fatal(err)
		}
	}
	w.tree.Close()
	tree := w.read("tree")

	damaged := bytes.Clone(tree)
	for i := len(tree) - 400; i < len(tree); i++ {
		damaged[i] ^= 1
	}
	write(t, w.dir, "tree", damaged)
	w.open()
	w.grow()
	if err := w.view().Verify(t.Context()); err != nil || !bytes.Equal(w.read("tree"), tree) {
		t.Errorf("the tree was not made anew: %v", err)
	}
	w.tree.Close()

	write(t, w.dir, "tree", tree[:64])
	w.open()
	if err := w.tree.Grow(t.Context()); err == nil || errors.Is(err, audit.ErrTampered) {
		t.Errorf("Grow without the hashes of archived records = %v", err)
	}
	if err := w.tree.Settle(1); !errors.Is(err, merkle.ErrBehind) {
		t.Errorf("Settle = %v, want ErrBehind", err)
	}
	w.tree.Close()

	// The archive's parts, one behind the other, are what is missing.
	parts, err := filepath.Glob(filepath.Join(dir, "*.tree"))
	if err != nil {
		t.Fatal(err)
	}
	var whole []byte
	for _, name := range parts {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		whole = append(whole, b...)
	}
	write(t, w.dir, "tree", whole)
	w.open()
	w.grow()
	if err := w.view().Verify(t.Context()); err != nil || !bytes.Equal(w.read("tree"), tree) {
		t.Errorf("the tree was not made anew from parts: %v", err)
	}
	if _, err := w.view().Prove(int64(next)); err != nil {
		t.Error(err)
	}
}
