package main

import (
	"path/filepath"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/keyfront-project/keyfront/keyfronttest"
)

// A folder of a newer release is refused with what to do.
func TestFolderOfANewerRelease(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := keyfronttest.Start(t, keyfronttest.OnDisk(dir)).Stop(); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.OpenConn(filepath.Join(dir, "records.db"), sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.ExecuteTransient(db, "INSERT INTO schema VALUES (99, x'00')", nil); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := keyfront(t.Context(), "fsck", "--data-dir", dir)
	if code != exitFailed || !strings.Contains(stderr, "hint: this keyfront is older") {
		t.Errorf("fsck = %d %s", code, stderr)
	}
}
