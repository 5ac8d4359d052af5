package sqlite

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/keyfront-project/keyfront/internal/store"
)

// OpenStepwise is Open with a function around every statement of the writer.
func OpenStepwise(folder *store.Folder, onStep func(text string, do func() error) error) (*Records, error) {
	return open(folder, onStep)
}

// Migrate applies migrations to the database of a folder.
func Migrate(folder *store.Folder, files fs.FS) error {
	return onConn(folder, func(c *conn) error { return migrate(c, files) })
}

// Exec executes SQL in the database of a folder.
func Exec(folder *store.Folder, text string) error {
	return onConn(folder, func(c *conn) error { return c.exec(text) })
}

// Query returns the one value of the one row of a query in the database of a folder,
// as a text.
func Query(folder *store.Folder, text string) (value string, err error) {
	err = onConn(folder, func(c *conn) (err error) {
		value, err = c.queryText(text)
		return err
	})
	return value, err
}

func onConn(folder *store.Folder, do func(*conn) error) error {
	if err := makeFile(folder); err != nil {
		return err
	}
	c, err := openConn(filepath.Join(folder.Path(), fileName))
	if err != nil {
		return err
	}
	return errors.Join(do(c), c.close())
}

// Migrations are those of this release.
var Migrations fs.FS = migrations

// PutText is the statement that writes a record.
var PutText = texts[putRecord]

// RollBack rolls back the whole transaction of the writer, as SQLite does on some
// errors. Only a function around a statement may call it.
func (r *Records) RollBack() error { return r.writer.conn.exec("ROLLBACK") }
