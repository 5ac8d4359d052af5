package stack

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/keyfront-project/keyfront/internal/store"
)

const (
	// leaseFor is how long a lease holds after it was taken or renewed. Nodes that
	// share a store may have clocks that differ by a fraction of it.
	leaseFor = 30 * time.Second
	// renewEvery leaves a lease two more tries before it runs out.
	renewEvery = leaseFor / 3
)

// errLost says that another Service works on the stack now.
var errLost = errors.New("stack: taken over by another node")

// lease says which Service works on a stack. There is one from the transaction
// that begins an operation to the one that ends it.
type lease struct {
	V     int       `json:"v"`
	Owner string    `json:"owner"` // the Service, a UUID of each start
	Until time.Time `json:"until"`
}

// readLease reads the lease of a stack; the zero value for none.
func readLease(tx store.Reader, key stackKey) (l lease, err error) {
	value, err := tx.Get(leaseSpace, string(key))
	if errors.Is(err, store.ErrNotFound) {
		return l, nil
	}
	if err != nil {
		return l, err
	}
	return decodeLease(value)
}

func decodeLease(value []byte) (l lease, err error) {
	if json.Unmarshal(value, &l) != nil || l.V != recordVersion {
		return l, errDamaged
	}
	return l, nil
}

func writeLease(tx store.Writer, key stackKey, l lease) error {
	l.V = recordVersion
	value, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return tx.Put(leaseSpace, string(key), value)
}

// theirs tells whether another Service works on a stack. A lease that ran out is
// its owner's still, until somebody takes it over.
func (s *Service) theirs(l lease) bool {
	return l.Owner != s.id && !s.cfg.SoleWriter && s.cfg.Clock.Now().Before(l.Until)
}

// take gives this Service a stack, whoever had it.
func (s *Service) take(tx store.Writer, key stackKey) error {
	return writeLease(tx, key, lease{Owner: s.id, Until: s.cfg.Clock.Now().Add(leaseFor)})
}

// saveBegun is save for a request. Of an operation that it begins, this Service
// is the first to work on it.
func (s *Service) saveBegun(tx store.Writer, r *stackRecord, events ...Event) error {
	if inProgress(r.Status) {
		if err := s.take(tx, r.key()); err != nil {
			return err
		}
	}
	return s.save(tx, r, events...)
}

// saveStep is save for who works on a stack. It returns errLost when that is
// somebody else by now, and ends the lease with the operation.
func (s *Service) saveStep(tx store.Writer, r *stackRecord, events ...Event) error {
	l, err := readLease(tx, r.key())
	switch {
	case err != nil:
		return err
	case l.Owner != s.id:
		return errLost
	case inProgress(r.Status):
		err = s.take(tx, r.key())
	default:
		err = tx.Delete(leaseSpace, string(r.key()))
	}
	if err != nil {
		return err
	}
	return s.save(tx, r, events...)
}

// claim takes a stack over, unless another Service works on it: then it returns
// errLost. It returns store.ErrNotFound about a stack without an operation.
func (s *Service) claim(ctx context.Context, key stackKey) error {
	return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		l, err := readLease(tx, key)
		if err != nil {
			return err
		}
		if s.theirs(l) {
			return errLost
		}
		r, err := s.load(tx, key)
		if err != nil {
			return err
		}
		if !inProgress(r.Status) {
			return store.ErrNotFound
		}
		return s.take(tx, key)
	})
}

// prolong lets the lease of a stack end at until, if it is this Service's still.
func (s *Service) prolong(ctx context.Context, key stackKey, until time.Time) error {
	return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		l, err := readLease(tx, key)
		if err != nil || l.Owner != s.id {
			return err
		}
		return writeLease(tx, key, lease{Owner: s.id, Until: until})
	})
}

// keepLease renews the lease of a stack until ctx ends, however long one step
// takes.
func (s *Service) keepLease(ctx context.Context, key stackKey) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.prolong(ctx, key, s.cfg.Clock.Now().Add(leaseFor)); err != nil && ctx.Err() == nil {
			s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "stack lease not renewed", slog.String("stack", string(key)), slog.Any("err", err))
		}
	}
}

// watch takes over, until the service ends, the stacks of Services that are gone.
func (s *Service) watch() {
	tick := time.NewTicker(leaseFor)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.adopt(s.ctx); err != nil && s.ctx.Err() == nil {
			s.cfg.Log.LogAttrs(s.ctx, slog.LevelError, "stacks of other nodes not looked at", slog.Any("err", err))
		}
	}
}

// adopt starts the work on every stack whose lease ran out.
func (s *Service) adopt(ctx context.Context) error {
	var free []stackKey
	err := s.cfg.Records.View(ctx, func(tx store.Reader) error {
		free = nil
		for r, err := range tx.Scan(leaseSpace, store.Range{}) {
			if err != nil {
				return err
			}
			l, err := decodeLease(r.Value)
			if err != nil {
				return err
			}
			if !s.theirs(l) {
				free = append(free, stackKey(r.Key))
			}
		}
		return nil
	})
	for _, key := range free {
		s.start(key)
	}
	return err
}
