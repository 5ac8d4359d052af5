package sqlite

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

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

// conn is one connection with its prepared statements. It is for one goroutine at a
// time, and knows no context: no statement waits for another transaction, and each does
// a bounded amount of work, so transactions look at their context between statements.
type conn struct {
	db     *sqlite.Conn
	stmts  [statements]*sqlite.Stmt
	onStep stepFunc
}

// stepFunc runs one statement of a connection for a test, or fails it, or kills
// the process before or after.
type stepFunc func(text string, do func() error) error

// busyTimeout bounds the wait for a lock, which only another process can hold: one that
// an administrator lets read the database, or that recovers its log.
const busyTimeout = 10 * time.Second

// pragmas hold for every connection. Temporary data stays in memory: on disk it
// would be outside of the folder that we hold. Only the writer commits, but a
// reader may be the one that recovers the log when the database is opened. A cache
// of 16 MiB holds what a listing of 1,000 folders among 10,000,000 keys passes
// through; with 4 MiB it read every page anew, each time. The log is emptied at 4,000
// pages, which its size limit holds: whoever commits then does it while all others
// wait, and a page that many commits wrote goes to the database once.
var pragmas = []string{
	"PRAGMA synchronous = FULL",
	"PRAGMA temp_store = MEMORY",
	"PRAGMA trusted_schema = OFF",
	"PRAGMA journal_size_limit = 16777216",
	"PRAGMA wal_autocheckpoint = 4000",
	"PRAGMA cache_size = -16384",
}

// openConn opens a connection to the database file at path, which must be there.
func openConn(path string) (*conn, error) {
	db, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return nil, wrap("open", err)
	}
	db.SetBusyTimeout(busyTimeout)
	c := &conn{db: db}
	for _, pragma := range pragmas {
		if err := c.exec(pragma); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return c, nil
}

// prepare prepares the statements; the schema must be in place.
func (c *conn) prepare() error {
	for i, text := range texts {
		s, err := c.db.Prepare(text)
		if err != nil {
			return wrap(text, err)
		}
		c.stmts[i] = s
	}
	return nil
}

// close finalizes the statements too.
func (c *conn) close() error { return c.db.Close() }

// bind sets the parameters of a statement: strings, byte slices and int64.
func bind(s *sqlite.Stmt, args []any) {
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			s.BindText(i+1, arg)
		case []byte:
			s.BindBytes(i+1, arg)
		case int64:
			s.BindInt64(i+1, arg)
		default:
			// It does not name arg, which would then be allocated at every call.
			panic("sqlite: a parameter is neither text, blob nor integer")
		}
	}
}

// blob returns a copy of a column's bytes.
func blob(row *sqlite.Stmt, column int) []byte {
	b := make([]byte, row.ColumnLen(column))
	row.ColumnBytes(column, b)
	return b
}

// run executes a prepared statement that returns no rows.
func (c *conn) run(s statement, args ...any) error {
	stmt := c.stmts[s]
	bind(stmt, args)
	if c.onStep != nil {
		return c.onStep(texts[s], func() error { return wrap(texts[s], walk(stmt, nil)) })
	}
	return wrap(texts[s], walk(stmt, nil))
}

// query walks the rows of a prepared statement until each returns false. The row is
// each's for the call only.
func (c *conn) query(s statement, each func(row *sqlite.Stmt) bool, args ...any) error {
	stmt := c.stmts[s]
	bind(stmt, args)
	return wrap(texts[s], walk(stmt, each))
}

// walk leaves the statement ready for its next use; a nil each passes over all rows.
func walk(stmt *sqlite.Stmt, each func(row *sqlite.Stmt) bool) error {
	for {
		more, err := stmt.Step()
		if err != nil {
			return err // Step has reset the statement
		}
		if !more || each != nil && !each(stmt) {
			return stmt.Reset()
		}
	}
}

// exec executes SQL that is needed too rarely to prepare, one statement after the other.
func (c *conn) exec(text string, args ...any) error {
	for rest := text; strings.TrimSpace(rest) != ""; {
		stmt, trailing, err := c.db.PrepareTransient(rest)
		if err != nil {
			return wrap(text, err)
		}
		bind(stmt, args)
		if err := errors.Join(walk(stmt, nil), stmt.Finalize()); err != nil {
			return wrap(text, err)
		}
		rest = rest[len(rest)-trailing:]
	}
	return nil
}

// queryText runs such SQL and returns the first column of its first row as a text.
func (c *conn) queryText(text string, args ...any) (value string, err error) {
	stmt, _, err := c.db.PrepareTransient(text)
	if err != nil {
		return "", wrap(text, err)
	}
	bind(stmt, args)
	found := false
	err = walk(stmt, func(row *sqlite.Stmt) bool {
		value, found = row.ColumnText(0), true
		return false
	})
	if err == nil && !found {
		err = errNoRow
	}
	return value, wrap(text, errors.Join(err, stmt.Finalize()))
}

func (c *conn) queryInt(text string, args ...any) (int64, error) {
	value, err := c.queryText(text, args...)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(value, 10, 64)
	return n, wrap(text, err)
}

var errNoRow = errors.New("no row")

// wrap adds the statement, which never holds data, and gives a full disk its name.
func wrap(text string, err error) error {
	if err == nil {
		return nil
	}
	text, _, _ = strings.Cut(text, "\n")
	// The memory that connections share is a file, and this is that it cannot grow.
	code := sqlite.ErrCode(err)
	if code.ToPrimary() == sqlite.ResultFull || code == sqlite.ResultIOErrSHMSize {
		return fmt.Errorf("sqlite: %s: %w: %w", text, store.ErrFull, err)
	}
	return fmt.Errorf("sqlite: %s: %w", text, err)
}
