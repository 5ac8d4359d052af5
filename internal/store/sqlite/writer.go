package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"zombiezen.com/go/sqlite"

	"github.com/keyfront-project/keyfront/internal/store"
)

// maxMembers bounds a group commit, so that those in it do not wait for long.
const maxMembers = 256

// writer commits Updates in groups: concurrent ones become members of one SQL
// transaction and share one sync of the disk. Who has the turn runs its fn on its own
// goroutine, behind a savepoint, so a panic is its own, and passes the turn on. The
// last one, whom nobody follows, commits for all; the others wait for it. An Update
// that is alone thus runs from one end to the other without waking anybody.
//
// A member whose fn failed waits for the commit too, since what it saw may have
// been written by a member before it: if that is lost, so is the reason.
type writer struct {
	turn chan struct{} // holds one token while nobody has the turn
	// waiting counts the Updates that wait for the turn: who finds none at the end
	// of its own commits.
	waiting atomic.Int64

	// What follows belongs to whoever has the turn.

	conn *conn
	open *group // takes members; nil between a commit and the next member
	// shared says that the last commit had several members, or that somebody waited
	// for its end.
	shared bool
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

func newWriter(c *conn, counters *counters) *writer {
	w := &writer{turn: make(chan struct{}, 1), conn: c, counters: counters}
	w.turn <- struct{}{}
	return w
}

// update is Update.
func (w *writer) update(ctx context.Context, fn func(store.Writer) error) error {
	w.waiting.Add(1)
	select {
	case <-w.turn:
		w.waiting.Add(-1)
	case <-ctx.Done():
		w.waiting.Add(-1)
		w.adopt()
		return ctx.Err()
	}
	if w.open == nil {
		w.open = &group{done: make(chan struct{}), wrote: make(map[store.Space]uint64, 4)}
	}
	g := w.open
	err := w.member(ctx, g, fn)
	<-g.done
	if g.err == nil || errors.Is(err, g.err) {
		return err
	}
	return errors.Join(g.err, err)
}

// pass ends a turn. If nobody waits for it, it commits the open group.
func (w *writer) pass() {
	for yielded := false; w.open != nil; yielded = true {
		g := w.open
		if g.lost == nil && g.members < maxMembers {
			if w.waiting.Load() > 0 {
				break
			}
			if w.shared && !yielded {
				// Those whom the last commit woke are about to come back. Let them: a
				// turn of the scheduler costs less than a commit of its own for each.
				runtime.Gosched()
				continue
			}
		}
		g.err = w.commit(g)
		w.open = nil
		close(g.done)
		w.shared = g.members > 1 || w.waiting.Load() > 0
	}
	left := w.open != nil
	w.turn <- struct{}{}
	if left {
		w.adopt()
	}
}

// adopt commits the open group if it was left to Updates that went away, since their
// contexts ended. It is called after a group was left to others, and by each of them
// that goes away: whichever comes last finds nobody waiting and the turn free.
func (w *writer) adopt() {
	if w.waiting.Load() > 0 {
		return
	}
	select {
	case <-w.turn:
		w.pass()
	default: // who has the turn will pass it
	}
}

// member runs fn within the group's transaction, and ends the turn.
func (w *writer) member(ctx context.Context, g *group, fn func(store.Writer) error) (err error) {
	defer w.pass()
	g.members++
	if err := w.begin(g); err != nil {
		return err
	}
	// Before the first one there is nothing to go back to but the beginning.
	first := g.members == 1
	if !first {
		if err := w.conn.run(savepoint); err != nil {
			g.lost = err
			return nil
		}
	}
	t := &tx{ctx: ctx, conn: w.conn}
	kept := false
	defer func() {
		t.conn = nil
		if kept {
			return
		}
		// fn failed, panicked, or ended its goroutine
		var lost error
		if first {
			lost = w.conn.run(rollback)
			g.begun = lost != nil
		} else {
			lost = errors.Join(w.conn.run(rollbackTo), w.conn.run(release))
		}
		if lost != nil {
			g.lost = errors.Join(t.err, lost)
		}
	}()
	if err := fn(t); err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	kept = true
	if !first {
		if err := w.conn.run(release); err != nil {
			g.lost = err
			return nil
		}
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
	if code := sqlite.ErrCode(err); code.ToPrimary() == sqlite.ResultFull || code == sqlite.ResultIOErrWrite {
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
