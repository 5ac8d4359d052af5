package sqlite

import (
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewer says that the database was made by a newer release, which alone can
// read it.
var ErrNewer = errors.New("sqlite: database is of a newer release")

// applicationID marks the file as ours for file(1) and for a wrong path given
// by mistake: "KFRC", Keyfront records.
const applicationID = 0x4b465243

// migrate brings the database to the newest schema, in one transaction. Each
// migration is a numbered file; the schema table remembers which were applied
// and their checksums, since a migration that changes after a release would
// leave databases that differ under one version number.
func migrate(c *conn, files fs.FS) (err error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(names)

	if err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.exec("ROLLBACK"))
		}
	}()
	if err := checkApplication(c); err != nil {
		return err
	}
	err = c.exec("CREATE TABLE IF NOT EXISTS schema (version INTEGER PRIMARY KEY, sha256 BLOB NOT NULL) STRICT")
	if err != nil {
		return err
	}
	have, err := c.queryInt("SELECT coalesce(max(version), 0) FROM schema")
	if err != nil {
		return err
	}
	if have > int64(len(names)) {
		return fmt.Errorf("%w: it has schema %d, this one knows %d", ErrNewer, have, len(names))
	}
	for i, name := range names {
		version := int64(i + 1)
		if want := fmt.Sprintf("migrations/%04d_", version); len(name) < len(want) || name[:len(want)] != want {
			panic(fmt.Sprintf("sqlite: migration %s is not number %d", name, version))
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		if version <= have {
			n, err := c.queryInt("SELECT count(*) FROM schema WHERE version = ? AND sha256 = ?", version, sum[:])
			if err != nil {
				return err
			}
			if n != 1 {
				return fmt.Errorf("sqlite: schema %d of the database is not the one of this release", version)
			}
			continue
		}
		if err := c.exec(string(text)); err != nil {
			return fmt.Errorf("sqlite: migration %s: %w", name, err)
		}
		if err := c.exec("INSERT INTO schema (version, sha256) VALUES (?, ?)", version, sum[:]); err != nil {
			return err
		}
	}
	return c.exec("COMMIT")
}

// checkApplication refuses a database that is not ours, and marks an empty one.
func checkApplication(c *conn) error {
	id, err := c.queryInt("PRAGMA application_id")
	if err != nil || id == applicationID {
		return err
	}
	tables, err := c.queryInt("SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return err
	}
	if id != 0 || tables != 0 {
		return fmt.Errorf("sqlite: the database belongs to another program (application id %#x)", id)
	}
	return c.exec(fmt.Sprintf("PRAGMA application_id = %d", applicationID))
}
