package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/keyfront-project/keyfront/internal/store"
)

// maxMembers bounds a group commit, so that those in it do not wait for long.
const maxMembers = 256

// writer commits Updates in groups: concurrent ones become members of one SQL
// transaction and share one sync of the disk. Its goroutine offers the turn to
// write to whoever waits; the member runs its fn on its own goroutine, within a
// savepoint, so a panic is its own; when nobody waits any more, the goroutine
// commits and tells all members how it went.
//
// A member whose fn failed waits for the commit too, since what it saw may have
// been written by a member before it: if that is lost, so is the reason.
type writer struct {
	turns chan *group   // offers of the turn; unbuffered, so no turn is ever left lying
	back  chan struct{} // the turn comes back
	quit  chan struct{}
	ended chan struct{}

	// What follows belongs to whoever has the turn.

	conn *conn
	// counters are those of the last commit. The one of the empty space counts
	// the commits themselves.
	counters *counters
	// unsettled is set while nobody knows whether the last COMMIT holds.
	unsettled bool
}

// group is the members of one commit.
type group struct {
	members int
	begun   bool
	wrote   map[store.Space]uint64 // by how many members
	// lost says why the transaction is gone before its commit: on some errors
	// SQLite rolls back all of it and not just the statement.
	lost error

	done chan struct{} // closed after err is set
	err  error
}

// serve runs until quit is closed. Nobody may be waiting for a turn then.
func (w *writer) serve() {
	defer close(w.ended)
	for {
		g := &group{done: make(chan struct{}), wrote: make(map[store.Space]uint64)}
		select {
		case w.turns <- g:
			<-w.back
		case <-w.quit:
			return
		}
		for yielded := false; g.lost == nil && g.members < maxMembers; {
			select {
			case w.turns <- g:
				<-w.back
				yielded = false
				continue
			default:
			}
			if yielded {
				break
			}
			// Those whom the last commit woke are about to come back. Let them: a
			// turn of the scheduler costs less than a commit of its own for each.
			runtime.Gosched()
			yielded = true
		}
		g.err = w.commit(g)
		close(g.done)
	}
}

// update is Update.
func (w *writer) update(ctx context.Context, fn func(store.Writer) error) error {
	var g *group
	select {
	case g = <-w.turns:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := w.member(ctx, g, fn)
	<-g.done
	if g.err == nil || errors.Is(err, g.err) {
		return err
	}
	return errors.Join(g.err, err)
}

// member runs fn within the group's transaction and gives back the turn.
func (w *writer) member(ctx context.Context, g *group, fn func(store.Writer) error) (err error) {
	defer func() { w.back <- struct{}{} }()
	g.members++
	if err := w.begin(g); err != nil {
		return err
	}
	if err := w.conn.run(savepoint); err != nil {
		g.lost = err
		return nil
	}
	t := &tx{ctx: ctx, conn: w.conn}
	kept := false
	defer func() {
		t.conn = nil
		if !kept { // fn failed, panicked, or ended its goroutine
			if lost := errors.Join(w.conn.run(rollbackTo), w.conn.run(release)); lost != nil {
				g.lost = errors.Join(t.err, lost)
			}
		}
	}()
	if err := fn(t); err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	kept = true
	if err := w.conn.run(release); err != nil {
		g.lost = err
		return nil
	}
	for _, space := range t.wrote {
		g.wrote[space]++
	}
	return nil
}

// begin begins the group's transaction with its first member.
func (w *writer) begin(g *group) error {
	if g.begun {
		return nil
	}
	if w.unsettled {
		if _, err := w.settle(); err != nil {
			return err
		}
	}
	err := w.beginSQL()
	g.begun = err == nil
	return err
}

// beginSQL begins a transaction, if need be in place of one that a rollback on a
// broken disk has left behind.
func (w *writer) beginSQL() error {
	err := w.conn.run(beginUpdate)
	if err != nil && w.conn.run(rollback) == nil {
		err = w.conn.run(beginUpdate)
	}
	return err
}

// commit ends the group's transaction and returns what its members shall get.
func (w *writer) commit(g *group) error {
	if !g.begun {
		return nil // then every member failed by itself
	}
	if g.lost == nil && len(g.wrote) > 0 {
		g.lost = w.count(g)
	}
	if g.lost != nil {
		// It fails if SQLite has rolled back already.
		_ = w.conn.run(rollback)
		return g.lost
	}
	err := w.conn.run(commit)
	if err != nil && len(g.wrote) > 0 {
		return w.failed(err)
	}
	if err != nil {
		_ = w.conn.run(rollback)
		return err
	}
	w.counters.add(g.wrote)
	return nil
}

// count writes the change counters, once a group.
func (w *writer) count(g *group) error {
	g.wrote[""] = 1
	for space, n := range g.wrote {
		if err := w.conn.run(countUp, string(space), int64(n)); err != nil {
			return err
		}
	}
	return nil
}

// failed deals with a COMMIT that returned err.
//
// When a write failed, the frame that makes the transaction valid is not in the
// log, since it is the last to be written. When a sync failed, it may be there: no
// reader sees it now, but a crash would bring it back, though the members were told
// that they failed. So the question is settled before anyone is answered.
func (w *writer) failed(err error) error {
	_ = w.conn.run(rollback)
	if code := resultCode(err); code&0xff == sqlite3.SQLITE_FULL || code == sqlite3.SQLITE_IOERR_WRITE {
		return err
	}
	w.unsettled = true
	held, settleErr := w.settle()
	switch {
	case settleErr != nil:
		return fmt.Errorf("%w: %w", store.ErrUncertain, errors.Join(err, settleErr))
	case held:
		return nil
	default:
		return err
	}
}

// settle finds out whether the last COMMIT holds, and commits anew: that either
// makes it durable or writes over its remains in the log.
func (w *writer) settle() (held bool, err error) {
	if err := w.beginSQL(); err != nil {
		return false, err
	}
	defer func() {
		if err != nil {
			_ = w.conn.run(rollback)
		}
	}()
	now, err := w.conn.counters()
	if err != nil {
		return false, err
	}
	held = now[""] > w.counters.get("")
	if err := w.conn.run(countUp, "", int64(1)); err != nil {
		return false, err
	}
	if err := w.conn.run(commit); err != nil {
		return false, err
	}
	now[""]++
	w.counters.set(now)
	w.unsettled = false
	return held, nil
}
