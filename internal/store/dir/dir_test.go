package dir_test

import (
	"path/filepath"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/dir"
	"github.com/keyfront-project/keyfront/internal/store/storetest"
)

// openFolder holds the folder until the test ends.
func openFolder(t testing.TB, path string) *store.Folder {
	t.Helper()
	folder, err := store.OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	return folder
}

func openBlobs(t testing.TB, folder *store.Folder) *dir.Blobs {
	t.Helper()
	s, err := dir.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestBlobs(t *testing.T) {
	storetest.TestBlobs(t, func(t *testing.T) (store.Blobs, func() store.Blobs) {
		folder := openFolder(t, filepath.Join(t.TempDir(), "data"))
		reopen := func() store.Blobs { return openBlobs(t, folder) }
		return reopen(), reopen
	})
}

func BenchmarkBlobs(b *testing.B) {
	storetest.BenchmarkBlobs(b, openBlobs(b, openFolder(b, filepath.Join(b.TempDir(), "data"))))
}
