package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/sqlite"
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

func openRecords(t testing.TB, folder *store.Folder) *sqlite.Records {
	t.Helper()
	s, err := sqlite.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestRecords(t *testing.T) {
	storetest.TestRecords(t, func(t *testing.T) (store.Records, func() store.Records) {
		// Characters that mean something in a URL, which a DSN is.
		folder := openFolder(t, filepath.Join(t.TempDir(), "data ?%20#&=é"))
		reopen := func() store.Records { return openRecords(t, folder) }
		return reopen(), reopen
	})
}

func BenchmarkRecords(b *testing.B) {
	storetest.BenchmarkRecords(b, openRecords(b, openFolder(b, filepath.Join(b.TempDir(), "data"))))
}
