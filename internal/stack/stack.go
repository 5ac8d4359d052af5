// Package stack makes what templates describe and keeps it as one: stacks, their
// resources, events, outputs and change sets. It is the domain of AWS
// CloudFormation.
//
// A stack is worked on in the background, one resource after the other in the
// order of their dependencies. Before each step the stack's record says what is
// about to be done, after it what came of it, with the events in the same
// transaction; so an operation that a crash cut off goes on from where it was,
// and a Provider that is asked again for the same resource knows it.
//
// Every call that makes or removes a resource is decided by the gate for the
// caller of the operation, or for the role that the stack was given.
//
// Records hold parameters and properties, secret ones among them: they are
// sealed. docs/spec/stack-records.md describes them.
//
// Source: AWS CloudFormation User Guide; AWS CloudFormation API Reference
// 2010-05-15.
package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/template"
)

// Limits of the service.
const (
	MaxStacks        = 2000 // of an account in a region
	MaxTemplateBytes = 51_200
	MaxTags          = 50
	// KeptDeleted is how long a deleted stack can still be described by its id.
	KeptDeleted = 90 * 24 * time.Hour
)

// The kinds of refusal. Methods return them inside a *refusal.Error; a denied
// caller gets access.ErrDenied, and what is wrong with a template is a
// *template.Error.
var (
	// ErrInvalid says that parameters are wrong, that a stack does not exist or
	// that its state does not permit what is asked for.
	ErrInvalid = errors.New("stack: invalid request")
	// ErrExists says that a stack or change set of the name exists.
	ErrExists = errors.New("stack: exists")
	// ErrCapabilities says that the caller did not acknowledge what the template
	// can do.
	ErrCapabilities = errors.New("stack: capabilities not acknowledged")
	// ErrLimit says that there are too many stacks.
	ErrLimit = errors.New("stack: too many stacks")
	// ErrNoChangeSet says that there is no such change set.
	ErrNoChangeSet = errors.New("stack: no such change set")
	// ErrChangeSetStatus says that a change set cannot be executed or deleted as it
	// is.
	ErrChangeSetStatus = errors.New("stack: wrong status of change set")
)

func fail(kind error, format string, args ...any) error {
	return refusal.New(kind, format, args...)
}

// Tag is one label of a stack, which its resources get as well.
type Tag = access.Tag

// Config is what a Service needs. All fields up to SoleWriter are required.
type Config struct {
	Records store.Records
	// Domain seals the records; it is the vault's domain "cloudformation".
	Domain *sealed.Domain
	Gate   *access.Gate
	Clock  *clock.Clock
	Log    *slog.Logger
	// Providers make resources, by the name of their type.
	Providers map[string]Provider
	// Assume gives the caller that a role is when this service assumes it.
	Assume func(ctx context.Context, role string, account arn.AccountID, region string) (access.Caller, error)
	// Parameter reads a parameter of Parameter Store, or a secret, as who: the
	// text after "resolve:" in a dynamic reference. An error is a refusal or
	// access.ErrDenied; any other is a fault of ours, and who asks later may have
	// the value.
	Parameter func(ctx context.Context, who access.Caller, ref string) (string, error)
	// Fetch reads the template at a URL of the object store as who, of at most
	// template.MaxBytes. Its errors are for who asked.
	Fetch func(ctx context.Context, who access.Caller, url string) (string, error)
	// SoleWriter says that no other process uses the same records, so that whoever
	// worked on a stack before New is gone.
	SoleWriter bool
	// Patience is how long a request waits for the work that it began, so that most
	// callers never see a stack in progress.
	Patience time.Duration
}

// Service keeps stacks. It may be used concurrently.
type Service struct {
	cfg Config
	id  string // of this start, for leases

	ctx    context.Context // of the work; ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu sync.Mutex
	// busy holds the stacks that are worked on; the channel is closed when that
	// ends.
	busy map[stackKey]chan struct{}
}

// New returns a Service. Resume starts what an earlier one left unfinished, Close
// ends the work between two steps.
func New(cfg Config) *Service {
	s := &Service{cfg: cfg, id: uuid.NewString(), busy: make(map[stackKey]chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Close stops the work after the step under way and waits for it.
func (s *Service) Close() {
	s.mu.Lock()
	s.cancel()
	s.mu.Unlock()
	s.work.Wait()
}

// Resume goes on with every operation that is not done and that nobody else works
// on, and forgets stacks that were deleted more than KeptDeleted ago. Unless this
// is the SoleWriter, it also goes on, until Close, with what others leave.
func (s *Service) Resume(ctx context.Context) error {
	var unfinished []stackKey
	var old []stackKey
	err := s.cfg.Records.View(ctx, func(tx store.Reader) error {
		unfinished, old = nil, nil
		for r, err := range tx.Scan(stackSpace, store.Range{}) {
			if err != nil {
				return err
			}
			rec, err := s.open(stackKey(r.Key), r.Value)
			if err != nil {
				return err
			}
			switch {
			case inProgress(rec.Status):
				unfinished = append(unfinished, stackKey(r.Key))
			case rec.Status == DeleteComplete && s.cfg.Clock.Now().Sub(rec.Deleted) > KeptDeleted:
				old = append(old, stackKey(r.Key))
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("resume stacks: %w", err)
	}
	for _, key := range unfinished {
		s.start(key)
	}
	for _, key := range old {
		if err := s.cfg.Records.Update(ctx, func(tx store.Writer) error { return forget(tx, key) }); err != nil {
			return fmt.Errorf("forget stack: %w", err)
		}
	}
	if !s.cfg.SoleWriter {
		s.work.Go(s.watch)
	}
	return nil
}

// start works on a stack until its operation is done.
func (s *Service) start(key stackKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[key] != nil || s.ctx.Err() != nil {
		return
	}
	done := make(chan struct{})
	s.busy[key] = done
	s.work.Go(func() {
		s.finish(key)
		s.mu.Lock()
		delete(s.busy, key)
		s.mu.Unlock()
		close(done)
	})
}

// retryAfter is the time between two tries of a step that could not be recorded.
const retryAfter = time.Second

// finish works on a stack until its operation is done, the service ends or another
// one works on it. What fails here is not the resource, which is part of the
// stack's story, but the store: then the record tells where to go on.
func (s *Service) finish(key stackKey) {
	ctx, stop := context.WithCancel(s.ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() { s.keepLease(ctx, key) })
	done := s.finishLeased(key)
	stop()
	keeping.Wait()
	if done {
		return
	}
	// Others need not wait for the end of the lease.
	if err := s.prolong(context.WithoutCancel(ctx), key, time.Time{}); err != nil {
		s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "stack lease not ended", slog.String("stack", string(key)), slog.Any("err", err))
	}
}

// finishLeased is finish while the lease is kept. It returns false when the service
// ends first.
func (s *Service) finishLeased(key stackKey) (done bool) {
	for s.ctx.Err() == nil {
		more, err := s.tryStep(key)
		if errors.Is(err, errLost) {
			return true
		}
		if errors.Is(err, errStale) {
			continue // what is there now tells where to go on
		}
		if err != nil {
			s.cfg.Log.LogAttrs(s.ctx, slog.LevelError, "stack not worked on", slog.String("stack", string(key)), slog.Any("err", err))
			select {
			case <-s.ctx.Done():
			case <-time.After(retryAfter):
			}
			continue
		}
		if !more {
			return true
		}
	}
	return false
}

// tryStep is step. A panic that is no resource's fault leaves the stack to the next
// start, or to who finds its lease run out.
func (s *Service) tryStep(key stackKey) (more bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.cfg.Log.LogAttrs(s.ctx, slog.LevelError, "stack panicked", slog.String("stack", string(key)), slog.Any("panic", v),
				slog.String("trace", string(debug.Stack())))
			more, err = false, nil
		}
	}()
	return s.step(key)
}

// await waits for the work on a stack, but not for long.
func (s *Service) await(ctx context.Context, key stackKey) {
	s.mu.Lock()
	done := s.busy[key]
	s.mu.Unlock()
	if done == nil || s.cfg.Patience <= 0 {
		return
	}
	timer := time.NewTimer(s.cfg.Patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// parse reads a template and checks that all its types are known.
func (s *Service) parse(source string) (*template.Template, error) {
	t, err := template.Parse(source)
	if err != nil {
		return nil, err
	}
	return t, s.recognise(t)
}

// recognise checks that all types of a template are known.
func (s *Service) recognise(t *template.Template) error {
	var unknown []string
	for _, name := range t.Types() {
		if s.cfg.Providers[name] == nil {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return fail(ErrInvalid, "Template format error: Unrecognized resource types: %s", bracketed(unknown))
	}
	return nil
}
