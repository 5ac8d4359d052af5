package secret_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/secret"
	"github.com/keyfront-project/keyfront/internal/store"
)

// A secret that was made anew meanwhile is another one, about which nobody was
// asked: its value is sealed for another ARN, and its policy is its own.
func TestReplacedMeanwhile(t *testing.T) {
	for name, change := range map[string]struct {
		action string
		do     func(s *secret.Service) error
	}{
		"put": {"secretsmanager:PutSecretValue", func(s *secret.Service) error {
			_, err := s.Put(t.Context(), root(), secret.PutRequest{Secret: "db", Value: text("late")})
			return err
		}},
		"policy": {"secretsmanager:PutResourcePolicy", func(s *secret.Service) error {
			_, err := s.SetPolicy(t.Context(), root(), "db", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}}`, false)
			return err
		}},
		"destroy": {"secretsmanager:DeleteSecret", func(s *secret.Service) error {
			_, _, err := s.Delete(t.Context(), root(), "db", 0, true)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := open()
			w.create(t, "db", "old")
			w.journal.Before(change.action, func() {
				if _, _, err := w.Delete(t.Context(), root(), "db", 0, true); err != nil {
					t.Error(err)
				}
				w.create(t, "db", "new")
			})
			if err := change.do(w.Service); !errors.Is(err, secret.ErrNotFound) {
				t.Errorf("change of a secret that is gone = %v, want ErrNotFound", err)
			}
			if got := w.value(t, "db"); got != "new" {
				t.Errorf("the new secret holds %q", got)
			}
			if _, policy, err := w.Policy(t.Context(), root(), "db"); err != nil || policy != "" {
				t.Errorf("the new secret's policy = %q, %v", policy, err)
			}
		})
	}
}

// A rotation that failed before its function made a value leaves a label on a
// version that there is not; the key can be changed all the same.
func TestAnotherKeyAfterAFailedRotation(t *testing.T) {
	w := open()
	w.create(t, "db", "x")
	w.lambda.failAt = "createSecret"
	if _, err := w.Rotate(t.Context(), root(), secret.RotateRequest{Secret: "db", Function: "fn"}); !errors.Is(err, secret.ErrState) {
		t.Fatalf("Rotate = %v, want ErrState", err)
	}
	key := "other-key"
	if _, err := w.Update(t.Context(), root(), secret.UpdateRequest{Secret: "db", KeyID: &key}); err != nil {
		t.Errorf("Update = %v", err)
	}
	if got := w.value(t, "db"); got != "x" {
		t.Errorf("value = %q", got)
	}
}

// Of several nodes that see a rotation due, one does it.
func TestRotatesOnOneNode(t *testing.T) {
	w := open()
	w.create(t, "db", "x")
	if _, err := w.Rotate(t.Context(), root(), secret.RotateRequest{Secret: "db", Function: "fn", Days: 1, Later: true}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(25 * time.Hour)
	w.journal.Before("secretsmanager:RotateSecret", func() { // as another node
		if err := w.DoDue(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if err := w.DoDue(t.Context()); err != nil {
		t.Error(err)
	}
	if len(w.lambda.steps) != 4 {
		t.Errorf("the function was called for %v, want each step once", w.lambda.steps)
	}
}

// A rotation that the end of the process cuts off is taken up again soon, not when
// the next one is due: until then the new value is nowhere but in the database.
func TestRotationIsTakenUpAgain(t *testing.T) {
	w := open()
	w.create(t, "db", "x")
	if _, err := w.Rotate(t.Context(), root(), secret.RotateRequest{Secret: "db", Function: "fn", Days: 90, Later: true}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(91 * 24 * time.Hour)
	ctx, end := context.WithCancel(t.Context())
	w.lambda.during = func(step string) error {
		if step != "testSecret" {
			return nil
		}
		end()
		return ctx.Err()
	}
	_ = w.DoDue(ctx) // whatever it says, nobody hears it
	w.lambda.during = nil
	w.clock.Advance(2 * time.Hour)
	if err := w.DoDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.value(t, "db") == "x" {
		t.Error("two hours later it is not rotated")
	}
	d, err := w.Describe(t.Context(), root(), "db")
	if err != nil || d.RotatesNext.Sub(w.clock.Now()) < 89*24*time.Hour {
		t.Errorf("the next rotation is at %v, %v, want 90 days from now, %v", d.RotatesNext, err, w.clock.Now())
	}
}

// broken is a store whose reads inside a transaction fail.
type broken struct {
	store.Records
	err error
}

func (b *broken) Update(ctx context.Context, fn func(store.Writer) error) error {
	return b.Records.Update(ctx, func(tx store.Writer) error { return fn(brokenTx{tx, b.err}) })
}

type brokenTx struct {
	store.Writer
	err error
}

func (tx brokenTx) Get(space store.Space, key string) ([]byte, error) {
	if tx.err != nil {
		return nil, tx.err
	}
	return tx.Writer.Get(space, key)
}

// A store that fails does not say that a name or a token is taken.
func TestBrokenIsNotTaken(t *testing.T) {
	w := open()
	s := secret.New(secret.Config{
		Records: &broken{w.records, accesstest.ErrDisk}, Keys: accesstest.Keys{}, Clock: w.clock, Log: slog.New(slog.DiscardHandler), Principals: principals{},
		Gate: access.NewGate(access.Config{Identities: accesstest.Nobody{}, Record: w.journal}),
	})
	if _, err := s.Create(t.Context(), root(), secret.CreateRequest{Name: "db", Value: text("x")}); !errors.Is(err, accesstest.ErrDisk) || errors.Is(err, secret.ErrExists) {
		t.Errorf("Create = %v, want ErrDisk alone", err)
	}
}
