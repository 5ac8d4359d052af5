package merkle_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/audit/merkle"
)

// world is a log with its tree.
type world struct {
	t        testing.TB
	dir      string
	log      *audit.Log
	signer   note.Signer
	verifier note.Verifier
	tree     *merkle.Tree
	records  int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "keyfront.audit/test")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: t.TempDir()}
	if w.signer, err = note.NewSigner(secret); err != nil {
		t.Fatal(err)
	}
	if w.verifier, err = note.NewVerifier(public); err != nil {
		t.Fatal(err)
	}
	w.log, err = audit.Open(audit.Config{Dir: w.dir, HeadKeys: [][]byte{make([]byte, 32)}, SegmentBytes: 1500, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.log.Close() })
	w.open()
	return w
}

func (w *world) open() {
	w.t.Helper()
	reader, err := audit.OpenReader(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	w.tree, err = merkle.Open(merkle.Config{Dir: w.dir, Log: reader, Next: w.log.Acknowledged, Signer: w.signer, Verifier: w.verifier})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.tree.Close(); reader.Close() })
}

func (w *world) append(n int) {
	w.t.Helper()
	for range n {
		err := w.log.Append(w.t.Context(), &audit.Record{Time: time.Unix(1_800_000_000, 0), RequestID: fmt.Sprint(w.records), Action: "kms:Encrypt"})
		if err != nil {
			w.t.Fatal(err)
		}
		w.records++
	}
}

func (w *world) grow() {
	w.t.Helper()
	if err := w.tree.Grow(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if got := w.tree.Signed(); got != int64(w.records) {
		w.t.Errorf("Signed() = %d, want %d", got, w.records)
	}
}

func (w *world) view() *merkle.View {
	w.t.Helper()
	v, err := merkle.OpenView(w.dir, w.verifier)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { v.Close() })
	return v
}

func (w *world) checkpoint() []byte {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join(w.dir, merkle.CheckpointFile))
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// Every record of every size of tree can be proven, and every earlier
// checkpoint; over reopening, and with the tree's file gone.
func TestProofs(t *testing.T) {
	w := newWorld(t)
	var earlier [][]byte
	var opened []merkle.Checkpoint
	for size := 1; size <= 20; size++ {
		w.append(1)
		switch size % 5 {
		case 2:
			w.open()
		case 3:
			w.tree.Close()
			if err := os.Remove(filepath.Join(w.dir, "tree")); err != nil {
				t.Fatal(err)
			}
			w.open()
		}
		w.grow()
		v := w.view()
		if v.Checkpoint.Size != int64(size) {
			t.Fatalf("checkpoint of %d records, want %d", v.Checkpoint.Size, size)
		}
		for seq := int64(1); seq <= int64(size); seq++ {
			p, err := v.Prove(seq)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Check(w.verifier); err != nil {
				t.Errorf("record %d of %d: %v", seq, size, err)
			}
			p.Record = string(bytes.Replace([]byte(p.Record), []byte("Encrypt"), []byte("Decrypt"), 1))
			if _, err := p.Check(w.verifier); !errors.Is(err, merkle.ErrProof) {
				t.Errorf("a changed record %d of %d: %v, want ErrProof", seq, size, err)
			}
		}
		for _, old := range earlier {
			p, err := v.ProveSince(old, w.verifier)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Check(w.verifier); err != nil {
				t.Errorf("since a checkpoint, at %d: %v", size, err)
			}
		}
		earlier = append(earlier, w.checkpoint())
		opened = append(opened, v.Checkpoint)
		if err := v.Verify(t.Context(), opened...); err != nil {
			t.Errorf("Verify at %d: %v", size, err)
		}
	}
	if _, err := w.view().Prove(21); err == nil {
		t.Error("a record that is not there was proven")
	}
}

// TestAnotherLog: a log that was written anew, chain and all, is not the one of
// the checkpoint. Neither the server nor the verifier takes it.
func TestAnotherLog(t *testing.T) {
	w := newWorld(t)
	w.append(12)
	w.grow()
	old := w.view().Checkpoint
	for _, name := range []string{"*.log", "head", "tree"} {
		files, err := filepath.Glob(filepath.Join(w.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	var err error
	w.log, err = audit.Open(audit.Config{Dir: w.dir, HeadKeys: [][]byte{make([]byte, 32)}, SegmentBytes: 1500, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.records = 100
	w.append(5)
	w.open()
	if err := w.tree.Grow(t.Context()); !errors.Is(err, audit.ErrTampered) {
		t.Errorf("Grow of a shorter log = %v, want ErrTampered", err)
	}
	w.append(20)
	w.open()
	if err := w.tree.Grow(t.Context()); !errors.Is(err, audit.ErrTampered) {
		t.Errorf("Grow of another log = %v, want ErrTampered", err)
	}
	if err := w.view().Verify(t.Context(), old); !errors.Is(err, audit.ErrTampered) {
		t.Errorf("Verify of another log = %v, want ErrTampered", err)
	}
}

func TestDamagedTreeIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	w.append(9)
	w.grow()
	w.tree.Close()
	file := filepath.Join(w.dir, "tree")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	whole[40] ^= 1
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	w.append(1)
	w.open()
	w.grow()
	if err := w.view().Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// A tree that could not be read goes on when it can be: the record at which it
// failed is not passed over.
func TestTreeThatCouldNotBeRead(t *testing.T) {
	w := newWorld(t)
	w.append(3)
	w.grow()
	name := filepath.Join(w.dir, "tree")
	tree, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, 0); err != nil {
		t.Fatal(err)
	}
	w.append(1) // which completes subtrees
	if err := w.tree.Grow(t.Context()); err == nil {
		t.Fatal("Grow did not fail")
	}
	if err := os.WriteFile(name, tree, 0o600); err != nil {
		t.Fatal(err)
	}
	w.append(1)
	w.grow()
	if v := w.view(); v.Checkpoint.Size != 5 {
		t.Errorf("the checkpoint has %d records, want 5", v.Checkpoint.Size)
	} else if err := v.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOnlyTheKeySigns(t *testing.T) {
	w := newWorld(t)
	w.append(3)
	w.grow()
	other := newWorld(t)
	if _, err := merkle.OpenCheckpoint(w.checkpoint(), other.verifier); !errors.Is(err, merkle.ErrCheckpoint) {
		t.Errorf("another key's checkpoint: %v", err)
	}
	signed := w.checkpoint()
	for at := range signed {
		changed := bytes.Clone(signed)
		changed[at] ^= 1
		if c, err := merkle.OpenCheckpoint(changed, w.verifier); err == nil && c != w.view().Checkpoint {
			t.Errorf("byte %d changed: %+v", at, c)
		}
	}
}

// FuzzProof: what comes as a proof never ends the program, and proves nothing
// but what the key holder signed.
func FuzzProof(f *testing.F) {
	w := newWorld(f)
	w.append(6)
	w.grow()
	p, err := w.view().Prove(4)
	if err != nil {
		f.Fatal(err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"checkpoint":"","seq":1,"record":"{}"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var got merkle.Proof
		if json.Unmarshal(text, &got) != nil {
			return
		}
		if _, err := got.Check(w.verifier); err == nil && got.Record != p.Record && got.Earlier == "" {
			t.Errorf("proves %q", got.Record)
		}
	})
}
