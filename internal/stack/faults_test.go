package stack_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// made is a world with a stack "s" of that template; empty for none.
func made(t *testing.T, template string) (*world, *stack.Service) {
	t.Helper()
	w := &world{Records: memory.NewRecords(), things: map[string]string{}, left: -1}
	s := open(t, w, clock.Movable())
	t.Cleanup(func() { s.Close() })
	if template != "" {
		if _, err := s.Create(t.Context(), root, stack.Request{Name: "s", Template: template}); err != nil {
			t.Fatal(err)
		}
		s.Wait(t.Context())
	}
	return w, s
}

// only is the one stack there is.
func only(t *testing.T, s *stack.Service) stack.Stack {
	t.Helper()
	list, err := s.List(t.Context(), root, nil)
	if err != nil || len(list) != 1 {
		t.Fatalf("List = %+v, %v, want one stack", list, err)
	}
	return list[0]
}

// A panic in what makes a resource is the failure of that resource.
func TestPanicIsTheResourcesFailure(t *testing.T) {
	create := func(template string) func(*stack.Service) error {
		return func(s *stack.Service) error {
			_, err := s.Create(t.Context(), root, stack.Request{Name: "s", Template: template})
			return err
		}
	}
	for _, tt := range []struct {
		name, before string
		operate      func(*stack.Service) error
		want         stack.Status
	}{
		{"create", "", create(template(resource("A", "x", "a"), resource("B", "x", "panic"))), stack.RollbackComplete},
		{"update", first, func(s *stack.Service) error {
			_, err := s.Update(t.Context(), root, stack.Request{Name: "s", Template: template(resource("A", "x", "panic"))})
			return err
		}, stack.UpdateRollbackComplete},
		{"delete", template(resource("A", "x", "stuck")), func(s *stack.Service) error {
			return s.Delete(t.Context(), root, stack.DeleteRequest{Name: "s"})
		}, stack.DeleteFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, s := made(t, tt.before)
			if err := tt.operate(s); err != nil {
				t.Fatal(err)
			}
			s.Wait(t.Context())
			st := only(t, s)
			events, _, err := s.Events(t.Context(), root, st.ID, "")
			if err != nil {
				t.Fatal(err)
			}
			said := 0
			for _, e := range events {
				if e.Reason == "Internal failure" {
					said++
				}
				if strings.Contains(e.Reason, "fault of ours") {
					t.Errorf("event %+v tells what it panicked with", e)
				}
			}
			if st.Status != tt.want || said != 1 {
				t.Errorf("status %s and %d internal failures in %+v, want %s and one", st.Status, said, events, tt.want)
			}
		})
	}
}

// What a request changes while a stack is worked on is not undone by the next step.
func TestProtectedWhileWorkedOn(t *testing.T) {
	w, s := made(t, "")
	w.making = func() {
		w.making = nil
		if _, err := s.SetProtection(t.Context(), root, "s", true); err != nil {
			t.Errorf("SetProtection: %v", err)
		}
	}
	if _, err := s.Create(t.Context(), root, stack.Request{Name: "s", Template: first}); err != nil {
		t.Fatal(err)
	}
	s.Wait(t.Context())
	if st := only(t, s); !st.Protected || st.Status != stack.CreateComplete || len(w.values()) != 3 {
		t.Errorf("stack = %+v with %q, want it protected and complete", st, w.values())
	}
}

// An update that was made out from what the stack no longer is does not happen.
func TestUpdateOfWhatChangedMeanwhile(t *testing.T) {
	w, s := made(t, first)
	w.fetch = func() string {
		if _, err := s.Update(t.Context(), root, stack.Request{Name: "s", Template: second}); err != nil {
			t.Errorf("the other update: %v", err)
		}
		s.Wait(t.Context())
		return template(resource("A", "x", "mine"))
	}
	if _, err := s.Update(t.Context(), root, stack.Request{Name: "s", TemplateURL: "https://s3/t"}); !errors.Is(err, stack.ErrInvalid) {
		t.Errorf("Update = %v, want %v", err, stack.ErrInvalid)
	}
	s.Wait(t.Context())
	if got := w.values(); len(got) != 4 {
		t.Errorf("things are %q, want those of the other update", got)
	}
}

// A change set is executed once, and not behind another change of its stack.
func TestChangeSetIsExecutedOnce(t *testing.T) {
	prepare := func(t *testing.T) (*world, *stack.Service) {
		w, s := made(t, first)
		if _, _, err := s.CreateChangeSet(t.Context(), root, "c", "", false, stack.Request{Name: "s", Template: second}); err != nil {
			t.Fatal(err)
		}
		return w, s
	}
	want := func(t *testing.T, s *stack.Service, execution string) {
		t.Helper()
		c, err := s.ChangeSet(t.Context(), root, "s", "c")
		if err != nil || c.Execution != execution {
			t.Errorf("change set is %s, %v, want %s", c.Execution, err, execution)
		}
		if err := s.ExecuteChangeSet(t.Context(), root, "s", "c", "", ""); !errors.Is(err, stack.ErrChangeSetStatus) {
			t.Errorf("ExecuteChangeSet = %v, want %v", err, stack.ErrChangeSetStatus)
		}
	}
	t.Run("cut off", func(t *testing.T) {
		w, s := prepare(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.mu.Lock()
		w.left, w.down = 2, cancel // nobody waits for a machine that is down
		w.mu.Unlock()
		_ = s.ExecuteChangeSet(ctx, root, "s", "c", "", "") // it may have been cut off
		<-ctx.Done()
		s.Close()
		w.mu.Lock()
		w.left = -1
		w.mu.Unlock()
		want(t, open(t, w, clock.Movable()), "EXECUTE_COMPLETE")
	})
	t.Run("behind an update", func(t *testing.T) {
		_, s := prepare(t)
		if _, err := s.Update(t.Context(), root, stack.Request{Name: "s", Template: template(resource("A", "x", "mine"))}); err != nil {
			t.Fatal(err)
		}
		s.Wait(t.Context())
		want(t, s, "OBSOLETE")
	})
}

// A role of another account that trusts CloudFormation is nobody's here to pass.
func TestRoleOfAnotherAccount(t *testing.T) {
	_, s := made(t, first)
	in := stack.Request{Name: "s", Template: second, Role: "arn:aws:iam::444455556666:role/deploy"}
	_, updated := s.Update(t.Context(), root, in)
	_, _, changed := s.CreateChangeSet(t.Context(), root, "c", "", false, in)
	deleted := s.Delete(t.Context(), root, stack.DeleteRequest{Name: "s", Role: in.Role})
	in.Name = "t"
	_, created := s.Create(t.Context(), root, in)
	for name, err := range map[string]error{"create": created, "update": updated, "change set": changed, "delete": deleted} {
		if !errors.Is(err, access.ErrDenied) || !strings.Contains(err.Error(), "Cross-account") {
			t.Errorf("%s: %v, want it denied", name, err)
		}
	}
}

// What a request asks for counts in every decision about it.
func TestConditionsAboutTheRequest(t *testing.T) {
	const role = "arn:aws:iam::111122223333:role/deploy"
	doc, err := policy.Parse(policy.UseIdentity, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"cloudformation:*","Resource":"*","Condition":{"StringEquals":{"cloudformation:RoleArn":"`+role+`"}}},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"`+role+`"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	w, _ := made(t, first)
	w.policies = policies{doc}
	s := open(t, w, clock.Movable())
	defer s.Close()
	user := root
	user.Principal = policy.Principal{Kind: policy.User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/u", UserID: "AIDAU", Name: "u"}
	in := stack.Request{Name: "s", Template: second}
	if _, err := s.Update(t.Context(), user, in); !errors.Is(err, access.ErrDenied) {
		t.Errorf("Update without the role: %v, want it denied", err)
	}
	in.Role = role
	// No role can be assumed here: that is said behind the decision.
	if _, err := s.Update(t.Context(), user, in); !errors.Is(err, stack.ErrInvalid) {
		t.Errorf("Update with the role: %v, want %v", err, stack.ErrInvalid)
	}
}
