package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/keyfront-project/keyfront/internal/store"
)

// statement numbers a prepared statement of a connection.
type statement int

const (
	beginView statement = iota
	beginUpdate
	commit
	rollback
	savepoint
	release
	rollbackTo
	getRecord
	putRecord
	putContent
	putReference
	deleteRecord
	scanUp
	scanUpTo
	scanDown
	scanDownTo
	countUp
	allCounters
	statements
)

// recordValue is a record's value, wherever it is.
const recordValue = "CASE WHEN content IS NULL THEN value ELSE (SELECT value FROM contents WHERE id = content) END"

// texts are the statements' SQL. All members of a group commit use the one name
// of a savepoint, since they run one after the other. putReference follows putContent;
// triggers remove what is no longer referred to.
var texts = [statements]string{
	beginView:    "BEGIN",
	beginUpdate:  "BEGIN IMMEDIATE",
	commit:       "COMMIT",
	rollback:     "ROLLBACK",
	savepoint:    "SAVEPOINT member",
	release:      "RELEASE member",
	rollbackTo:   "ROLLBACK TO member",
	getRecord:    "SELECT " + recordValue + " FROM records WHERE space = ? AND key = ?",
	putRecord:    "INSERT INTO records (space, key, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, content = NULL",
	putContent:   "INSERT INTO contents (value) VALUES (?)",
	putReference: "INSERT INTO records (space, key, value, content) VALUES (?, ?, x'', last_insert_rowid()) ON CONFLICT DO UPDATE SET value = excluded.value, content = excluded.content",
	deleteRecord: "DELETE FROM records WHERE space = ? AND key = ?",
	scanUp:       "SELECT key, " + recordValue + " FROM records WHERE space = ? AND key >= ? ORDER BY key",
	scanUpTo:     "SELECT key, " + recordValue + " FROM records WHERE space = ? AND key >= ? AND key < ? ORDER BY key",
	scanDown:     "SELECT key, " + recordValue + " FROM records WHERE space = ? AND key >= ? ORDER BY key DESC",
	scanDownTo:   "SELECT key, " + recordValue + " FROM records WHERE space = ? AND key >= ? AND key < ? ORDER BY key DESC",
	countUp:      "INSERT INTO changes (space, counter) VALUES (?, ?) ON CONFLICT DO UPDATE SET counter = counter + excluded.counter",
	allCounters:  "SELECT space, counter FROM changes",
}

// conn is one connection with its prepared statements. It calls the driver without
// database/sql, which takes a lock, finds a connection and checks arguments at each
// call: together more than most statements here cost. It is for one goroutine at a
// time.
//
// Statements run under a context that never ends. None of them waits for another
// transaction, and each does a bounded amount of work, so transactions look at
// their context between statements; the driver would start a goroutine for every
// statement to watch it.
type conn struct {
	driver  driver.Conn
	stmts   [statements]preparedStmt
	onStep  stepFunc
	binding []driver.NamedValue // reused by every call
	row     [2]driver.Value     // the same
}

// stepFunc runs one statement of a connection for a test, or fails it, or kills
// the process before or after.
type stepFunc func(text string, do func() error) error

type preparedStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// pragmas hold for every connection. Temporary data stays in memory: on disk it
// would be outside of the folder that we hold. Only the writer commits, but a
// reader may be the one that recovers the log when the database is opened. A cache
// of 16 MiB holds what a listing of 1,000 folders among 10,000,000 keys passes
// through; with 4 MiB it read every page anew, each time. The log is emptied at 4,000
// pages, which its size limit holds: whoever commits then does it while all others
// wait, and a page that many commits wrote goes to the database once.
var pragmas = []string{
	"PRAGMA busy_timeout = 10000",
	"PRAGMA synchronous = FULL",
	"PRAGMA temp_store = MEMORY",
	"PRAGMA trusted_schema = OFF",
	"PRAGMA journal_size_limit = 16777216",
	"PRAGMA wal_autocheckpoint = 4000",
	"PRAGMA cache_size = -16384",
}

// openConn opens a connection to the database file at path, which must be there.
func openConn(path string) (*conn, error) {
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: "mode=rw&_error_rc=1"}
	d, err := new(sqlite.Driver).Open(dsn.String())
	if err != nil {
		return nil, wrap("open", err)
	}
	c := &conn{driver: d}
	for _, pragma := range pragmas {
		if err := c.exec(pragma); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return c, nil
}

// prepare prepares the statements; the schema must be in place.
func (c *conn) prepare() error {
	for i, text := range texts {
		s, err := c.driver.Prepare(text)
		if err != nil {
			return wrap(text, err)
		}
		c.stmts[i] = s.(preparedStmt)
	}
	return nil
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(append(errs, c.driver.Close())...)
}

// bind returns args as the driver wants them. A nil slice would be bound as NULL.
func (c *conn) bind(args []driver.Value) []driver.NamedValue {
	c.binding = c.binding[:0]
	for i, arg := range args {
		if b, ok := arg.([]byte); ok && b == nil {
			arg = []byte{}
		}
		c.binding = append(c.binding, driver.NamedValue{Ordinal: i + 1, Value: arg})
	}
	return c.binding
}

// run executes a prepared statement that returns no rows.
func (c *conn) run(s statement, args ...driver.Value) error {
	do := func() error {
		_, err := c.stmts[s].ExecContext(context.Background(), c.bind(args))
		return wrap(texts[s], err)
	}
	if c.onStep != nil {
		return c.onStep(texts[s], do)
	}
	return do()
}

// query walks the rows of a prepared statement until each returns false. The
// values are each's own to keep, but not the slice.
func (c *conn) query(s statement, each func(row []driver.Value) bool, args ...driver.Value) error {
	rows, err := c.stmts[s].QueryContext(context.Background(), c.bind(args))
	if err != nil {
		return wrap(texts[s], err)
	}
	row := c.row[:len(rows.Columns())]
	for err == nil {
		if err = rows.Next(row); err == nil && !each(row) {
			break
		}
	}
	if err == io.EOF {
		err = nil
	}
	return wrap(texts[s], errors.Join(err, rows.Close()))
}

// exec executes SQL that is needed too rarely to prepare.
func (c *conn) exec(text string, args ...driver.Value) error {
	_, err := c.driver.(driver.ExecerContext).ExecContext(context.Background(), text, c.bind(args))
	return wrap(text, err)
}

// queryRow runs such SQL and returns the one value of its one row.
func (c *conn) queryRow(text string, args ...driver.Value) (driver.Value, error) {
	rows, err := c.driver.(driver.QueryerContext).QueryContext(context.Background(), text, c.bind(args))
	if err != nil {
		return nil, wrap(text, err)
	}
	var row [1]driver.Value
	err = rows.Next(row[:])
	return row[0], wrap(text, errors.Join(err, rows.Close()))
}

func (c *conn) queryInt(text string, args ...driver.Value) (int64, error) {
	value, err := c.queryRow(text, args...)
	n, ok := value.(int64)
	if err == nil && !ok {
		err = fmt.Errorf("sqlite: %s: %T is no number", text, value)
	}
	return n, err
}

// wrap adds the statement, which never holds data, and gives a full disk its name.
func wrap(text string, err error) error {
	if err == nil {
		return nil
	}
	text, _, _ = strings.Cut(text, "\n")
	if resultCode(err)&0xff == sqlite3.SQLITE_FULL {
		return fmt.Errorf("sqlite: %s: %w: %w", text, store.ErrFull, err)
	}
	return fmt.Errorf("sqlite: %s: %w", text, err)
}

// resultCode is SQLite's extended result code of err, or 0 if it has none.
func resultCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}
