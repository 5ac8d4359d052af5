package sqlite_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/keyfront-project/keyfront/internal/store/sqlite"
	"github.com/keyfront-project/keyfront/internal/store/storetest"
)

// migrationsWith are those of this release with one more file.
func migrationsWith(t *testing.T, name, text string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	names, err := fs.Glob(sqlite.Migrations, "migrations/*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("migrations = %v, %v", names, err)
	}
	for _, name := range names {
		content, err := fs.ReadFile(sqlite.Migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: content}
	}
	files[name] = &fstest.MapFile{Data: []byte(text)}
	return files
}

func TestNewerSchema(t *testing.T) {
	folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
	if err := sqlite.Migrate(folder, migrationsWith(t, "migrations/0003_more.sql", "CREATE TABLE more (n) ;")); err != nil {
		t.Fatal(err)
	}
	if s, err := sqlite.Open(folder); !errors.Is(err, sqlite.ErrNewer) {
		if err == nil {
			s.Close()
		}
		t.Errorf("Open of a newer schema = %v, want ErrNewer", err)
	}
}

// TestMigrate brings a database with records to a schema that a later release might
// have, and leaves it as it was if a migration fails.
func TestMigrate(t *testing.T) {
	folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
	s := openRecords(t, folder)
	if err := crashUpdate(s, "first"); err != nil {
		t.Fatal(err)
	}
	s.Close()

	broken := migrationsWith(t, "migrations/0003_more.sql", "DELETE FROM records; CREATE TABLE more (n); CREATE TABLE more (n);")
	if err := sqlite.Migrate(folder, broken); err == nil || !strings.Contains(err.Error(), "0003_more.sql") {
		t.Errorf("failing migration = %v, want its name", err)
	}
	s = openRecords(t, folder)
	if keys := checkWhole(t, "after a failed migration", s); !keys["first"] {
		t.Error("a failed migration lost records")
	}
	s.Close()

	files := migrationsWith(t, "migrations/0003_more.sql", "UPDATE records SET key = CAST('second' AS BLOB) WHERE key = CAST('first' AS BLOB);")
	for range 2 { // the second time it has nothing to do
		if err := sqlite.Migrate(folder, files); err != nil {
			t.Errorf("migration = %v", err)
		}
	}
}

func TestChangedMigration(t *testing.T) {
	folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
	openRecords(t, folder).Close()
	files := migrationsWith(t, "migrations/0001_records.sql", "CREATE TABLE records (other);")
	if err := sqlite.Migrate(folder, files); err == nil {
		t.Error("a database whose schema came from another text was accepted")
	}
}

func TestForeignDatabase(t *testing.T) {
	for name, text := range map[string]string{
		"another program's database": "CREATE TABLE theirs (n);",
		"no database":                "",
	} {
		folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
		if text == "" {
			if err := folder.Root().WriteFile("records.db", []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		} else if err := sqlite.Exec(folder, text); err != nil {
			t.Fatal(err)
		}
		before, _ := folder.Root().ReadFile("records.db")
		if s, err := sqlite.Open(folder); err == nil {
			s.Close()
			t.Errorf("Open of %s succeeded", name)
		}
		if after, err := folder.Root().ReadFile("records.db"); text == "" && string(after) != string(before) {
			t.Errorf("Open changed %s, %v", name, err)
		}
	}
}

func TestModes(t *testing.T) {
	folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
	// As it would be if somebody had copied it back carelessly.
	if err := folder.Root().WriteFile("records.db", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := openRecords(t, folder)
	if err := crashUpdate(s, "first"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"records.db", "records.db-wal", "records.db-shm"} {
		info, err := folder.Root().Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 {
			t.Errorf("mode of %s = %v", name, info.Mode())
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Root().Stat("records.db-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the log after Close: %v, want it gone", err)
	}
}

// TestDatabaseIsAFolder covers a path that cannot be opened.
func TestDatabaseIsAFolder(t *testing.T) {
	folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
	if err := folder.Root().Mkdir("records.db", 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(folder)
	if err == nil || !strings.Contains(err.Error(), "records.db") {
		t.Errorf("Open = %v, want an error with the path", err)
	}
}
