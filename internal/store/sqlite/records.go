// Package sqlite keeps records in an SQLite database, in the data folder of one
// process. Its schema is docs/spec/folder.md.
//
// Updates that run at the same time share one commit, and with it one sync of the
// disk (write-ahead log, synchronous=FULL). Views read from a pool of connections,
// each from its own snapshot, and neither wait for Updates nor hold them up.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/keyfront-project/keyfront/internal/store"
)

// fileName is the database in the data folder; SQLite adds -wal and -shm.
const fileName = "records.db"

// Records is a store.Records in an SQLite database.
type Records struct {
	gate   sync.RWMutex // held for reading by every transaction, for writing by Close
	closed bool         // guarded by gate

	writer *writer
	// slots bounds the connections for Views: who holds a token may use one.
	slots chan struct{}

	mu   sync.Mutex
	idle []*conn // opened, unused; the last used goes first, for its warm cache

	counters counters
	path     string
}

var _ store.Records = (*Records)(nil)

// Open opens the database in the folder, or makes it, with mode 0600. It returns
// ErrNewer for a database of a newer release. The folder must stay open until
// Close has returned.
func Open(folder *store.Folder) (*Records, error) {
	return open(folder, nil)
}

func open(folder *store.Folder, onStep stepFunc) (*Records, error) {
	r := &Records{
		slots: make(chan struct{}, max(4, 2*runtime.GOMAXPROCS(0))),
		path:  filepath.Join(folder.Path(), fileName),
	}
	if err := makeFile(folder); err != nil {
		return nil, fmt.Errorf("open %s: %w", r.path, err)
	}
	c, counters, err := openWriter(r.path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", r.path, err)
	}
	c.onStep = onStep
	r.counters.set(counters)
	r.writer = newWriter(c, &r.counters)
	return r, nil
}

// makeFile makes an empty database file before SQLite does, which would leave it
// readable to others; SQLite gives -wal and -shm the mode of the database.
func makeFile(folder *store.Folder) error {
	f, err := folder.Root().OpenFile(fileName, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return folder.Root().Chmod(fileName, 0o600)
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), folder.Sync())
}

// openWriter opens the connection of the writer, which makes the schema.
func openWriter(path string) (*conn, map[store.Space]uint64, error) {
	c, err := openConn(path)
	if err != nil {
		return nil, nil, err
	}
	mode, err := c.queryText("PRAGMA journal_mode = WAL")
	if err == nil && mode != "wal" {
		err = fmt.Errorf("sqlite: journal mode is %v, the file system does not allow wal", mode)
	}
	if err == nil {
		err = migrate(c, migrations)
	}
	if err == nil {
		err = c.prepare()
	}
	var counters map[store.Space]uint64
	if err == nil {
		counters, err = c.counters()
	}
	if err != nil {
		return nil, nil, errors.Join(err, c.close())
	}
	return c, counters, nil
}

// enter begins a call; the caller leaves by r.gate.RUnlock unless it fails.
func (r *Records) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.gate.RLock()
	if r.closed {
		r.gate.RUnlock()
		return store.ErrClosed
	}
	return nil
}

// Update implements store.Records.
func (r *Records) Update(ctx context.Context, fn func(store.Writer) error) error {
	if err := r.enter(ctx); err != nil {
		return err
	}
	defer r.gate.RUnlock()
	return r.writer.update(ctx, fn)
}

// View implements store.Records.
func (r *Records) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := r.enter(ctx); err != nil {
		return err
	}
	defer r.gate.RUnlock()

	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.slots }()
	c, err := r.takeConn()
	if err != nil {
		return err
	}
	if err := c.run(beginView); err != nil {
		return errors.Join(err, c.close())
	}
	t := &tx{ctx: ctx, conn: c}
	defer func() { // also when fn panics
		t.conn = nil
		r.giveConn(c)
	}()
	if err := fn(t); err != nil {
		return err
	}
	return t.err
}

// takeConn returns an idle connection or opens one.
func (r *Records) takeConn() (*conn, error) {
	r.mu.Lock()
	if n := len(r.idle); n > 0 {
		c := r.idle[n-1]
		r.idle = r.idle[:n-1]
		r.mu.Unlock()
		return c, nil
	}
	r.mu.Unlock()

	c, err := openConn(r.path)
	if err != nil {
		return nil, err
	}
	err = c.exec("PRAGMA query_only = ON")
	if err == nil {
		err = c.prepare()
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// giveConn ends the View on c and keeps it for the next.
func (r *Records) giveConn(c *conn) {
	if err := c.run(commit); err != nil {
		_ = c.close() // a read is over; the next View opens a new one
		return
	}
	r.mu.Lock()
	r.idle = append(r.idle, c)
	r.mu.Unlock()
}

// Changes implements store.Records. This process is the only writer, so the
// counters are in memory; they grow after the commit and before Update returns.
func (r *Records) Changes(ctx context.Context, space store.Space) (uint64, error) {
	if err := r.enter(ctx); err != nil {
		return 0, err
	}
	defer r.gate.RUnlock()
	return r.counters.get(space), nil
}

// Close implements store.Records.
func (r *Records) Close() error {
	r.gate.Lock()
	defer r.gate.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true

	// The writer goes last: the last connection to go empties the log into the
	// database, and only the writer may write.
	var errs []error
	for _, c := range r.idle {
		errs = append(errs, c.close())
	}
	return errors.Join(append(errs, r.writer.conn.close())...)
}
