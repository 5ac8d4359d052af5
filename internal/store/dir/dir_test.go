package dir_test

import (
	"path/filepath"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/dir"
	"github.com/keyfront-project/keyfront/internal/store/storetest"
)

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
		folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
		reopen := func() store.Blobs { return openBlobs(t, folder) }
		return reopen(), reopen
	})
}

func BenchmarkBlobs(b *testing.B) {
	storetest.BenchmarkBlobs(b, openBlobs(b, storetest.OpenFolder(b, filepath.Join(b.TempDir(), "data"))))
}
