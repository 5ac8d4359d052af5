package stack_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// policies are those of every user.
type policies []*policy.Document

func (p policies) PoliciesOf(_ *policy.Principal, of *policy.Policies) { of.Identity = p }

type journal struct{}

func (journal) Append(context.Context, *audit.Record) error { return nil }

// world is where the things are that the providers of a test make. It outlives a
// crash, and can be made to crash: from the step on that brings left to zero
// nothing works any more.
type world struct {
	store.Records

	mu     sync.Mutex
	things map[string]string // physical id to value
	left   int               // steps until the crash; negative for never
	after  bool              // the last step before the crash has its effect
	down   func()            // told of the crash

	away atomic.Int64 // which read of an export fails from now on, counted from 1

	policies policies      // of users; root needs none
	making   func()        // called before something is made
	fetch    func() string // the template at any URL
	unread   error         // what one reading of a parameter fails with
}

var errDown = errors.New("the machine is down")

// step is one effect on the store or on the things.
func (w *world) step(effect func() error) error {
	w.mu.Lock()
	if w.left == 0 {
		w.mu.Unlock()
		return errDown
	}
	last := w.left == 1
	if w.left > 0 {
		w.left--
	}
	w.mu.Unlock()
	if !last {
		return effect()
	}
	if w.after {
		_ = effect() // nobody is left to hear of it
	}
	w.down()
	return errDown
}

func (w *world) Update(ctx context.Context, fn func(store.Writer) error) error {
	return w.step(func() error { return w.Records.Update(ctx, fn) })
}

// View fails too when the machine is down, so that nothing goes on.
func (w *world) View(ctx context.Context, fn func(store.Reader) error) error {
	w.mu.Lock()
	down := w.left == 0
	w.mu.Unlock()
	if down {
		return errDown
	}
	return w.Records.View(ctx, func(tx store.Reader) error { return fn(reader{tx, w}) })
}

// reader cannot always read the exports.
type reader struct {
	store.Reader
	w *world
}

func (r reader) Get(space store.Space, key string) ([]byte, error) {
	if space == "cfn.export" && r.w.away.Add(-1) == 0 {
		return nil, errDown
	}
	return r.Reader.Get(space, key)
}

// thing makes things that hold a value. The value "bad" cannot be had; "panic"
// panics, and "stuck" does when it is deleted.
type thing struct{ w *world }

var errBad = errors.New("the value is bad")

func (p thing) Create(_ context.Context, t *stack.Task) (stack.Made, error) {
	value := fmt.Sprint(t.Properties["Value"])
	id := t.Name(100)
	if p.w.making != nil {
		p.w.making()
	}
	if value == "panic" {
		panic("a fault of ours")
	}
	err := p.w.step(func() error {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		if _, ok := p.w.things[id]; ok && !t.Again {
			return errors.New("made twice")
		}
		if value == "bad" {
			return errBad
		}
		p.w.things[id] = value
		return nil
	})
	if err != nil {
		return stack.Made{}, err
	}
	return stack.Made{Physical: id, Attributes: map[string]any{"Value": value}}, nil
}

func (p thing) Update(_ context.Context, t *stack.Task) (stack.Made, error) {
	value := fmt.Sprint(t.Properties["Value"])
	if value == "panic" {
		panic("a fault of ours")
	}
	err := p.w.step(func() error {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		if value == "bad" {
			return errBad
		}
		p.w.things[t.Physical] = value
		return nil
	})
	if err != nil {
		return stack.Made{}, err
	}
	return stack.Made{Physical: t.Physical, Attributes: map[string]any{"Value": value}}, nil
}

func (p thing) Delete(_ context.Context, t *stack.Task) error {
	if t.Properties["Value"] == "stuck" {
		panic("a fault of ours")
	}
	return p.w.step(func() error {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		delete(p.w.things, t.Physical)
		return nil
	})
}

func (thing) Replaces() []string   { return []string{"Kind"} }
func (thing) Attributes() []string { return []string{"Value"} }

// values are what the things hold, in order.
func (w *world) values() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Values(w.things))
}

var root = access.Caller{
	Principal: policy.Principal{Kind: policy.Root, Account: "111122223333", ARN: "arn:aws:iam::111122223333:root", UserID: "111122223333"},
	Region:    "eu-west-1",
}

func open(t *testing.T, w *world, c *clock.Clock) *stack.Service {
	t.Helper()
	return node(t, w, c, true)
}

// node is one of several services on a store, unless it is its only writer.
func node(t *testing.T, w *world, c *clock.Clock, sole bool) *stack.Service {
	t.Helper()
	vault, err := sealed.Open(t.Context(), w.Records, sealed.NewSecret(make([]byte, sealed.KeyBytes)))
	if err != nil {
		t.Fatal(err)
	}
	domain, err := vault.Domain(t.Context(), "cloudformation")
	if err != nil {
		t.Fatal(err)
	}
	return stack.New(stack.Config{
		Records: w, Domain: domain, Clock: c, Log: slog.New(slog.DiscardHandler), SoleWriter: sole, Patience: 1 << 40,
		Gate:      access.NewGate(access.Config{Identities: w.policies, Record: journal{}}),
		Providers: map[string]stack.Provider{"Test::World::Thing": thing{w}},
		Assume: func(context.Context, string, arn.AccountID, string) (access.Caller, error) {
			return access.Caller{}, errors.New("no role can be assumed")
		},
		Fetch: func(context.Context, access.Caller, string) (string, error) { return w.fetch(), nil },
		Parameter: func(_ context.Context, _ access.Caller, ref string) (string, error) {
			if err := w.unread; err != nil {
				w.unread = nil
				return "", err
			}
			return "value of " + ref, nil
		},
	})
}

func template(resources ...string) string {
	return "Resources:\n  " + strings.Join(resources, "\n  ") + "\n"
}

func resource(name, kind, value string) string {
	return fmt.Sprintf("%s: {Type: 'Test::World::Thing', Properties: {Kind: %s, Value: %s}}", name, kind, value)
}

var (
	first = template(resource("A", "x", "a1"), resource("B", "x", "!Sub '${A.Value}b'"), resource("C", "x", "c1"))
	// A changes in place, B follows it, C is replaced, D is new.
	second = template(resource("A", "x", "a2"), resource("B", "x", "!Sub '${A.Value}b'"), resource("C", "y", "c2"), resource("D", "x", "!GetAtt C.Value"))
	third  = template(resource("A", "x", "a3"), resource("B", "y", "!Sub '${A.Value}b'"), resource("D", "x", "new"), resource("Z", "x", "bad"))
	broken = template(resource("A", "x", "a1"), resource("B", "x", "bad"))
)

// Whatever step an operation is cut off at, with or without that step's effect,
// the next start goes on to the same end: nothing is made twice, nothing is left.
func TestCrash(t *testing.T) {
	tests := []struct {
		name    string
		before  string // template of the stack that is there; empty for none
		operate func(s *stack.Service, ctx context.Context) error
		status  stack.Status
		values  []string
	}{
		{"create", "", func(s *stack.Service, ctx context.Context) error {
			_, err := s.Create(ctx, root, stack.Request{Name: "s", Template: first})
			return err
		}, stack.CreateComplete, []string{"a1", "a1b", "c1"}},
		{"create and roll back", "", func(s *stack.Service, ctx context.Context) error {
			_, err := s.Create(ctx, root, stack.Request{Name: "s", Template: broken})
			return err
		}, stack.RollbackComplete, nil},
		{"update", first, func(s *stack.Service, ctx context.Context) error {
			_, err := s.Update(ctx, root, stack.Request{Name: "s", Template: second})
			return err
		}, stack.UpdateComplete, []string{"a2", "a2b", "c2", "c2"}},
		{"update and roll back", first, func(s *stack.Service, ctx context.Context) error {
			_, err := s.Update(ctx, root, stack.Request{Name: "s", Template: third})
			return err
		}, stack.UpdateRollbackComplete, []string{"a1", "a1b", "c1"}},
		{"delete", first, func(s *stack.Service, ctx context.Context) error {
			return s.Delete(ctx, root, stack.DeleteRequest{Name: "s"})
		}, stack.DeleteComplete, nil},
	}
	for _, tt := range tests {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", tt.name, after), func(t *testing.T) {
				crashed := 0
				for n := 1; crashAt(t, tt.before, tt.operate, n, after, tt.status, tt.values); n++ {
					crashed++
				}
				if crashed < 5 {
					t.Errorf("only %d steps were cut off", crashed)
				}
			})
		}
	}
}

// crashAt cuts an operation off at step n and goes on. It returns false when the
// operation has fewer steps.
func crashAt(t *testing.T, before string, operate func(*stack.Service, context.Context) error, n int, after bool, status stack.Status, values []string) bool {
	t.Helper()
	w := &world{Records: memory.NewRecords(), things: map[string]string{}, left: -1, after: after}
	c := clock.Movable()
	s := open(t, w, c)
	if before != "" {
		if _, err := s.Create(t.Context(), root, stack.Request{Name: "s", Template: before}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	down := make(chan struct{})
	w.mu.Lock()
	w.left, w.down = n, func() { close(down); cancel() }
	w.mu.Unlock()
	err := operate(s, ctx)
	crashed := false
	select {
	case <-down:
		crashed = true
	default:
	}
	if !crashed && err != nil {
		t.Fatalf("step %d: %v", n, err)
	}
	s.Close()
	w.mu.Lock()
	w.left = -1
	w.mu.Unlock()

	s = open(t, w, c)
	defer s.Close()
	if err := s.Resume(t.Context()); err != nil {
		t.Fatalf("step %d: %v", n, err)
	}
	s.Wait(t.Context())
	list, err := s.List(t.Context(), root, nil)
	if err != nil {
		t.Fatalf("step %d: %v", n, err)
	}
	if len(list) == 0 || before != "" && list[0].Status == stack.CreateComplete {
		// The request itself was cut off: it has not happened.
		if err := operate(s, t.Context()); err != nil {
			t.Fatalf("step %d, again: %v", n, err)
		}
		if list, err = s.List(t.Context(), root, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.values(); len(list) != 1 || list[0].Status != status || !slices.Equal(got, values) {
		t.Errorf("cut off at step %d: %+v with %v, want %s with %v", n, list, got, status, values)
	}
	return crashed
}
