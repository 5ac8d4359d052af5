package trail

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
)

const (
	// lookEvery is how often trails are looked at for what they owe.
	lookEvery = time.Second
	// retryEvery is how long a delivery that failed rests.
	retryEvery = time.Minute
)

// Run delivers what trails owe until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		moved := s.cfg.Clock.Moved()
		if err := s.deliverAll(ctx, "", false); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Error("trails not delivered", slog.Any("err", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-moved:
		}
	}
}

// Deliver delivers what the trails of the caller's account owe now, digests
// included, and returns when that is done. What fails is in the trail's status.
func (s *Service) Deliver(ctx context.Context, who access.Caller) (err error) {
	call := s.cfg.Gate.Begin(who, "keyfront:DeliverTrails")
	defer call.End(ctx, &err)
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return err
	}
	return call.Effect(ctx, func() error { return s.deliverAll(ctx, string(who.Account())+"/", true) })
}

func (s *Service) deliverAll(ctx context.Context, prefix string, now bool) error {
	s.delivering.Lock()
	defer s.delivering.Unlock()
	trails, err := s.list(ctx, prefix)
	if err != nil {
		return err
	}
	// One moment for all: what takes a while owes no second digest.
	at := s.cfg.Clock.Now().UTC().Truncate(time.Second)
	for _, r := range trails {
		// What a delivery writes is recorded too: one look does not chase it.
		end := s.cfg.Log.Acknowledged()
		if r.Plan == nil && r.Next > end {
			// The log was begun anew.
			err := s.change(ctx, r, func(now *record) error {
				now.Next, now.Until, now.Pauses = 1, min(now.Until, end), nil
				r = now
				return nil
			})
			if err != nil {
				return gone(err)
			}
		}
		if r, err = s.skipArchived(ctx, r, at); err != nil {
			return err
		}
		for r != nil && r.active() {
			p := s.due(r, end, at, now)
			if p == nil {
				break
			}
			if r, err = s.step(ctx, r, p, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// errArchived says that records were archived and removed before a trail that was
// stuck could deliver them.
var errArchived = errors.New("trail: records were archived before they were delivered")

// archivedCode is errArchived in a trail's status.
const archivedCode = "RecordsArchived"

// skipArchived has a trail go on behind records that it owed and that are gone,
// with new chains of digests, so that who validates them sees the gap.
func (s *Service) skipArchived(ctx context.Context, r *record, at time.Time) (*record, error) {
	segments, err := s.cfg.Reader.Segments()
	if err != nil || len(segments) == 0 || segments[0].First <= r.Next || !r.owes() {
		return r, err
	}
	err = s.change(ctx, r, func(now *record) error {
		from := now.Next
		first := segments[0].First
		if !now.Logging {
			first = min(first, now.Until)
		}
		now.delivered(first)
		now.Plan = nil
		now.Delivery.Tried, now.Delivery.Error = at, archivedCode
		for region := range now.Digests {
			now.newChain(region, at)
		}
		s.cfg.Logger.Error("trail lost records that were archived before it could deliver them",
			slog.String("trail", now.arn()), slog.Uint64("from", from), slog.Uint64("to", first-1))
		r = now
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return r, err
}

// owes reports whether records before the one that is written next are owed.
func (r *record) owes() bool {
	return r.Logging || r.Plan != nil && r.Plan.Digest == "" || r.Next < r.Until
}

// Owed is the number of the first record that a trail is still to deliver; the
// largest number there is if none is.
func (s *Service) Owed(ctx context.Context) (uint64, error) {
	trails, err := s.list(ctx, "")
	if err != nil {
		return 0, err
	}
	first := uint64(math.MaxUint64)
	for _, r := range trails {
		if r.owes() {
			first = min(first, r.Next)
		}
	}
	return first, nil
}

// step plans p, unless it is planned already, and carries it out. It returns the
// trail as it is then: nil if it is gone, or is to rest.
func (s *Service) step(ctx context.Context, r *record, p *plan, at time.Time) (*record, error) {
	if r.Plan == nil {
		if err := s.change(ctx, r, func(now *record) error { now.Plan = p; return nil }); err != nil {
			return nil, gone(err)
		}
	}
	done, failure := s.carryOut(ctx, r, p)
	err := s.change(ctx, r, func(now *record) error {
		a := &now.Delivery
		if p.Digest != "" {
			a = &now.Digest
		}
		a.Tried = at
		if failure != nil {
			a.Error = s.cfg.ErrorCode(failure)
			return nil
		}
		a.Error = ""
		now.Plan = nil
		done(now)
		return nil
	})
	switch {
	case err != nil:
		return nil, gone(err)
	case failure != nil:
		s.cfg.Logger.Warn("trail not delivered", slog.String("trail", r.arn()), slog.Any("err", failure))
		return nil, ctx.Err()
	}
	fresh, err := s.get(ctx, r.Account, r.Region, r.Name)
	return fresh, gone(err)
}

// gone forgives that a trail was deleted meanwhile.
func gone(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// due is what a trail owes first; nil if nothing now.
func (s *Service) due(r *record, end uint64, at time.Time, now bool) *plan {
	rested := func(a *attempts, every time.Duration) bool {
		if a.Error != "" {
			every = min(every, retryEvery)
		}
		// A clock that went back owes at once.
		return now || a.Tried.IsZero() || !at.Before(a.Tried.Add(every)) || at.Before(a.Tried)
	}
	if p := r.Plan; p != nil {
		a := &r.Delivery
		if p.Digest != "" {
			a = &r.Digest
		}
		if a.Error == "" || rested(a, retryEvery) {
			return p
		}
		return nil
	}
	if !r.Logging {
		end = r.Until
	}
	behind := r.Next < end
	if behind && (!r.Logging || end-r.Next > maxRecords || rested(&r.Delivery, s.cfg.DeliverEvery)) {
		return &plan{To: min(end, r.Next+maxRecords), At: at}
	}
	for region, c := range r.Digests {
		last := !r.Logging && !behind
		if at.After(c.Since) && (last || now || !at.Before(c.Since.Add(s.cfg.DigestEvery))) {
			return &plan{Digest: region, At: at}
		}
	}
	return nil
}

// carryOut writes the objects of a plan, and returns what to change then.
func (s *Service) carryOut(ctx context.Context, r *record, p *plan) (func(*record), error) {
	if p.Digest != "" {
		return s.deliverDigest(ctx, r, p)
	}
	return s.deliverLogs(ctx, r, p)
}
