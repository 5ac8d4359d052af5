package stack_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// nodes are two services on one store, the first in the middle of making the
// first thing of stack "s". It goes on when unblock is closed.
func nodes(t *testing.T) (wa, wb *world, a, b *stack.Service, unblock chan struct{}) {
	wa = &world{Records: memory.NewRecords(), things: map[string]string{}, left: -1}
	wb = &world{Records: wa.Records, things: wa.things, left: -1}
	a, b = node(t, wa, clock.System(), false), node(t, wb, clock.System(), false)
	unblock = make(chan struct{})
	wa.making = func() { <-unblock }
	go func() { _, _ = a.Create(t.Context(), root, stack.Request{Name: "s", Template: first}) }()
	synctest.Wait()
	if err := b.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	return wa, wb, a, b, unblock
}

// expect checks how stack "s" ended, and that each step was taken once.
func expect(t *testing.T, w *world, s *stack.Service) {
	t.Helper()
	st := only(t, s)
	events, _, err := s.Events(t.Context(), root, st.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	// Two of the stack; of each resource two beginnings and an end.
	if got := w.values(); st.Status != stack.CreateComplete || !slices.Equal(got, []string{"a1", "a1b", "c1"}) || len(events) != 2+3*3 {
		t.Errorf("stack is %s with %v after %d events: %+v", st.Status, got, len(events), events)
	}
}

// A node leaves a stack alone that another works on, however long a step takes.
func TestOneNodeWorksOnAStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wa, wb, a, b, unblock := nodes(t)
		wb.making = func() { t.Error("the other node makes it too") }
		time.Sleep(time.Hour)
		close(unblock)
		a.Wait(t.Context())
		expect(t, wa, a)
		a.Close()
		b.Close()
	})
}

// What a node that is cut off does not get done, another does; and what the first
// finds out when it is back changes nothing.
func TestLeaseRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wa, wb, a, b, unblock := nodes(t)
		cut := func(left int) {
			wa.mu.Lock()
			wa.left = left
			wa.mu.Unlock()
		}
		cut(0)
		time.Sleep(time.Minute + time.Second)
		b.Wait(t.Context())
		expect(t, wb, b)
		cut(-1)
		close(unblock)
		a.Wait(t.Context())
		expect(t, wb, b)
		a.Close()
		b.Close()
	})
}

// A node that ends in order hands over what it has not done.
func TestHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, wb, a, b, unblock := nodes(t)
		go func() { time.Sleep(time.Millisecond); close(unblock) }()
		a.Close()
		if st := only(t, b); st.Status != stack.CreateInProgress {
			t.Fatalf("stack is %s when the first node ends, want it in progress", st.Status)
		}
		time.Sleep(30 * time.Second)
		b.Wait(t.Context())
		expect(t, wb, b)
		b.Close()
	})
}

// Nothing is done for a caller whose session has ended, as on AWS: the stack fails,
// and another session may delete it.
func TestSessionEnds(t *testing.T) {
	w, _ := made(t, "")
	doc, err := policy.Parse(policy.UseIdentity, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	if err != nil {
		t.Fatal(err)
	}
	w.policies = policies{doc}
	c := clock.Movable()
	s := open(t, w, c)
	defer s.Close()
	who := root
	who.Principal = policy.Principal{
		Kind: policy.RoleSession, Account: "111122223333", ARN: "arn:aws:sts::111122223333:assumed-role/deploy/one",
		IssuerARN: "arn:aws:iam::111122223333:role/deploy", UserID: "AROAR:one", Name: "deploy",
	}
	who.Session = &access.Session{IssuedAt: c.Now(), ExpiresAt: c.Now().Add(time.Hour)}
	w.making = func() { c.Advance(time.Hour); w.making = nil }
	if _, err := s.Create(t.Context(), who, stack.Request{Name: "s", Template: first}); err != nil {
		t.Fatal(err)
	}
	s.Wait(t.Context())
	st := only(t, s)
	events, _, err := s.Events(t.Context(), root, st.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	said := slices.ContainsFunc(events, func(e stack.Event) bool {
		return e.Logical == "B" && e.Status == stack.CreateFailed && e.Reason == "The security token included in the request is expired"
	})
	if st.Status != stack.RollbackFailed || !said || len(w.values()) != 1 {
		t.Errorf("stack is %s with %v after %+v", st.Status, w.values(), events)
	}
	if err := s.Delete(t.Context(), root, stack.DeleteRequest{Name: "s"}); err != nil {
		t.Fatal(err)
	}
	s.Wait(t.Context())
	if got := w.values(); len(got) != 0 {
		t.Errorf("%v is left behind a deletion by another session", got)
	}
}

// A store that fails says nothing of an export: the stack waits for it, and a
// request fails with an error that is no refusal.
func TestExportsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := made(t, first+"Outputs: {O: {Value: !GetAtt A.Value, Export: {Name: word}}}\n")
		defer s.Close()
		uses := template(resource("A", "x", "!ImportValue word")) + "Outputs: {P: {Value: !ImportValue word}}\n"
		failed := 0
		for n := range int64(6) {
			name := "t" + string(rune('0'+n))
			w.away.Store(n + 1)
			if _, err := s.Create(t.Context(), root, stack.Request{Name: name, Template: uses}); err != nil {
				t.Fatal(err)
			}
			s.Wait(t.Context())
			if w.away.Load() <= 0 {
				failed++
			}
			got, err := s.Stacks(t.Context(), root, name)
			if err != nil || len(got) != 1 || got[0].Status != stack.CreateComplete {
				t.Errorf("with read %d failing, the stack is %+v, %v, want it complete", n, got, err)
			}
		}
		if failed < 3 {
			t.Errorf("only %d reads failed", failed)
		}
		var refused *refusal.Error
		for n := range int64(2) {
			w.away.Store(n + 1)
			if _, err := s.Update(t.Context(), root, stack.Request{Name: "t0", Template: uses}); !errors.Is(err, errDown) || errors.As(err, &refused) {
				t.Errorf("Update with read %d failing = %v, want %v and no refusal", n, err, errDown)
			}
		}
		w.away.Store(0)
		if _, err := s.Update(t.Context(), root, stack.Request{Name: "t0", Template: uses}); !errors.Is(err, stack.ErrInvalid) {
			t.Errorf("Update = %v, want %v: nothing changes", err, stack.ErrInvalid)
		}
	})
}

// A store that fails says nothing of what a dynamic reference means: the stack waits
// for it, and a request fails with an error that is no refusal. What can never be
// read fails the resource, and tells nothing of what is inside.
func TestParametersAway(t *testing.T) {
	uses := template(resource("A", "x", "'{{resolve:ssm:p}}'"))
	stored := "Parameters: {P: {Type: 'AWS::SSM::Parameter::Value<String>', Default: p}}\n" + template(resource("A", "x", "!Ref P"))
	for _, tt := range []struct {
		name   string
		err    error
		want   stack.Status
		reason string
	}{
		{"store away", errDown, stack.CreateComplete, ""},
		{"refused", refusal.New(stack.ErrInvalid, "There is none."), stack.RollbackComplete, "There is none."},
		{"denied", &access.Denied{Message: "It is not yours."}, stack.RollbackComplete, "It is not yours."},
		{"damaged", fmt.Errorf("parameter p: %w", sealed.ErrCorrupt), stack.RollbackComplete, "Internal failure"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, s := made(t, "")
				defer s.Close()
				w.unread = tt.err
				if _, err := s.Create(t.Context(), root, stack.Request{Name: "s", Template: uses}); err != nil {
					t.Fatal(err)
				}
				s.Wait(t.Context())
				if got := only(t, s).Status; got != tt.want {
					t.Errorf("the stack is %s, want %s", got, tt.want)
				}
				events, _, err := s.Events(t.Context(), root, "s", "")
				if err != nil {
					t.Fatal(err)
				}
				if !slices.ContainsFunc(events, func(e stack.Event) bool { return e.Logical == "A" && e.Reason == tt.reason }) {
					t.Errorf("no event gives the reason %q: %+v", tt.reason, events)
				}
			})
		})
	}
	var refused *refusal.Error
	w, s := made(t, "")
	w.unread = errDown
	if _, err := s.Create(t.Context(), root, stack.Request{Name: "s", Template: stored}); !errors.Is(err, errDown) || errors.As(err, &refused) {
		t.Errorf("Create = %v, want %v and no refusal", err, errDown)
	}
}
