package sealed_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

const (
	headerBytes = 50
	sealedChunk = sealed.ChunkBytes + 16
)

var someBinding = sealed.Bind("object", "bucket", "key", "version", "1")

func sealObject(t testing.TB, key sealed.Secret, b sealed.Binding, plaintext []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := sealed.NewWriter(&out, key, b)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w.Write(plaintext); n != len(plaintext) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func openObject(object []byte, key sealed.Secret, b sealed.Binding) (*sealed.Reader, error) {
	return sealed.NewReader(bytes.NewReader(object), int64(len(object)), key, b)
}

// readObject opens all of an object.
func readObject(object []byte, key sealed.Secret, b sealed.Binding) ([]byte, error) {
	r, err := openObject(object, key, b)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = r.Section(0, r.Size()).WriteTo(&out)
	return out.Bytes(), err
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func TestObjectRoundTrip(t *testing.T) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	const c = sealed.ChunkBytes
	for _, size := range []int{0, 1, 15, 16, 17, c - 1, c, c + 1, 2*c - 1, 2 * c, 2*c + 1, 5*c + 77} {
		plaintext := randomBytes(size)
		object := sealObject(t, key, someBinding, plaintext)
		if got := sealed.SealedSize(int64(size)); got != int64(len(object)) {
			t.Errorf("SealedSize(%d) = %d, want %d", size, got, len(object))
		}
		if got, err := sealed.PlainSize(int64(len(object))); err != nil || got != int64(size) {
			t.Errorf("PlainSize(%d) = %d, %v, want %d", len(object), got, err, size)
		}
		got, err := readObject(object, key, someBinding)
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Errorf("size %d: %v, equal %v", size, err, bytes.Equal(got, plaintext))
		}
		r, err := openObject(object, key, someBinding)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(r.Section(0, r.Size()), plaintext); err != nil {
			t.Errorf("size %d: Section: %v", size, err)
		}
		// It reads byte by byte, and ReadAt opens a chunk for each.
		if size < 1000 {
			if err := iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), plaintext); err != nil {
				t.Errorf("size %d: ReadAt: %v", size, err)
			}
		}
	}
}

// TestObjectWrites checks that it does not matter in which pieces the plaintext
// comes.
func TestObjectWrites(t *testing.T) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	salt := [16]byte{1}
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.IntRange(0, 3*sealed.ChunkBytes), 0, 5).Draw(t, "pieces")
		var plaintext []byte
		var object bytes.Buffer
		w, err := sealed.NewWriterFixed(salt, &object, key, someBinding)
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range pieces {
			piece := bytes.Repeat([]byte{byte(i + 1)}, n)
			plaintext = append(plaintext, piece...)
			if m, err := w.Write(piece); m != n || err != nil {
				t.Fatalf("Write = %d, %v", m, err)
			}
			clear(piece) // a writer must not keep what it was given
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := readObject(object.Bytes(), key, someBinding)
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Fatalf("pieces %v: %v", pieces, err)
		}
	})
}

// countingReader records which bytes of an object were read.
type countingReader struct {
	io.ReaderAt
	from, to int64
}

func (c *countingReader) ReadAt(p []byte, off int64) (int, error) {
	c.from, c.to = min(c.from, off), max(c.to, off+int64(len(p)))
	return c.ReaderAt.ReadAt(p, off)
}

func TestObjectRanges(t *testing.T) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	plaintext := randomBytes(4*sealed.ChunkBytes + 1234)
	size := int64(len(plaintext))
	object := sealObject(t, key, someBinding, plaintext)
	src := &countingReader{ReaderAt: bytes.NewReader(object)}
	r, err := sealed.NewReader(src, int64(len(object)), key, someBinding)
	if err != nil {
		t.Fatal(err)
	}
	near := rapid.Custom(func(t *rapid.T) int64 {
		return max(0, rapid.Int64Range(0, 5).Draw(t, "chunk")*sealed.ChunkBytes+rapid.Int64Range(-3, 3).Draw(t, "delta"))
	})
	anywhere := rapid.OneOf(near, rapid.Int64Range(0, size+10))
	rapid.Check(t, func(t *rapid.T) {
		off, end := anywhere.Draw(t, "from"), anywhere.Draw(t, "to")
		if off > end {
			off, end = end, off
		}
		want := plaintext[min(off, size):min(end, size)]

		src.from, src.to = int64(len(object)), 0
		p := make([]byte, end-off)
		n, err := r.ReadAt(p, off)
		if !bytes.Equal(p[:n], want) {
			t.Fatalf("ReadAt(%d bytes, %d) differs", len(p), off)
		}
		if short := n < len(p) || off >= size; short != (err == io.EOF) || !short && err != nil {
			t.Fatalf("ReadAt(%d bytes, %d) = %d, %v", len(p), off, n, err)
		}
		if n > 0 {
			first, last := off/sealed.ChunkBytes, (off+int64(n)-1)/sealed.ChunkBytes
			wantFrom, wantTo := headerBytes+first*sealedChunk, min(headerBytes+(last+1)*sealedChunk, int64(len(object)))
			if src.from != wantFrom || src.to != wantTo {
				t.Fatalf("ReadAt(%d bytes, %d) read bytes %d to %d, want %d to %d", len(p), off, src.from, src.to, wantFrom, wantTo)
			}
		}

		var out bytes.Buffer
		if n, err := r.Section(off, end-off).WriteTo(&out); err != nil || n != int64(len(want)) || !bytes.Equal(out.Bytes(), want) {
			t.Fatalf("Section(%d, %d).WriteTo = %d, %v", off, end-off, n, err)
		}
		s := r.Section(off, end-off)
		step := rapid.IntRange(1000, 2*sealed.ChunkBytes).Draw(t, "step")
		got, err := io.ReadAll(iotest.OneByteReader(io.LimitReader(s, 3)))
		for err == nil {
			piece := make([]byte, step)
			n, readErr := s.Read(piece)
			got, err = append(got, piece[:n]...), readErr
		}
		if err != io.EOF || !bytes.Equal(got, want) {
			t.Fatalf("Section(%d, %d) = %d bytes, %v", off, end-off, len(got), err)
		}
	})
	if _, err := r.ReadAt(make([]byte, 1), -1); err == nil || err == io.EOF {
		t.Errorf("ReadAt(-1) = %v, want an error", err)
	}
	for _, s := range []*sealed.Section{r.Section(-5, 0), r.Section(size, 1<<62), r.Section(3, -1)} {
		if b, err := io.ReadAll(s); len(b) != 0 || err != nil {
			t.Errorf("an empty section = %d bytes, %v", len(b), err)
		}
	}
	if b, err := io.ReadAll(r.Section(1, 1<<63-1)); err != nil || !bytes.Equal(b, plaintext[1:]) {
		t.Errorf("the longest section = %d bytes, %v", len(b), err)
	}
}

func TestObjectDetectsEveryFlippedByte(t *testing.T) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	for _, size := range []int{0, 40} {
		object := sealObject(t, key, someBinding, randomBytes(size))
		for i := range object {
			bad := bytes.Clone(object)
			bad[i] ^= 0x10
			if _, err := readObject(bad, key, someBinding); !errors.Is(err, sealed.ErrCorrupt) {
				t.Errorf("size %d, byte %d flipped: %v, want ErrCorrupt", size, i, err)
			}
			if i >= headerBytes {
				continue
			}
			if _, err := openObject(bad, key, someBinding); !errors.Is(err, sealed.ErrCorrupt) {
				t.Errorf("size %d, byte %d of the header flipped: NewReader = %v, want ErrCorrupt", size, i, err)
			}
		}
	}
}

func TestObjectDetectsMovedChunks(t *testing.T) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	plaintext := randomBytes(3*sealed.ChunkBytes + 9)
	object := sealObject(t, key, someBinding, plaintext)
	other := sealObject(t, key, someBinding, plaintext) // another attempt
	part2 := sealObject(t, key, sealed.Bind("object", "bucket", "key", "version", "2"), plaintext)
	chunk := func(o []byte, i int) []byte {
		return o[headerBytes+i*sealedChunk : min(headerBytes+(i+1)*sealedChunk, len(o))]
	}
	header := object[:headerBytes]
	for name, bad := range map[string][]byte{
		"last chunk cut":            object[:headerBytes+3*sealedChunk],
		"two chunks cut":            object[:headerBytes+2*sealedChunk],
		"all chunks cut":            header,
		"cut to an empty object":    object[:headerBytes+16],
		"cut in a chunk":            object[:headerBytes+sealedChunk+500],
		"cut by a byte":             object[:len(object)-1],
		"cut in the header":         object[:30],
		"nothing left":              nil,
		"first chunk cut":           slices.Concat(header, object[headerBytes+sealedChunk:]),
		"two chunks exchanged":      slices.Concat(header, chunk(object, 1), chunk(object, 0), chunk(object, 2), chunk(object, 3)),
		"a chunk doubled":           slices.Concat(header, chunk(object, 0), chunk(object, 0), chunk(object, 1), chunk(object, 2), chunk(object, 3)),
		"the last chunk doubled":    slices.Concat(object, chunk(object, 3)),
		"a byte more":               append(bytes.Clone(object), 0),
		"another object after it":   append(bytes.Clone(object), other...),
		"a chunk of other attempt":  slices.Concat(header, chunk(object, 0), chunk(other, 1), chunk(object, 2), chunk(object, 3)),
		"a chunk of other part":     slices.Concat(header, chunk(object, 0), chunk(part2, 1), chunk(object, 2), chunk(object, 3)),
		"chunks of other attempt":   slices.Concat(header, other[headerBytes:]),
		"the other part altogether": part2,
	} {
		if got, err := readObject(bad, key, someBinding); !errors.Is(err, sealed.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		} else if !bytes.HasPrefix(plaintext, got) {
			t.Errorf("%s: wrong bytes came out before the error", name)
		}
	}
	if _, err := readObject(other, key, someBinding); err != nil {
		t.Errorf("the other attempt itself: %v", err)
	}
}

func TestObjectBindsKeyAndPlace(t *testing.T) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	object := sealObject(t, key, sealed.Bind("object", "bucket", "key", "v1"), []byte("x"))
	for _, parts := range [][]string{
		{"object", "bucket", "key", "v2"},
		{"object", "bucket", "key"},
		{"object", "bucket", "key", "v1", ""},
		{"object", "bucketkey", "", "v1"},
		{"object", "bucke", "tkey", "v1"},
		{},
	} {
		if _, err := openObject(object, key, sealed.Bind(parts...)); !errors.Is(err, sealed.ErrCorrupt) {
			t.Errorf("NewReader bound to %q = %v, want ErrCorrupt", parts, err)
		}
	}
	if _, err := openObject(object, sealed.RandomSecret(sealed.KeyBytes), sealed.Bind("object", "bucket", "key", "v1")); !errors.Is(err, sealed.ErrCorrupt) {
		t.Errorf("NewReader with another key = %v, want ErrCorrupt", err)
	}
	for name, try := range map[string]func() error{
		"writer, short key":    func() error { _, err := sealed.NewWriter(io.Discard, sealed.RandomSecret(16), someBinding); return err },
		"writer, zero Binding": func() error { _, err := sealed.NewWriter(io.Discard, key, sealed.Binding{}); return err },
		"reader, short key":    func() error { _, err := openObject(object, sealed.RandomSecret(16), someBinding); return err },
		"reader, zero Binding": func() error { _, err := openObject(object, key, sealed.Binding{}); return err },
	} {
		if err := try(); err == nil || errors.Is(err, sealed.ErrCorrupt) {
			t.Errorf("%s: %v, want an error about the argument", name, err)
		}
	}
}

func TestObjectSizes(t *testing.T) {
	for _, size := range []int64{-1, 0, 1, 49, 50, 65, headerBytes + sealedChunk + 1, headerBytes + sealedChunk + 16, sealed.SealedSize(sealed.MaxObjectBytes) + 1, 1<<63 - 1, -1 << 63} {
		if got, err := sealed.PlainSize(size); !errors.Is(err, sealed.ErrCorrupt) {
			t.Errorf("PlainSize(%d) = %d, %v, want ErrCorrupt", size, got, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.Int64Range(0, sealed.MaxObjectBytes).Draw(t, "plain")
		if got, err := sealed.PlainSize(sealed.SealedSize(plain)); err != nil || got != plain {
			t.Fatalf("PlainSize(SealedSize(%d)) = %d, %v", plain, got, err)
		}
	})
}

// failingWriter fails once it has taken left bytes.
type failingWriter struct{ left int }

var errDisk = errors.New("disk full")

func (f *failingWriter) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errDisk
	}
	return len(p), nil
}

func TestObjectWriterFails(t *testing.T) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	for _, left := range []int{0, sealedChunk + 100, 4*sealedChunk + 100, 8*sealedChunk + 100} {
		w, err := sealed.NewWriter(&failingWriter{left}, key, someBinding)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Write(make([]byte, 9*sealed.ChunkBytes))
		if err == nil {
			err = w.Close()
		}
		if !errors.Is(err, errDisk) {
			t.Errorf("disk full after %d bytes: %v, want the disk's error", left, err)
		}
		for range 2 {
			if err := w.Close(); !errors.Is(err, errDisk) {
				t.Errorf("Close after a failure = %v, want the failure", err)
			}
		}
	}
	w, err := sealed.NewWriter(io.Discard, key, someBinding)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Errorf("Close twice = %v", err)
	}
	if n, err := w.Write([]byte("x")); n != 0 || err == nil {
		t.Errorf("Write after Close = %d, %v, want an error", n, err)
	}
}

type failingReader struct {
	io.ReaderAt
	from int64
}

func (f failingReader) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.from {
		return 0, errDisk
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestObjectSourceFails(t *testing.T) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	object := sealObject(t, key, someBinding, make([]byte, 2*sealed.ChunkBytes))
	if _, err := sealed.NewReader(failingReader{bytes.NewReader(object), 0}, int64(len(object)), key, someBinding); !errors.Is(err, errDisk) || errors.Is(err, sealed.ErrCorrupt) {
		t.Errorf("NewReader = %v, want the disk's error", err)
	}
	r, err := sealed.NewReader(failingReader{bytes.NewReader(object), sealedChunk}, int64(len(object)), key, someBinding)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.ReadAt(make([]byte, 2*sealed.ChunkBytes), 0); n != sealed.ChunkBytes || !errors.Is(err, errDisk) || errors.Is(err, sealed.ErrCorrupt) {
		t.Errorf("ReadAt = %d, %v, want one chunk and the disk's error", n, err)
	}
	if n, err := io.Copy(io.Discard, r.Section(0, r.Size())); n != sealed.ChunkBytes || !errors.Is(err, errDisk) {
		t.Errorf("Copy = %d, %v, want one chunk and the disk's error", n, err)
	}
	if n, err := r.Section(0, r.Size()).WriteTo(&failingWriter{100}); n != 0 || !errors.Is(err, errDisk) {
		t.Errorf("WriteTo a full disk = %d, %v", n, err)
	}
}

func TestObjectReadsAtOnce(t *testing.T) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	plaintext := randomBytes(6*sealed.ChunkBytes + 5)
	r, err := openObject(sealObject(t, key, someBinding, plaintext), key, someBinding)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20 {
				off := (g*7919 + i*104729) % len(plaintext)
				p := make([]byte, min(100_000, len(plaintext)-off))
				if _, err := r.ReadAt(p, int64(off)); err != nil || !bytes.Equal(p, plaintext[off:off+len(p)]) {
					t.Errorf("ReadAt(%d) = %v", off, err)
				}
			}
		})
	}
	wg.Wait()
}

// FuzzReader opens objects that were sealed honestly and then changed.
func FuzzReader(f *testing.F) {
	key := sealed.NewSecret(pattern(0, 32))
	plaintext := pattern(0, sealed.ChunkBytes+20)
	object := sealObject(f, key, someBinding, plaintext)
	f.Add(0, byte(1), 0, []byte(nil))
	f.Add(len(object)-1, byte(0), 16, []byte("x"))
	f.Fuzz(func(t *testing.T, at int, xor byte, cut int, more []byte) {
		bad := bytes.Clone(object)
		if at >= 0 && at < len(bad) {
			bad[at] ^= xor
		}
		bad = append(bad[:len(bad)-min(max(cut, 0), len(bad))], more...)
		got, err := readObject(bad, key, someBinding)
		if (err == nil) != bytes.Equal(bad, object) {
			t.Fatalf("reading = %v, though the object is changed: %v", err, !bytes.Equal(bad, object))
		}
		if err != nil && !errors.Is(err, sealed.ErrCorrupt) || !bytes.HasPrefix(plaintext, got) {
			t.Fatalf("%d bytes and %v, want a prefix and ErrCorrupt", len(got), err)
		}
	})
}

func BenchmarkObject(b *testing.B) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	for _, size := range []int{1, 4 << 10, 1 << 20, 64 << 20} {
		plaintext := make([]byte, size)
		object := sealObject(b, key, someBinding, plaintext)
		name := fmt.Sprint(size)
		// What the machine can do: the same chunks, copied once and sealed
		// under one key in one buffer.
		b.Run("gcm-and-copy/"+name, func(b *testing.B) {
			b.SetBytes(int64(size))
			aead, nonce, buf := specGCM(pattern(0, 32)), make([]byte, 12), make([]byte, sealedChunk)
			for b.Loop() {
				for chunk := range slices.Chunk(plaintext, sealed.ChunkBytes) {
					n := copy(buf, chunk)
					aead.Seal(buf[:0], nonce, buf[:n], nil)
				}
			}
		})
		b.Run("write/"+name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				w, err := sealed.NewWriter(io.Discard, key, someBinding)
				if err != nil {
					b.Fatal(err)
				}
				// As io.Copy does it.
				for piece := range slices.Chunk(plaintext, 32<<10) {
					w.Write(piece)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("read/"+name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				r, err := openObject(object, key, someBinding)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.Section(0, r.Size()).WriteTo(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("read-one-byte-of/64MiB", func(b *testing.B) {
		object := sealObject(b, key, someBinding, make([]byte, 64<<20))
		b.ReportAllocs()
		for b.Loop() {
			r, err := openObject(object, key, someBinding)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := r.ReadAt(make([]byte, 1), 40<<20); err != nil {
				b.Fatal(err)
			}
		}
	})
}
