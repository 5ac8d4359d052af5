package audit_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/keyfront-project/keyfront/internal/audit"
)

// oldest returns the log's oldest file.
func oldest(t *testing.T, dir string) audit.Segment {
	t.Helper()
	return segmentsOf(t, dir)[0]
}

func segmentsOf(t *testing.T, dir string) []audit.Segment {
	t.Helper()
	r, err := audit.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	list, err := r.Segments()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// shortened makes a log of 12 records in several files and removes the oldest.
func shortened(t *testing.T) (dir string, l *audit.Log) {
	t.Helper()
	dir = t.TempDir()
	l = open(t, dir, 900)
	appendAll(t, l, 12)
	if err := l.Remove(oldest(t, dir)); err != nil {
		t.Fatal(err)
	}
	return dir, l
}

func TestRemoveTheOldestFile(t *testing.T) {
	dir, l := shortened(t)
	first := oldest(t, dir).First
	if first <= 1 {
		t.Fatalf("the log begins with record %d", first)
	}
	appendAll(t, l, 3)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, keys := range [][][]byte{headKeys, nil} {
		if rep, err := audit.Verify(t.Context(), dir, keys); err != nil || rep.First != first || rep.Records != 15-first+1 {
			t.Errorf("Verify = %+v, %v, want records %d to 15", rep, err, first)
		}
	}
	l = open(t, dir, 900)
	appendAll(t, l, 3)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.Records != 18-first+1 {
		t.Errorf("Verify after reopening = %+v, %v", rep, err)
	}
}

func TestOnlyTheOldestFullFileIsRemoved(t *testing.T) {
	dir, l := shortened(t)
	defer l.Close()
	files := segmentsOf(t, dir)
	if err := l.Remove(files[1]); err == nil {
		t.Error("a file in the middle was removed")
	}
	for _, s := range files[:len(files)-1] {
		if err := l.Remove(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Remove(files[len(files)-1]); err == nil {
		t.Error("the file that is being written was removed")
	}
	appendAll(t, l, 1)
	if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.Records != 13-rep.First+1 {
		t.Errorf("Verify = %+v, %v", rep, err)
	}
}

// A file that was begun for a record that could not be written is empty. When it
// is all that Remove leaves, the log is still whole.
func TestRemoveUpToAnEmptyFile(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 900)
	appendAll(t, l, 1)
	for files := 1; len(segmentsOf(t, dir)) == files; {
		appendAll(t, l, 1)
		files = len(segmentsOf(t, dir))
		restore := audit.InjectFault(l, audit.FaultWriteNothing)
		if err := l.Append(t.Context(), &audit.Record{}); err == nil {
			t.Fatal("Append did not fail")
		}
		restore()
	}
	for files := segmentsOf(t, dir); len(files) > 1; files = files[1:] {
		if err := l.Remove(files[0]); err != nil {
			t.Fatal(err)
		}
	}
	if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.Records != 0 {
		t.Errorf("Verify = %+v, %v, want no records", rep, err)
	}
	appendAll(t, l, 2)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.Records != 2 {
		t.Errorf("Verify = %+v, %v, want two records", rep, err)
	}
}

// What Remove leaves, nobody without the key can go on with.
func TestOthersCannotShortenALog(t *testing.T) {
	tests := map[string]func(t *testing.T, dir string){
		"next file": func(t *testing.T, dir string) { remove(t, logFiles(t, dir)[0]) },
		"mark":      func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "begin")) },
		"mark cut": func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "begin"), read(t, filepath.Join(dir, "begin"))[:40])
		},
		"mark moved": func(t *testing.T, dir string) {
			b := read(t, filepath.Join(dir, "begin"))
			b[7]++
			write(t, filepath.Join(dir, "begin"), b)
		},
		// The head's slots have the same form, and a later place.
		"mark of the head": func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "begin"), read(t, filepath.Join(dir, "head"))[:72])
			for _, name := range logFiles(t, dir) {
				remove(t, name)
			}
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			dir, l := shortened(t)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			change(t, dir)
			refused(t, dir)
		})
	}
	t.Run("whole log", func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, dir, 900)
		appendAll(t, l, 12)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		remove(t, logFiles(t, dir)[0])
		refused(t, dir)
	})
}

// A crash at any step of Remove leaves a whole log, and Remove can be had again.
func TestRemoveThatFails(t *testing.T) {
	for _, fault := range []audit.Fault{audit.FaultWriteNothing, audit.FaultWriteHalf, audit.FaultWriteAll, audit.FaultSync, audit.FaultRemove} {
		t.Run(fault.String(), func(t *testing.T) {
			dir, l := shortened(t)
			s := oldest(t, dir)
			restore := audit.InjectFault(l, fault)
			if err := l.Remove(s); err == nil {
				t.Fatal("Remove did not fail")
			}
			restore()
			if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.First != s.First {
				t.Errorf("Verify = %+v, %v, want %s to be there still", rep, err, s.Name)
			}
			// As after a crash: the log is opened without having been closed.
			again := open(t, dir, 900)
			if err := again.Remove(s); err != nil {
				t.Fatal(err)
			}
			appendAll(t, again, 1)
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
			if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.First <= s.First || rep.Records != 13-rep.First+1 {
				t.Errorf("Verify = %+v, %v", rep, err)
			}
		})
	}
}

func TestTheBeginningFollowsARotation(t *testing.T) {
	next := bytes.Repeat([]byte{8}, 32)
	for _, restart := range []bool{false, true} {
		dir, l := shortened(t)
		if !restart {
			if err := l.Rekey(next); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if restart {
			l, err := audit.Open(audit.Config{Dir: dir, HeadKeys: [][]byte{next, headKeys[0]}, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := audit.Verify(t.Context(), dir, [][]byte{next}); err != nil {
			t.Errorf("restart %t: Verify under the new key alone = %v", restart, err)
		}
	}
}

// pack compresses a file as an archive has it.
func pack(t *testing.T, name string) {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(read(t, name)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, name+audit.PackedSuffix, packed.Bytes())
	remove(t, name)
}

func TestPackedFiles(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 900)
	appendAll(t, l, 12)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	remove(t, filepath.Join(dir, "head"))
	whole, err := audit.Verify(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	names := logFiles(t, dir)
	r, err := audit.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var lines []string
	for _, s := range segmentsOf(t, dir) {
		for line, err := range r.Lines(s, 0) {
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, string(line.Text))
		}
	}
	twice := read(t, names[1])
	for _, name := range names {
		pack(t, name)
	}
	write(t, names[1], twice) // one that is there in both forms counts once
	if rep, err := audit.Verify(t.Context(), dir, nil); err != nil || rep != whole {
		t.Errorf("Verify = %+v, %v, want %+v", rep, err, whole)
	}
	for _, s := range segmentsOf(t, dir) {
		f, err := r.Open(s)
		if err != nil {
			t.Fatal(err)
		}
		for line, err := range r.Lines(s, 0) {
			if err != nil || string(line.Text) != lines[line.Seq-1] {
				t.Fatalf("line %s, %v, want %s", line.Text, err, lines[line.Seq-1])
			}
			b := make([]byte, len(line.Text))
			if _, err := f.ReadAt(b, line.Offset); err != nil || !bytes.Equal(b, line.Text) {
				t.Fatalf("at %d is %q, %v, want %q", line.Offset, b, err, line.Text)
			}
			for behind, err := range r.Lines(s, line.End()) {
				if err != nil || behind.Seq != line.Seq+1 {
					t.Fatalf("behind %d comes %d, %v", line.Seq, behind.Seq, err)
				}
				break
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}

	// No byte of a packed file can be changed, and none be missing.
	name := names[2] + audit.PackedSuffix
	intact := read(t, name)
	for i := range intact {
		b := bytes.Clone(intact)
		b[i] ^= 0x10
		write(t, name, b)
		rep, err := audit.Verify(t.Context(), dir, nil)
		if err == nil && rep == whole {
			continue // a byte of gzip's header that says nothing
		}
		if !errors.Is(err, audit.ErrTampered) {
			t.Fatalf("byte %d changed: Verify = %+v, %v, want ErrTampered", i, rep, err)
		}
	}
	for i := range intact {
		write(t, name, intact[:i])
		if rep, err := audit.Verify(t.Context(), dir, nil); !errors.Is(err, audit.ErrTampered) {
			t.Fatalf("cut to %d bytes: Verify = %+v, %v, want ErrTampered", i, rep, err)
		}
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if rep, err := audit.Verify(t.Context(), dir, nil); !errors.Is(err, audit.ErrTampered) {
		t.Errorf("without a file: Verify = %+v, %v, want ErrTampered", rep, err)
	}
}
