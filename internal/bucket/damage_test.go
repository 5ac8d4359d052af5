package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// tampered is a blob store whose blobs can be changed behind its back. It also
// counts the bytes that are read.
type tampered struct {
	store.Blobs
	change func(name string, content []byte) []byte
	read   int
}

func (s *tampered) Open(ctx context.Context, name string) (store.Blob, error) {
	b, err := s.Blobs.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	content := make([]byte, b.SizeBytes())
	if _, err := b.ReadAt(content, 0); err != nil && err != io.EOF {
		return nil, err
	}
	if s.change != nil {
		content = s.change(name, content)
	}
	return &changedBlob{bytes.NewReader(content), s}, nil
}

type changedBlob struct {
	*bytes.Reader
	s *tampered
}

func (b *changedBlob) ReadAt(p []byte, off int64) (int, error) {
	b.s.read += len(p)
	return b.Reader.ReadAt(p, off)
}
func (b *changedBlob) Close() error     { return nil }
func (b *changedBlob) SizeBytes() int64 { return b.Size() }

// readAll returns what a reader got before its error.
func (w *world) readAll(name, key string) ([]byte, error) {
	o, err := w.Get(w.t.Context(), w.root(), bucket.Get{Bucket: name, Key: key})
	if err != nil {
		return nil, err
	}
	defer o.Close()
	return io.ReadAll(o)
}

func TestChangedBlobNeverReads(t *testing.T) {
	for _, wish := range []bucket.EncryptionWish{sseS3, sseKMS} {
		blobs := &tampered{Blobs: memory.NewBlobs()}
		w := newWorld(t, memory.NewRecords(), blobs)
		w.bucket("films")
		const size = 3*sealed.ChunkBytes + 5
		w.put("films", "k", pattern(size), wish)
		total := int(sealed.SealedSize(size))
		changes := map[string]func([]byte) []byte{
			"empty":     func(b []byte) []byte { return nil },
			"last byte": func(b []byte) []byte { return b[:len(b)-1] },
			"last chunk": func(b []byte) []byte {
				return b[:sealed.SealedSize(3*sealed.ChunkBytes)]
			},
			"longer": func(b []byte) []byte { return append(b, 0) },
			"chunks exchanged": func(b []byte) []byte {
				const head, chunk = 50, sealed.ChunkBytes + 16
				x := slices.Clone(b)
				copy(x[head:], b[head+chunk:head+2*chunk])
				copy(x[head+chunk:], b[head:head+chunk])
				return x
			},
		}
		for name, change := range changes {
			blobs.change = func(_ string, b []byte) []byte { return change(b) }
			if got, err := w.readAll("films", "k"); !errors.Is(err, bucket.ErrCorrupt) {
				t.Errorf("%s: read %d bytes, %v, want ErrCorrupt", name, len(got), err)
			}
		}
		rapid.Check(t, func(t *rapid.T) {
			at := rapid.IntRange(0, total-1).Draw(t, "at")
			bit := rapid.IntRange(0, 7).Draw(t, "bit")
			blobs.change = func(_ string, b []byte) []byte {
				b[at] ^= 1 << bit
				return b
			}
			got, err := w.readAll("films", "k")
			if !errors.Is(err, bucket.ErrCorrupt) || !bytes.HasPrefix(pattern(size), got) {
				t.Fatalf("bit %d of byte %d: read %d bytes, %v", bit, at, len(got), err)
			}
		})
	}
}

func TestExchangedBlobs(t *testing.T) {
	blobs := &tampered{Blobs: memory.NewBlobs()}
	w := newWorld(t, memory.NewRecords(), blobs)
	w.bucket("films")
	w.put("films", "a", pattern(100_000), sseS3)
	var first []byte
	blobs.change = func(_ string, b []byte) []byte { first = b; return b }
	if _, err := w.readAll("films", "a"); err != nil {
		t.Fatal(err)
	}
	older := first
	blobs.change = nil
	w.put("films", "a", pattern(100_000), sseS3)
	w.put("films", "b", pattern(100_000), sseS3)
	blobs.change = func(string, []byte) []byte { return older }
	for _, key := range []string{"a", "b"} {
		if _, err := w.readAll("films", key); !errors.Is(err, bucket.ErrCorrupt) {
			t.Errorf("%s with an older blob of a: %v, want ErrCorrupt", key, err)
		}
	}
}

func TestRemovedBlob(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	w.put("films", "k", pattern(100_000), sseS3)
	for b, err := range w.blobs.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		w.blobs.Delete(t.Context(), b.Name)
	}
	if _, err := w.readAll("films", "k"); !errors.Is(err, bucket.ErrCorrupt) {
		t.Errorf("read = %v, want ErrCorrupt", err)
	}
	if _, err := w.Head(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k"}); err != nil {
		t.Errorf("Head = %v", err)
	}
}

// Every change of a byte of an object's records is found: by the MAC, by the
// wrapped key, by the chunks, or because the record does not decode.
func TestChangedRecordNeverReads(t *testing.T) {
	records := memory.NewRecords()
	w := newWorld(t, records, memory.NewBlobs())
	w.bucket("films")
	want := []byte("hello, world")
	w.put("films", "k", want, sseKMS)
	for _, space := range []store.Space{"s3.object", "s3.inline"} {
		key, value := only(t, records, space)
		write := func(b []byte) {
			if err := records.Update(t.Context(), func(tx store.Writer) error { return tx.Put(space, key, b) }); err != nil {
				t.Fatal(err)
			}
		}
		// The last byte counts the tags, which are not part of what the data
		// key authenticates; it cannot grow without more bytes.
		for i := range value {
			b := slices.Clone(value)
			b[i] ^= 1
			write(b)
			if got, err := w.readAll("films", "k"); err == nil {
				t.Errorf("%s: byte %d of %d changed and read %q", space, i, len(value), got)
			}
		}
		write(value)
		if got, err := w.readAll("films", "k"); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("unchanged: %q, %v", got, err)
		}
	}
}

// only returns the single record of a space.
func only(t testing.TB, records store.Records, space store.Space) (key string, value []byte) {
	t.Helper()
	n := 0
	err := records.View(t.Context(), func(tx store.Reader) error {
		for rec, err := range tx.Scan(space, store.Range{}) {
			if err != nil {
				return err
			}
			key, value = rec.Key, rec.Value
			n++
		}
		return nil
	})
	if err != nil || n != 1 {
		t.Fatalf("%s holds %d records, %v", space, n, err)
	}
	return key, value
}

// A record that is moved to another key does not read there.
func TestMovedRecord(t *testing.T) {
	records := memory.NewRecords()
	w := newWorld(t, records, memory.NewBlobs())
	w.bucket("films")
	for _, n := range []int{10, 100_000} {
		w.put("films", "k", pattern(n), sseS3)
		key, value := only(t, records, "s3.object")
		err := records.Update(t.Context(), func(tx store.Writer) error { return tx.Put("s3.object", key+"2", value) })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.readAll("films", "k2"); !errors.Is(err, bucket.ErrCorrupt) {
			t.Errorf("read = %v, want ErrCorrupt", err)
		}
		if _, err := w.Delete(t.Context(), w.root(), bucket.Delete{Bucket: "films", Key: "k2"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRanges(t *testing.T) {
	blobs := &tampered{Blobs: memory.NewBlobs()}
	w := newWorld(t, memory.NewRecords(), blobs)
	w.bucket("films")
	const size = 10*sealed.ChunkBytes + 17
	all := pattern(size)
	w.put("films", "k", all, sseS3)
	rapid.Check(t, func(t *rapid.T) {
		r := bucket.Range{
			First:  rapid.Int64Range(0, size+10).Draw(t, "first"),
			Last:   rapid.Int64Range(-1, size+10).Draw(t, "last"),
			Suffix: rapid.SampledFrom([]int64{0, 0, 1, 70_000, size * 2}).Draw(t, "suffix"),
		}
		first, last := r.First, r.Last
		if r.Suffix > 0 {
			first, last = max(0, size-r.Suffix), -1
		}
		if last < 0 || last >= size {
			last = size - 1
		}
		blobs.read = 0
		got, err := w.read("films", "k", &r)
		if first > last {
			var outside *bucket.RangeError
			if !errors.As(err, &outside) || outside.SizeBytes != size {
				t.Fatalf("read %+v = %v, want a RangeError", r, err)
			}
			return
		}
		if want := all[first : last+1]; err != nil || !bytes.Equal(got, want) {
			t.Fatalf("read %+v = %d bytes, %v, want %d", r, len(got), err, len(want))
		}
		// The chunks of the range and the header are all that is read.
		chunks := last/sealed.ChunkBytes - first/sealed.ChunkBytes + 1
		if limit := int(chunks*(sealed.ChunkBytes+16)) + 100; blobs.read > limit {
			t.Fatalf("read %+v took %d bytes of the blob, want at most %d", r, blobs.read, limit)
		}
	})
	if _, err := w.read("films", "k", &bucket.Range{First: size, Last: -1}); err == nil {
		t.Error("a range behind the end is no error")
	}
}

func (w *world) write(space store.Space, key string, value []byte) {
	w.t.Helper()
	if err := w.records.Update(w.t.Context(), func(tx store.Writer) error { return tx.Put(space, key, value) }); err != nil {
		w.t.Fatal(err)
	}
}

// values are the sizes of the values in a space, in ascending order.
func (w *world) values(space store.Space) (sizes []int64) {
	w.t.Helper()
	err := w.records.View(w.t.Context(), func(tx store.Reader) error {
		for rec, err := range tx.Scan(space, store.Range{}) {
			if err != nil {
				return err
			}
			sizes = append(sizes, int64(len(rec.Value)))
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(sizes)
	return sizes
}
