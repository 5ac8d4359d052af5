package keyring

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Run does the work that no caller waits for, until ctx ends: it follows the
// changes of other nodes, writes down when keys were last used, destroys keys whose
// waiting period is over and rotates those whose period is (also when the clock is
// moved), and fills the pool of RSA pairs. Failures are logged and tried again.
func (r *Ring) Run(ctx context.Context) {
	var workers sync.WaitGroup
	defer workers.Wait()
	workers.Go(func() {
		r.pairs.fill(ctx, r.calls.Load, func(err error) {
			r.log.LogAttrs(ctx, slog.LevelError, "pool of RSA pairs not filled", slog.Any("error", err))
		})
	})

	tick := time.NewTicker(r.poll)
	defer tick.Stop()
	failing, written := false, time.Now()
	defer func() {
		if err := r.writeUsage(context.WithoutCancel(ctx)); err != nil {
			r.log.LogAttrs(ctx, slog.LevelWarn, "last uses of keys not written", slog.Any("error", err))
		}
	}()
	for {
		moved := r.clock.Moved()
		err := errors.Join(r.refresh(ctx, 0), r.doDue(ctx))
		if time.Since(written) >= usageEvery {
			written = time.Now()
			err = errors.Join(err, r.writeUsage(ctx))
		}
		if err != nil && ctx.Err() == nil && !failing {
			r.log.LogAttrs(ctx, slog.LevelError, "key service cannot follow its store", slog.Any("error", err))
		}
		failing = err != nil
		select {
		case <-tick.C:
		case <-moved:
		case <-ctx.Done():
			return
		}
	}
}

// entry is one line of the agenda: at that moment something is to be done to the
// key at path. rec is what the key was when the line was read, nil if it is gone.
type entry struct {
	at   millis
	path path
	rec  *keyRecord
}

// doDue does what the agenda holds until now.
func (r *Ring) doDue(ctx context.Context) error {
	now := toMillis(r.clock.Now())
	if next := r.nextDue.Load(); next == 0 || millis(next) > now {
		return nil
	}
	due, err := r.due(ctx, now)
	for _, e := range due {
		err = errors.Join(err, r.do(ctx, e))
	}
	return err
}

// due reads the agenda until now. Beside an error it returns what it read before.
func (r *Ring) due(ctx context.Context, now millis) (due []entry, err error) {
	err = r.records.View(ctx, func(tx store.Reader) error {
		due = nil
		for rec, err := range tx.Scan(dueSpace, store.Range{}) {
			if err != nil {
				return err
			}
			at, p, err := parseDue(rec.Key)
			if err != nil {
				return err
			}
			if at > now {
				return nil
			}
			body, err := getKey(tx, p)
			if err != nil && !isNotFound(err) {
				return err
			}
			due = append(due, entry{at, p, body})
		}
		return nil
	})
	return due, err
}

// do does what an entry is for, or forgets one that is for nothing.
func (r *Ring) do(ctx context.Context, e entry) error {
	switch {
	case e.rec.deletesAt(e.at):
		return r.act(ctx, e, "kms:DeleteKey", (*keyRecord).deletesAt, func(c *change, rec *keyRecord) error {
			return c.destroyKey(e.path, rec, toMillis(r.clock.Now()))
		})
	case e.rec.rotatesAt(e.at):
		return r.act(ctx, e, "kms:RotateKey", (*keyRecord).rotatesAt, func(c *change, rec *keyRecord) error {
			return r.rotateDue(c, e.path, rec)
		})
	case e.rec.expiresAt(e.at):
		return r.act(ctx, e, "kms:DeleteExpiredKeyMaterial", (*keyRecord).expiresAt, func(c *change, rec *keyRecord) error {
			return c.expire(e.path, rec, e.at)
		})
	}
	return r.mutate(ctx, func(c *change) error {
		c.touch(changed{path: e.path})
		return c.Delete(dueSpace, dueKey(e.at, e.path))
	})
}

// moments are when something is to be done to the key: the agenda holds just
// these.
func (rec *keyRecord) moments() (at []millis) {
	if rec.State == PendingDeletion {
		at = append(at, rec.Deletion)
	}
	if rec.State == Enabled && rec.Rotation != nil {
		at = append(at, rec.Rotation.Next)
	}
	for _, i := range rec.Imports {
		if i.ValidTo != 0 {
			at = append(at, i.ValidTo)
		}
	}
	return at
}

// deletesAt reports whether the key's waiting period ends at this moment.
func (rec *keyRecord) deletesAt(at millis) bool {
	return rec != nil && rec.State == PendingDeletion && rec.Deletion == at
}

// rotatesAt reports whether the key is to be rotated at this moment. Keys that
// are not enabled are not: enabling them puts the rotation back.
func (rec *keyRecord) rotatesAt(at millis) bool {
	return rec != nil && rec.State == Enabled && rec.Rotation != nil && rec.Rotation.Next == at
}

// expiresAt reports whether imported material ends at this moment.
func (rec *keyRecord) expiresAt(at millis) bool {
	return rec != nil && slices.ContainsFunc(rec.Imports, func(i importRecord) bool { return i.ValidTo == at })
}

// act changes a key on behalf of nobody but time, if the key as it is now is still
// due at the entry's moment. The record says so before it happens.
func (r *Ring) act(ctx context.Context, e entry, action policy.Action, isDue func(*keyRecord, millis) bool, fn func(c *change, rec *keyRecord) error) (err error) {
	call := r.gate.Begin(access.Caller{
		Principal: policy.Principal{Kind: policy.Service, Account: e.path.account, Service: "kms.amazonaws.com"},
		Region:    e.path.region, RequestID: uuid.NewString(), At: r.clock.Now(),
	}, action)
	defer call.End(ctx, &err)
	call.On(e.path.arn())
	call.Open()
	return call.Effect(ctx, func() error {
		return r.mutate(ctx, func(c *change) error {
			rec, err := c.get(e.path)
			if err != nil && !isNotFound(err) {
				return err
			}
			if !isDue(rec, e.at) {
				return nil // called off, or done by another node
			}
			return fn(c, rec)
		})
	})
}
