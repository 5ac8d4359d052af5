package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/lambda"
	"github.com/keyfront-project/keyfront/internal/store"
)

// ran tells which functions ran.
type ran chan string

func (r ran) Invoked(s *function.Spec, _ string, _ *function.Result, _ error) { r <- s.Account }

// TestSlowAccount wants the events of an account whose functions are slow to hold up
// nobody else's.
func TestSlowAccount(t *testing.T) {
	w := open(t)
	seen := make(ran, 64)
	w.cfg.Pool = function.NewPool(function.Config{Observer: seen})
	w.reopen(t)
	w.create(t, patient(t, "slow", "exports.handler = () => new Promise(() => { setInterval(() => {}, 1e6); });"))
	for range 12 {
		w.later(t, "slow")
	}
	other, quick := root(), patient(t, "quick", "exports.handler = async () => 1;")
	other.Principal.Account, other.Principal.ARN = "444455556666", "arn:aws:iam::444455556666:root"
	quick.Role = strings.ReplaceAll(role, "111122223333", "444455556666")
	if _, err := w.Create(t.Context(), other, quick); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Invoke(t.Context(), other, lambda.Invocation{Name: "quick", Mode: lambda.Later}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	if account := <-seen; account != "444455556666" {
		t.Errorf("a function of %s ended first", account)
	}
	stop()
	w.cfg.Pool.Close()
	running.Wait()
	if n := w.queued(t); n != 12 {
		t.Errorf("%d events queued behind the stop, want the 12 that have not ended", n)
	}
}

// patient is a function that a busy machine gives time.
func patient(t *testing.T, name, text string) lambda.CreateRequest {
	in := request(t, name, text)
	in.TimeoutSec = 900
	return in
}

func (w *world) later(t *testing.T, name string) {
	t.Helper()
	if _, err := w.Invoke(t.Context(), root(), lambda.Invocation{Name: name, Mode: lambda.Later}); err != nil {
		t.Fatal(err)
	}
}

func TestQueueIsBounded(t *testing.T) {
	w := open(t)
	w.cfg.MaxEvents = 2
	w.reopen(t)
	w.create(t, patient(t, "f", "exports.handler = async () => 1;"))
	for range 2 {
		w.later(t, "f")
		w.later(t, "f")
		_, err := w.Invoke(t.Context(), root(), lambda.Invocation{Name: "f", Mode: lambda.Later})
		if !errors.Is(err, lambda.ErrThrottled) {
			t.Errorf("the event too many: %v, want ErrThrottled", err)
		}
		if err := lambda.RunDue(w.Service, t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestQueueByTime wants events that were queued under their time alone to run.
func TestQueueByTime(t *testing.T) {
	w := open(t)
	w.cfg.MaxEvents = 2
	w.reopen(t)
	w.create(t, patient(t, "f", "exports.handler = async () => 1;"))
	w.later(t, "f")
	w.later(t, "f")
	err := w.cfg.Records.Update(t.Context(), func(tx store.Writer) error {
		for rec, err := range tx.Scan("lambda.event", store.Range{}) {
			if err != nil {
				return err
			}
			_, old, _ := strings.Cut(rec.Key, "/")
			if err := errors.Join(tx.Put("lambda.event", old, rec.Value), tx.Delete("lambda.event", rec.Key)); err != nil {
				return err
			}
		}
		return tx.Delete("lambda.waiting", "111122223333")
	})
	if err != nil {
		t.Fatal(err)
	}
	w.reopen(t)
	if _, err := w.Invoke(t.Context(), root(), lambda.Invocation{Name: "f", Mode: lambda.Later}); !errors.Is(err, lambda.ErrThrottled) {
		t.Errorf("a third event: %v, want ErrThrottled", err)
	}
	if err := lambda.RunDue(w.Service, t.Context()); err != nil || w.queued(t) != 0 {
		t.Errorf("%d events queued, %v, want none", w.queued(t), err)
	}
}

// TestCodeThatChanges wants calls to succeed while the function's code is replaced.
func TestCodeThatChanges(t *testing.T) {
	w := open(t)
	w.create(t, patient(t, "f", "exports.handler = async () => 0;"))
	var calls sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		calls.Go(func() {
			for {
				out, err := w.Invoke(context.Background(), root(), lambda.Invocation{Name: "f", Mode: lambda.Wait})
				if err != nil || out.Failed {
					t.Errorf("Invoke() = %v, %v", out, err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for n := range 8 {
		_, err := w.UpdateCode(t.Context(), root(), lambda.UpdateCodeRequest{Name: "f", Code: lambda.Code{Zip: pack(t, fmt.Sprintf("exports.handler = async () => %d;", n))}})
		if err != nil {
			t.Error(err)
		}
	}
	close(done)
	calls.Wait()
}
