package signer

import (
	"context"
	"log/slog"
	"time"

	"github.com/keyfront-project/keyfront/internal/rotation"
)

const (
	// workEvery is how often rotations are looked at, and what other nodes did.
	workEvery = time.Second
	// noteEvery is how often it is written down when viewers came in by a key. A
	// crash loses what is younger.
	noteEvery = time.Minute
)

// Run brings rotations on until ctx ends, also when the clock is moved.
// Failures are logged and tried again.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(workEvery)
	defer tick.Stop()
	noted := time.Now()
	defer func() { s.noteUses(context.WithoutCancel(ctx)) }()
	for {
		moved := s.cfg.Clock.Moved()
		if err := s.refresh(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.LogAttrs(ctx, slog.LevelError, "signing profiles not read", slog.Any("err", err))
		}
		s.settle(ctx, time.Now())
		if time.Since(noted) >= noteEvery {
			noted = time.Now()
			s.noteUses(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-moved:
			s.Settle(ctx)
		}
	}
}

// Settle does all that the rotations of all profiles have to do now.
func (s *Service) Settle(ctx context.Context) { s.settle(ctx, time.Time{}) }

// settle leaves out profiles whose last attempt failed and whose next is after
// now, by the machine's own clock; the zero now leaves out none.
func (s *Service) settle(ctx context.Context, now time.Time) {
	for _, p := range s.all(func(path) bool { return true }) {
		s.mu.RLock()
		wait := s.problems[p.at].next.After(now) && !now.IsZero()
		s.mu.RUnlock()
		if ctx.Err() == nil && !wait {
			s.work(ctx, p.at)
		}
	}
}

// problem is why a profile's rotation is stuck, and when it is tried again.
type problem struct {
	text     string
	attempts int
	next     time.Time
}

// maxPause is the longest time between two attempts of a rotation that fails:
// each leaves audit records.
const maxPause = 5 * time.Minute

// work does what one profile's rotation has to do now. What fails is logged when
// it fails first, shown in the status, and tried again by Run.
func (s *Service) work(ctx context.Context, p path) {
	s.working.Lock()
	defer s.working.Unlock()
	ctx = context.WithoutCancel(ctx) // half a step helps nobody
	found, err := s.find(p)
	if err != nil {
		return
	}
	err = s.machine(found).Run(ctx)
	if found, ferr := s.find(p); err == nil && ferr == nil && found.Rotation.Ending && len(found.Rotation.Keys) == 0 {
		err = s.forget(ctx, p)
	}
	s.mu.Lock()
	before := s.problems[p]
	delete(s.problems, p)
	if err != nil && s.profiles[p] != nil {
		pause := min(workEvery<<min(before.attempts, 16), maxPause)
		s.problems[p] = problem{err.Error(), before.attempts + 1, time.Now().Add(pause)}
	}
	s.mu.Unlock()
	if err != nil && err.Error() != before.text {
		s.cfg.Log.LogAttrs(ctx, slog.LevelError, "rotation of a signing profile is stuck", slog.String("profile", p.arn()), slog.Any("err", err))
	}
}

// forget removes a deleted profile whose last key is gone.
func (s *Service) forget(ctx context.Context, p path) (err error) {
	call := s.cfg.Gate.Begin(s.acting(p), "keyfront:ForgetSigner")
	defer call.End(ctx, &err)
	call.On(p.arn())
	call.Open()
	return call.Effect(ctx, func() error { return s.remove(ctx, p) })
}

// noteUses writes down when viewers came in by the keys of all profiles.
func (s *Service) noteUses(ctx context.Context) {
	for _, p := range s.all(func(path) bool { return true }) {
		if !s.note(&rotation.State{Keys: p.Rotation.Clone().Keys}) {
			continue
		}
		err := s.edit(ctx, p.at, func(rec *record) error {
			s.note(&rec.Rotation)
			return nil
		})
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "last uses of signing keys not written", slog.String("profile", p.ARN), slog.Any("err", err))
		}
	}
}

// note takes the uses over into st and reports whether there was news.
func (s *Service) note(st *rotation.State) (news bool) {
	for i := range st.Keys {
		k := &st.Keys[i]
		if k.ID == "" {
			continue
		}
		before := k.LastUse
		k.Note(s.cfg.Seen(k.ID))
		news = news || !k.LastUse.Equal(before)
	}
	return news
}
