package keyring

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Run does the work that no caller waits for, until ctx ends: it follows the
// changes of other nodes, destroys keys whose waiting period is over (also when
// the clock is moved), and fills the pool of RSA pairs. Failures are logged and
// tried again.
func (r *Ring) Run(ctx context.Context) {
	var workers sync.WaitGroup
	defer workers.Wait()
	workers.Go(func() { r.pairs.fill(ctx, r.calls.Load) })

	tick := time.NewTicker(r.poll)
	defer tick.Stop()
	failing := false
	for {
		moved := r.clock.Moved()
		err := errors.Join(r.refresh(ctx, 0), r.destroyDue(ctx))
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

// destroyDue destroys every key whose waiting period is over.
func (r *Ring) destroyDue(ctx context.Context) error {
	now := toMillis(r.clock.Now())
	if next := r.nextDue.Load(); next == 0 || millis(next) > now {
		return nil
	}
	type entry struct {
		at millis
		path
	}
	var due []entry
	err := r.records.View(ctx, func(tx store.Reader) error {
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
			due = append(due, entry{at, p})
		}
		return nil
	})
	for _, d := range due {
		err = errors.Join(err, r.destroy(ctx, d.path, d.at))
	}
	return err
}

// destroy ends a key whose waiting period ended at the given moment. The record
// says so before the material is gone.
func (r *Ring) destroy(ctx context.Context, p path, at millis) (err error) {
	call := r.gate.Begin(access.Caller{
		Principal: policy.Principal{Kind: policy.Service, Account: p.account, Service: "kms.amazonaws.com"},
		Region:    p.region, RequestID: uuid.NewString(), At: r.clock.Now(),
	}, "kms:DeleteKey")
	defer call.End(ctx, &err)
	call.On(p.arn())
	call.Open()
	return call.Effect(ctx, func() error {
		return r.mutate(ctx, func(c *change) error {
			rec, err := getKey(c, p)
			if err != nil && !isNotFound(err) {
				return err
			}
			c.touch(p)
			if err != nil || rec.State != PendingDeletion || rec.Deletion != at {
				return c.Delete(dueSpace, dueKey(at, p)) // already done, or called off
			}
			return c.destroyKey(p, rec)
		})
	})
}
