package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
)

// OpenBlobs opens a new and empty store. reopen opens it again after Close, with
// all that was in it; it is nil if the engine keeps nothing.
type OpenBlobs func(t *testing.T) (s store.Blobs, reopen func() store.Blobs)

// TestBlobs tests an engine against the contract of store.Blobs.
func TestBlobs(t *testing.T, open OpenBlobs) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s store.Blobs)
	}{
		{"RoundTrip", testBlobRoundTrip},
		{"ReadAt", testBlobReadAt},
		{"InvisibleBeforeCommit", testBlobInvisibleBeforeCommit},
		{"Exists", testBlobExists},
		{"Abort", testBlobAbort},
		{"WriterEnds", testBlobWriterEnds},
		{"CallerOwnsSlices", testBlobCallerOwnsSlices},
		{"Delete", testBlobDelete},
		{"DeletedWhileOpen", testBlobDeletedWhileOpen},
		{"Names", testBlobNames},
		{"List", testBlobList},
		{"ListAndDelete", testBlobListAndDelete},
		{"Context", testBlobContext},
		{"OneWinner", testBlobOneWinner},
		{"Concurrency", testBlobConcurrency},
		{"Close", testBlobsClose},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, _ := open(t)
			t.Cleanup(func() { s.Close() })
			test.run(t, s)
		})
	}
	t.Run("Reopen", func(t *testing.T) {
		t.Parallel()
		testBlobsReopen(t, open)
	})
}

// putBlob commits a blob that must not exist.
func putBlob(t *testing.T, s store.Blobs, name string, content []byte) {
	t.Helper()
	if err := tryPutBlob(t.Context(), s, name, content); err != nil {
		t.Fatalf("blob %s: %v", name, err)
	}
}

func tryPutBlob(ctx context.Context, s store.Blobs, name string, content []byte) error {
	w, err := s.Create(ctx, name)
	if err != nil {
		return err
	}
	defer w.Abort()
	if n, err := w.Write(content); n != len(content) || err != nil {
		return fmt.Errorf("write of %d bytes = %d, %w", len(content), n, err)
	}
	return w.Commit(ctx)
}

func getBlob(ctx context.Context, s store.Blobs, name string) ([]byte, error) {
	b, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	content, err := readBlob(b)
	return content, errors.Join(err, b.Close())
}

func readBlob(b store.Blob) ([]byte, error) {
	content, err := io.ReadAll(io.NewSectionReader(b, 0, 1<<40))
	if err == nil && int64(len(content)) != b.SizeBytes() {
		err = fmt.Errorf("read %d bytes, SizeBytes is %d", len(content), b.SizeBytes())
	}
	return content, err
}

func expectBlob(t *testing.T, s store.Blobs, name string, want []byte) {
	t.Helper()
	if got, err := getBlob(t.Context(), s, name); !bytes.Equal(got, want) || err != nil {
		t.Errorf("blob %s has %d bytes, %v, want %d bytes and equal", name, len(got), err, len(want))
	}
}

func expectNoBlob(t *testing.T, s store.Blobs, name string) {
	t.Helper()
	if _, err := s.Open(t.Context(), name); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Open(%s) = %v, want ErrNotFound", name, err)
	}
	for _, info := range list(t, s, "") {
		if info.Name == name {
			t.Errorf("List has %s", name)
		}
	}
}

func list(t *testing.T, s store.Blobs, prefix string) []store.BlobInfo {
	t.Helper()
	all := []store.BlobInfo{}
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("List(%q): %v", prefix, err)
		}
		all = append(all, info)
	}
	return all
}

// noise returns n bytes that depend on n alone.
func noise(n int) []byte {
	content := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(content)
	return content
}

func testBlobRoundTrip(t *testing.T, s store.Blobs) {
	for _, size := range []int{0, 1, 4096, 65536, 3 << 20} {
		name := fmt.Sprintf("size/%d", size)
		putBlob(t, s, name, noise(size))
		expectBlob(t, s, name, noise(size))
	}
	w, err := s.Create(t.Context(), "pieces")
	if err != nil {
		t.Fatal(err)
	}
	want := noise(200_000)
	for rest := want; len(rest) > 0; {
		n := min(len(rest), 1+len(rest)/7)
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		w.Write(nil)
		rest = rest[n:]
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	expectBlob(t, s, "pieces", want)
	if w, err = s.Create(t.Context(), "nothing-written"); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	expectBlob(t, s, "nothing-written", nil)
	expectNoBlob(t, s, "absent")
}

func testBlobReadAt(t *testing.T, s store.Blobs) {
	content := noise(100_000)
	putBlob(t, s, "b", content)
	b, err := s.Open(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		off, n, want int
		err          error
	}{
		{0, 10, 10, nil},
		{99_990, 10, 10, nil},
		{99_990, 20, 10, io.EOF},
		{100_000, 1, 0, io.EOF},
		{200_000, 1, 0, io.EOF},
		{65_530, 12, 12, nil},
		{5, 0, 0, nil},
	} {
		p := make([]byte, tt.n)
		n, err := b.ReadAt(p, int64(tt.off))
		// io.ReaderAt lets a read that ends at the end say EOF or not.
		if err == io.EOF && tt.err == nil && tt.off+n == len(content) {
			err = nil
		}
		if n != tt.want || err != tt.err || n > 0 && !bytes.Equal(p[:n], content[tt.off:tt.off+n]) {
			t.Errorf("ReadAt(%d bytes, %d) = %d, %v, want %d, %v and their bytes", tt.n, tt.off, n, err, tt.want, tt.err)
		}
	}
	if _, err := b.ReadAt(make([]byte, 1), -1); err == nil || err == io.EOF {
		t.Errorf("ReadAt(-1) = %v, want an error", err)
	}

	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(g)))
			p := make([]byte, 5000)
			for range 50 {
				off := random.IntN(len(content) - len(p))
				if _, err := b.ReadAt(p, int64(off)); err != nil || !bytes.Equal(p, content[off:off+len(p)]) {
					t.Errorf("concurrent ReadAt(%d) = %v or wrong bytes", off, err)
				}
			}
		})
	}
	group.Wait()
	if err := b.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if _, err := b.ReadAt(make([]byte, 1), 0); err == nil || err == io.EOF {
		t.Errorf("ReadAt after Close = %v, want an error", err)
	}
}

func testBlobInvisibleBeforeCommit(t *testing.T, s store.Blobs) {
	w, err := s.Create(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	expectNoBlob(t, s, "b")
	if _, err := w.Write(noise(100_000)); err != nil {
		t.Fatal(err)
	}
	expectNoBlob(t, s, "b")
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	expectBlob(t, s, "b", noise(100_000))
}

func testBlobExists(t *testing.T, s store.Blobs) {
	// Both begin before either is there.
	first, err := s.Create(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Create(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	first.Write([]byte("first"))
	second.Write([]byte("second"))
	if err := first.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := second.Commit(t.Context()); !errors.Is(err, store.ErrExists) {
		t.Errorf("second Commit = %v, want ErrExists", err)
	}
	expectBlob(t, s, "b", []byte("first"))
	if err := tryPutBlob(t.Context(), s, "b", []byte("third")); !errors.Is(err, store.ErrExists) {
		t.Errorf("later Commit = %v, want ErrExists", err)
	}
	expectBlob(t, s, "b", []byte("first"))
	if err := s.Delete(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	putBlob(t, s, "b", []byte("fourth"))
	expectBlob(t, s, "b", []byte("fourth"))
}

func testBlobAbort(t *testing.T, s store.Blobs) {
	w, err := s.Create(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	w.Write(noise(10_000))
	for range 2 {
		if err := w.Abort(); err != nil {
			t.Errorf("Abort = %v", err)
		}
	}
	expectNoBlob(t, s, "b")
	putBlob(t, s, "b", []byte("other"))
	expectBlob(t, s, "b", []byte("other"))
}

func testBlobWriterEnds(t *testing.T, s store.Blobs) {
	w, err := s.Create(t.Context(), "committed")
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("x"))
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("y")); err == nil {
		t.Error("Write after Commit succeeded")
	}
	if err := w.Commit(t.Context()); err == nil {
		t.Error("second Commit succeeded")
	}
	if err := w.Abort(); err != nil {
		t.Errorf("Abort after Commit = %v", err)
	}
	expectBlob(t, s, "committed", []byte("x"))

	if w, err = s.Create(t.Context(), "aborted"); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if _, err := w.Write([]byte("y")); err == nil {
		t.Error("Write after Abort succeeded")
	}
	if err := w.Commit(t.Context()); err == nil {
		t.Error("Commit after Abort succeeded")
	}
	expectNoBlob(t, s, "aborted")
}

func testBlobCallerOwnsSlices(t *testing.T, s store.Blobs) {
	w, err := s.Create(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	p := []byte("before")
	w.Write(p)
	copy(p, "xxxxxx")
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := getBlob(t.Context(), s, "b")
	if string(got) != "before" || err != nil {
		t.Fatalf("blob = %q, %v", got, err)
	}
	copy(got, "yyyyyy")
	expectBlob(t, s, "b", []byte("before"))
}

func testBlobDelete(t *testing.T, s store.Blobs) {
	if err := s.Delete(t.Context(), "absent"); err != nil {
		t.Errorf("Delete of an absent blob = %v", err)
	}
	putBlob(t, s, "a", []byte("a"))
	putBlob(t, s, "a/b", []byte("b"))
	for range 2 {
		if err := s.Delete(t.Context(), "a"); err != nil {
			t.Errorf("Delete = %v", err)
		}
	}
	expectNoBlob(t, s, "a")
	expectBlob(t, s, "a/b", []byte("b"))
}

func testBlobDeletedWhileOpen(t *testing.T, s store.Blobs) {
	putBlob(t, s, "b", noise(50_000))
	b, err := s.Open(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := s.Delete(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	expectNoBlob(t, s, "b")
	putBlob(t, s, "b", []byte("new"))
	if got, err := readBlob(b); !bytes.Equal(got, noise(50_000)) || err != nil {
		t.Errorf("deleted blob read through its open handle: %d bytes, %v", len(got), err)
	}
	expectBlob(t, s, "b", []byte("new"))
}

func testBlobContext(t *testing.T, s store.Blobs) {
	putBlob(t, s, "kept", []byte("x"))
	ended, cancel := context.WithCancel(t.Context())
	w, err := s.Create(ended, "b")
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("x"))
	cancel()
	_, createErr := s.Create(ended, "c")
	_, openErr := s.Open(ended, "kept")
	var listErr error
	for _, err := range s.List(ended, "") {
		listErr = err
	}
	for call, err := range map[string]error{
		"Commit": w.Commit(ended),
		"Create": createErr,
		"Open":   openErr,
		"Delete": s.Delete(ended, "kept"),
		"List":   listErr,
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with an ended context = %v", call, err)
		}
	}
	expectNoBlob(t, s, "b")
	expectBlob(t, s, "kept", []byte("x"))
}

func testBlobsClose(t *testing.T, s store.Blobs) {
	putBlob(t, s, "b", noise(10_000))
	b, err := s.Open(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("x"))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	_, writeErr := w.Write([]byte("y"))
	_, createErr := s.Create(t.Context(), "d")
	_, openErr := s.Open(t.Context(), "b")
	var listErr error
	for _, err := range s.List(t.Context(), "") {
		listErr = err
	}
	for call, err := range map[string]error{
		"Write":  writeErr,
		"Commit": w.Commit(t.Context()),
		"Create": createErr,
		"Open":   openErr,
		"Delete": s.Delete(t.Context(), "b"),
		"List":   listErr,
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close = %v, want ErrClosed", call, err)
		}
	}
	if err := w.Abort(); err != nil {
		t.Errorf("Abort after Close = %v", err)
	}
	if got, err := readBlob(b); !bytes.Equal(got, noise(10_000)) || err != nil {
		t.Errorf("open blob after Close has %d bytes, %v", len(got), err)
	}
	b.Close()
}

func testBlobsReopen(t *testing.T, open OpenBlobs) {
	s, reopen := open(t)
	t.Cleanup(func() { s.Close() })
	if reopen == nil {
		t.Skip("the engine keeps nothing")
	}
	want := []store.BlobInfo{}
	for round := range 3 {
		name := fmt.Sprintf("round/%d", round)
		putBlob(t, s, name, noise(1000*round))
		want = append(want, store.BlobInfo{Name: name, SizeBytes: int64(1000 * round)})
		putBlob(t, s, "deleted", nil)
		if err := s.Delete(t.Context(), "deleted"); err != nil {
			t.Fatal(err)
		}
		w, err := s.Create(t.Context(), "uncommitted")
		if err != nil {
			t.Fatal(err)
		}
		w.Write(noise(100))
		if err := s.Close(); err != nil {
			t.Fatalf("Close = %v", err)
		}
		s = reopen()
		t.Cleanup(func() { s.Close() })
		if got := list(t, s, ""); !slices.Equal(got, want) {
			t.Fatalf("after reopening, List = %v, want %v", got, want)
		}
		for i := range round + 1 {
			expectBlob(t, s, fmt.Sprintf("round/%d", i), noise(1000*i))
		}
	}
}
