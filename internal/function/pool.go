package function

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyfront-project/keyfront/internal/clock"
)

// Defaults of Config.
const (
	DefaultMaxWorkers = 32
	DefaultMachines   = 64
	DefaultQueueWait  = time.Second
	// idleLife is how long a worker that nobody needs is kept.
	idleLife = time.Minute
	// maxWaiting bounds the invocations that wait for a worker.
	maxWaiting = 1024
	// renewBefore is how long before their end credentials are asked for again.
	renewBefore = 5 * time.Minute
)

// Config is what a Pool is made of.
type Config struct {
	// Command starts a worker process, which must call Work. Empty: workers are
	// goroutines of this process, without isolation from it, for tests and for
	// code of the operator's own.
	Command []string
	// MaxWorkers bounds the workers, and so the invocations at one time. Zero is
	// DefaultMaxWorkers.
	MaxWorkers int
	// Machines bounds the functions that one worker keeps warm. Zero is DefaultMachines.
	Machines int
	// QueueWait is how long an invocation waits for a worker. Zero is DefaultQueueWait.
	QueueWait time.Duration
	// Egress says which requests functions may make. Its zero value allows none.
	Egress Egress
	// Observer may be nil.
	Observer Observer
	// Clock is what functions see as the time; nil is the system's.
	Clock *clock.Clock
	// Log receives what goes wrong with workers. Nil discards.
	Log *slog.Logger
}

// Pool runs functions. It starts workers as they are needed. It is safe for
// concurrent use.
type Pool struct {
	cfg    Config
	egress *egress

	mu      sync.Mutex
	closed  bool
	count   int  // workers, those being started included
	sparing bool // a spare worker is being started
	idle    []*worker
	all     map[*worker]bool
	waiting []chan struct{}
	lastID  uint64
	janitor *time.Timer

	running sync.WaitGroup
	calls   atomic.Int32 // that workers have been given and not answered
}

// NewPool returns a Pool without workers.
func NewPool(cfg Config) *Pool {
	if cfg.MaxWorkers == 0 {
		cfg.MaxWorkers = DefaultMaxWorkers
	}
	if cfg.Machines == 0 {
		cfg.Machines = DefaultMachines
	}
	if cfg.QueueWait == 0 {
		cfg.QueueWait = DefaultQueueWait
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.System()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if len(cfg.Command) > 0 {
		keepDescriptors()
	}
	return &Pool{cfg: cfg, egress: newEgress(cfg.Egress), all: make(map[*worker]bool)}
}

// Function is one version of a function that can be invoked. It is safe for
// concurrent use.
type Function struct {
	pool *Pool
	id   uint64
	spec Spec

	mu          sync.Mutex
	closed      bool
	credentials Credentials
	round       uint64 // counts the credentials
}

// Load returns the function of a Spec. No code runs yet: code that cannot be
// loaded fails its invocations. Errors wrap ErrSpec or ErrClosed.
func (p *Pool) Load(s Spec) (*Function, error) {
	if err := s.settle(); err != nil {
		return nil, err
	}
	s.Env, s.KeyValues = maps.Clone(s.Env), maps.Clone(s.KeyValues)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	p.lastID++
	return &Function{pool: p, id: p.lastID, spec: s}, nil
}

// Spec returns what the function was made of, defaults filled in.
func (f *Function) Spec() *Spec { return &f.spec }

// Warm starts a worker in the background if there is none, so that the first
// invocation does not wait for a process. Call it when there is a function that
// may be invoked.
func (p *Pool) Warm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count == 0 {
		p.spareLocked()
	}
}

// spareLocked starts a worker in the background for the account that needs one
// next, if none is ready: a process takes longer to start than a function to load.
// It leaves room for one that somebody waits for.
func (p *Pool) spareLocked() {
	if p.closed || p.sparing || p.count > 0 && p.count >= p.cfg.MaxWorkers-1 || len(p.cfg.Command) == 0 ||
		slices.ContainsFunc(p.idle, (*worker).spare) {
		return
	}
	p.count++
	p.sparing = true
	p.running.Go(func() {
		w, err := p.start("")
		p.mu.Lock()
		p.sparing = false
		p.mu.Unlock()
		switch {
		case err == nil:
			p.release(w)
		case !errors.Is(err, ErrClosed):
			p.cfg.Log.Warn("function worker not started", slog.Any("err", err))
		}
	})
}

// Close ends every machine of the function. Invocations under way come to their end.
func (f *Function) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	p := f.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.idle {
		w.forget(f)
	}
}

// Close ends all workers. Invocations under way fail with ErrClosed or ErrCrashed.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	if p.janitor != nil {
		p.janitor.Stop()
	}
	for w := range p.all {
		w.kill()
	}
	for _, c := range p.waiting {
		close(c)
	}
	p.waiting, p.idle = nil, nil
	p.mu.Unlock()
	p.running.Wait()
	p.egress.close()
}

// Invoke runs the function once. ctx bounds the wait for a worker and for the
// role's credentials; what has begun comes to its end. The Result is nil unless
// something ran: it then has the log and the measures even beside an error,
// which is a *Failure, or wraps ErrTimeout, ErrMemory, ErrCrashed or
// ErrTooLarge. ErrThrottled and ErrClosed mean that nothing ran.
func (f *Function) Invoke(ctx context.Context, in Invocation) (*Result, error) {
	if len(in.Payload) > MaxPayloadBytes {
		return nil, ErrTooLarge
	}
	round, env, err := f.roleEnv(ctx)
	if err != nil {
		return nil, err
	}
	w, err := f.pool.acquire(ctx, f)
	if err != nil {
		return nil, err
	}
	// Calls that run at a time want all processors.
	if f.pool.calls.Add(1) == 1 {
		w.place.beside()
	} else {
		w.place.anywhere()
	}
	result, err := w.run(f, &in, round, env)
	f.pool.calls.Add(-1)
	f.pool.release(w)
	if o := f.pool.cfg.Observer; o != nil {
		o.Invoked(&f.spec, in.RequestID, result, err)
	}
	return result, err
}

// roleEnv returns the variables that hold the role's credentials, and the number
// of these credentials.
func (f *Function) roleEnv(ctx context.Context) (uint64, map[string]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, nil, ErrClosed
	}
	if f.spec.Credentials == nil {
		return 0, nil, nil
	}
	if f.round == 0 || f.pool.cfg.Clock.Now().Add(renewBefore).After(f.credentials.Expires) {
		c, err := f.spec.Credentials(ctx)
		if err != nil {
			return 0, nil, &Failure{Type: "Lambda.CredentialsError", Message: "The role defined for the function cannot be assumed by Lambda: " + err.Error()}
		}
		f.credentials = c
		f.round++
	}
	return f.round, map[string]string{
		"AWS_ACCESS_KEY_ID":     f.credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY": f.credentials.SecretAccessKey,
		"AWS_SESSION_TOKEN":     f.credentials.SessionToken,
	}, nil
}

// acquire takes a worker for f, which only the caller then uses until release.
func (p *Pool) acquire(ctx context.Context, f *Function) (*worker, error) {
	var deadline <-chan time.Time
	for {
		w, wait, err := p.take(f)
		if w != nil || err != nil {
			return w, err
		}
		if wait == nil {
			return p.start(f.spec.Account)
		}
		if deadline == nil {
			t := time.NewTimer(p.cfg.QueueWait)
			defer t.Stop()
			deadline = t.C
		}
		select {
		case <-wait:
			continue
		case <-ctx.Done():
			err = fmt.Errorf("%w: %w", ErrThrottled, context.Cause(ctx))
		case <-deadline:
			err = ErrThrottled
		}
		p.leave(wait)
		return nil, err
	}
}

// take returns an idle worker, or a channel that is closed when it is worth to
// try again, or neither when the caller is to start one, which is counted already.
func (p *Pool) take(f *Function) (*worker, chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, ErrClosed
	}
	best, rank := -1, 0
	for i, w := range slices.Backward(p.idle) {
		if r := w.rank(f); r > rank {
			best, rank = i, r
		}
	}
	if best >= 0 {
		w := p.idle[best]
		p.idle = slices.Delete(p.idle, best, best+1)
		w.account = f.spec.Account
		return w, nil, nil
	}
	if p.count >= p.cfg.MaxWorkers {
		if len(p.idle) == 0 {
			if len(p.waiting) >= maxWaiting {
				return nil, nil, ErrThrottled
			}
			c := make(chan struct{})
			p.waiting = append(p.waiting, c)
			return nil, c, nil
		}
		// Another account's, unused for the longest time.
		p.endLocked(p.idle[0])
		p.idle = slices.Delete(p.idle, 0, 1)
	}
	p.count++
	return nil, nil, nil
}

// leave stops to wait. If the wait had ended just then, the next one's has.
func (p *Pool) leave(c chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, c); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		return
	}
	p.wakeLocked()
}

func (p *Pool) wakeLocked() {
	if len(p.waiting) > 0 {
		close(p.waiting[0])
		p.waiting = slices.Delete(p.waiting, 0, 1)
	}
}

// start starts a worker that take has counted.
func (p *Pool) start(account string) (*worker, error) {
	w, err := startWorker(&p.cfg, p.egress)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil || p.closed {
		p.count--
		p.wakeLocked()
		if err == nil {
			w.kill()
			err = ErrClosed
		}
		if !errors.Is(err, ErrClosed) {
			err = fmt.Errorf("%w: %w", ErrCrashed, err)
		}
		return nil, err
	}
	w.account = account
	p.all[w] = true
	return w, nil
}

// release gives a worker back.
func (p *Pool) release(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
	case w.dead():
		p.endLocked(w)
	default:
		w.since = time.Now()
		p.idle = append(p.idle, w)
		if !w.spare() {
			p.spareLocked()
		}
		if p.janitor == nil {
			p.janitor = time.AfterFunc(idleLife, p.tidy)
		}
	}
	p.wakeLocked()
}

func (p *Pool) endLocked(w *worker) {
	w.kill()
	delete(p.all, w)
	p.count--
}

// tidy ends the workers that nobody has needed for a while, but for one and for
// the spare.
func (p *Pool) tidy() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	kept, keep := p.idle[:0], 1
	if slices.ContainsFunc(p.idle, (*worker).spare) {
		keep++
	}
	for _, w := range p.idle {
		needed := w.spare() || p.count <= keep || time.Since(w.since) <= idleLife
		if needed && !w.dead() {
			kept = append(kept, w)
		} else {
			p.endLocked(w)
		}
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	p.janitor.Reset(idleLife)
}
