package identity_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

func allow(action string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + action + `","Resource":"*"}}`
}

// may asks the gate's question of a principal without conditions.
func (w *world) may(p policy.Principal, action policy.Action) bool {
	policies := policy.Policies{Rule: policy.IdentityOnly}
	w.service.PoliciesOf(&p, &policies)
	return policy.Decide(&policy.Request{Principal: &p, Action: action, Resource: "*", Owner: p.Account, Time: now}, &policies).Allowed
}

func TestPoliciesOfFollowsEveryChange(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), rootCaller()
	u, err := w.admin.CreateUser(ctx, root, identity.NewUser{Name: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	p := w.caller(u).Principal
	const action policy.Action = "kms:ListKeys"
	var managed string
	steps := []struct {
		name string
		do   func() error
		want bool
	}{
		{"new user", func() error { return nil }, false},
		{"inline policy", func() error { return w.admin.PutInlinePolicy(ctx, root, userRef("alice"), "p", allow("kms:*")) }, true},
		{"inline policy replaced", func() error { return w.admin.PutInlinePolicy(ctx, root, userRef("alice"), "P", allow("s3:*")) }, false},
		{"group without policies", func() error {
			if _, err := w.admin.CreateGroup(ctx, root, "g", ""); err != nil {
				return err
			}
			return w.admin.AddUserToGroup(ctx, root, "g", "alice")
		}, false},
		{"managed policy on the group", func() error {
			m, err := w.admin.CreatePolicy(ctx, root, identity.NewPolicy{Name: "m", Text: allow("kms:List*")})
			if err != nil {
				return err
			}
			managed = m.ARN()
			return w.admin.AttachPolicy(ctx, root, identity.Ref{Kind: identity.KindGroup, Name: "g"}, managed)
		}, true},
		{"version that is not the default", func() error {
			_, err := w.admin.CreatePolicyVersion(ctx, root, managed, allow("s3:*"), false)
			return err
		}, true},
		{"other default version", func() error { return w.admin.SetDefaultPolicyVersion(ctx, root, managed, "v2") }, false},
		{"default version back", func() error { return w.admin.SetDefaultPolicyVersion(ctx, root, managed, "v1") }, true},
		{"renamed user and group", func() error {
			return errors.Join(w.admin.UpdateUser(ctx, root, "alice", "alicia", "/x/"), w.admin.UpdateGroup(ctx, root, "g", "h", ""))
		}, true},
		{"boundary", func() error { return w.admin.PutBoundary(ctx, root, userRef("alicia"), managed) }, true},
		{"boundary that says no", func() error { return w.admin.SetDefaultPolicyVersion(ctx, root, managed, "v2") }, false},
		{"no boundary", func() error {
			return errors.Join(w.admin.SetDefaultPolicyVersion(ctx, root, managed, "v1"), w.admin.DeleteBoundary(ctx, root, userRef("alicia")))
		}, true},
		{"out of the group", func() error { return w.admin.RemoveUserFromGroup(ctx, root, "h", "alicia") }, false},
		{"attached", func() error { return w.admin.AttachPolicy(ctx, root, userRef("alicia"), managed) }, true},
		{"detached", func() error { return w.admin.DetachPolicy(ctx, root, userRef("alicia"), managed) }, false},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := w.may(p, action); got != step.want {
			t.Errorf("%s: may %s = %v, want %v", step.name, action, got, step.want)
		}
		// A node that reads everything sees the same.
		if got := node(t, w.records).may(p, action); got != step.want {
			t.Errorf("%s, reopened: may %s = %v, want %v", step.name, action, got, step.want)
		}
	}
}

func TestNodesFollowEachOther(t *testing.T) {
	a := newWorld(t)
	b := node(t, a.records)
	ctx := t.Context()
	alice := a.user(t, "alice")
	if err := b.service.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if !b.may(b.caller(alice).Principal, "kms:ListKeys") {
		t.Error("the other node does not know the user")
	}
	// b has not seen these changes when it makes its own.
	if err := a.admin.PutInlinePolicy(ctx, rootCaller(), userRef("alice"), "from-a", allow("s3:*")); err != nil {
		t.Fatal(err)
	}
	if err := b.admin.PutInlinePolicy(ctx, rootCaller(), userRef("alice"), "from-b", allow("s3:*")); err != nil {
		t.Fatal(err)
	}
	if err := a.service.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	for _, w := range []*world{a, b} {
		l, err := w.admin.InlinePolicies(ctx, rootCaller(), userRef("alice"), everything)
		if want := []string{"from-a", "from-b"}; err != nil || !slices.Equal(l.Items, want) {
			t.Errorf("policies %v, %v, want %v", l.Items, err, want)
		}
	}
	// What was fine when b looked may not be any more.
	if err := a.admin.DeleteInlinePolicy(ctx, rootCaller(), userRef("alice"), "from-a"); err != nil {
		t.Fatal(err)
	}
	before := len(b.tape.Records())
	err := b.admin.DeleteInlinePolicy(ctx, rootCaller(), userRef("alice"), "from-a")
	refuses(t, "delete what another node deleted", err, identity.ErrNoSuchEntity, "")
	if made := b.tape.Records()[before:]; len(made) != 2 || !made[1].Corrects {
		t.Errorf("%d records, want a success and its correction", len(made))
	}
}

func TestNodeFarBehindReadsEverything(t *testing.T) {
	a := newWorld(t)
	b := node(t, a.records)
	ctx := t.Context()
	gone := a.user(t, "gone")
	if err := b.service.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		a.admin.DetachPolicy(ctx, rootCaller(), userRef("gone"), administratorAccess),
		a.admin.DeleteUser(ctx, rootCaller(), "gone"),
	); err != nil {
		t.Fatal(err)
	}
	a.user(t, "stays")
	for i := range identity.KeptChanges {
		if err := a.admin.Tag(ctx, rootCaller(), userRef("stays"), []identity.Tag{{Key: "n", Value: fmt.Sprint(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.service.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if b.may(b.caller(gone).Principal, "kms:ListKeys") {
		t.Error("a deleted user may still call")
	}
	l, err := b.admin.Tags(ctx, rootCaller(), userRef("stays"), everything)
	if err != nil || len(l.Items) != 1 || l.Items[0].Value != fmt.Sprint(identity.KeptChanges-1) {
		t.Errorf("tags %v, %v", l.Items, err)
	}
}

func TestDeletedUserIsGone(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	u := w.user(t, "alice")
	key, _, _, err := w.admin.CreateAccessKey(ctx, rootCaller(), "alice", "")
	if err != nil {
		t.Fatal(err)
	}
	session, err := w.admin.SessionToken(ctx, w.caller(u), time.Hour, identity.MFA{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.service.Lookup(session.ID, session.SessionToken, now); err != nil {
		t.Fatal(err)
	}
	refuses(t, "with policies", w.admin.DeleteUser(ctx, rootCaller(), "alice"), identity.ErrDeleteConflict, "Cannot delete entity, must detach all policies first.")
	if err := w.admin.DetachPolicy(ctx, rootCaller(), userRef("alice"), administratorAccess); err != nil {
		t.Fatal(err)
	}
	refuses(t, "with a key", w.admin.DeleteUser(ctx, rootCaller(), "alice"), identity.ErrDeleteConflict, "")
	if err := w.admin.DeleteAccessKey(ctx, rootCaller(), "alice", key.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.admin.DeleteUser(ctx, rootCaller(), "alice"); err != nil {
		t.Fatal(err)
	}
	again := w.user(t, "alice")
	if again.ID == u.ID {
		t.Error("the unique id was used again")
	}
	for _, w := range []*world{w, node(t, w.records)} {
		if _, err := w.service.Lookup(key.ID, "", now); !errors.Is(err, identity.ErrUnknownKey) {
			t.Errorf("the deleted key: %v", err)
		}
		if _, err := w.service.Lookup(session.ID, session.SessionToken, now); !errors.Is(err, identity.ErrInvalidToken) {
			t.Errorf("the deleted user's session: %v", err)
		}
		// A call under way when its user was deleted may nothing more.
		if w.may(w.caller(u).Principal, "kms:ListKeys") {
			t.Error("the deleted user may still call")
		}
		if name, ok := w.service.NameOf(u.ID); ok {
			t.Errorf("the deleted user is called %s", name)
		}
	}
}

func TestInactiveKeyIsUnknown(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.user(t, "alice")
	key, _, _, err := w.admin.CreateAccessKey(ctx, rootCaller(), "alice", "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.service.Lookup(key.ID, "", now)
	if err != nil {
		t.Fatal(err)
	}
	if secret, err := c.Secret(); err != nil || !secret.Equal(key.Secret) {
		t.Errorf("secret %v, %v, want the one that was shown", secret, err)
	}
	for _, status := range []string{"Inactive", "Active"} {
		if err := w.admin.UpdateAccessKey(ctx, rootCaller(), "alice", key.ID, status); err != nil {
			t.Fatal(err)
		}
		if _, err := w.service.Lookup(key.ID, "", now); (err == nil) != (status == "Active") {
			t.Errorf("%s: %v", status, err)
		}
	}
	refuses(t, "status", w.admin.UpdateAccessKey(ctx, rootCaller(), "alice", key.ID, "Off"), identity.ErrValidation, "Member must satisfy enum value set: [Active, Inactive]")
	w.user(t, "bob")
	refuses(t, "another's key", w.admin.DeleteAccessKey(ctx, rootCaller(), "bob", key.ID), identity.ErrNoSuchEntity, "")
}

func TestIdentify(t *testing.T) {
	w := newWorld(t)
	alice := w.user(t, "alice")
	r := w.role(t, "r")
	tests := []struct {
		name, id string
		ok       bool
	}{
		{alice.ARN(), alice.ID, true},
		{r.ARN(), r.ID, true},
		{"arn:aws:iam::" + account + ":user/Alice", "", false},
		{"arn:aws:iam::" + account + ":user/x/alice", "", false},
		{"arn:aws:iam::" + account + ":role/alice", "", false},
		{"arn:aws:iam::999988887777:user/alice", "", true},
		{"alice", "", false},
	}
	for _, tt := range tests {
		if id, ok := w.service.Identify(tt.name); id != tt.id || ok != tt.ok {
			t.Errorf("Identify(%s) = %q, %v, want %q, %v", tt.name, id, ok, tt.id, tt.ok)
		}
	}
	if name, ok := w.service.NameOf(r.ID); name != r.ARN() || !ok {
		t.Errorf("NameOf = %s, %v, want %s", name, ok, r.ARN())
	}
}

func TestCreateAccount(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	id, key, err := w.admin.CreateAccount(ctx, rootCaller(), "999988887777")
	if err != nil || id != "999988887777" {
		t.Fatal(id, err)
	}
	for _, w := range []*world{w, node(t, w.records)} {
		c, err := w.service.Lookup(key.ID, "", now)
		if err != nil || c.Principal.Kind != policy.Root || c.Principal.Account != "999988887777" {
			t.Errorf("Lookup = %+v, %v", c, err)
		}
		if got := w.service.Accounts(); len(got) != 2 {
			t.Errorf("accounts %v", got)
		}
	}
	_, _, err = w.admin.CreateAccount(ctx, rootCaller(), "999988887777")
	refuses(t, "again", err, identity.ErrExists, "")
	_, _, err = w.admin.CreateAccount(ctx, rootCaller(), "1")
	refuses(t, "a short id", err, identity.ErrValidation, "")
	// Names are each account's own.
	w.user(t, "alice")
	other := access.Caller{At: now, Principal: policy.Principal{Kind: policy.Root, Account: "999988887777", ARN: "arn:aws:iam::999988887777:root"}}
	_, _, err = w.admin.CreateAccount(ctx, other, "")
	refuses(t, "another account's root", err, access.ErrDenied, "")
	if drawn, _, err := w.admin.CreateAccount(ctx, rootCaller(), ""); err != nil || !drawn.Valid() {
		t.Errorf("CreateAccount without id = %s, %v", drawn, err)
	}
	_, err = w.admin.User(ctx, other, "alice")
	refuses(t, "another account's user", err, identity.ErrNoSuchEntity, "The user with name alice cannot be found.")
}

// What cannot be recorded does not happen, and what is refused leaves nothing.
func TestNothingHalfDone(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.user(t, "alice")
	counter := func() uint64 {
		n, err := w.records.Changes(ctx, store.Space("iam"))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := counter()
	w.tape.Fail(errors.New("disk full"))
	_, err := w.admin.CreateUser(ctx, rootCaller(), identity.NewUser{Name: "bob"})
	refuses(t, "unrecorded", err, access.ErrNotRecorded, "")
	w.tape.Fail(nil)
	refused := map[string]error{
		"malformed policy": w.admin.PutInlinePolicy(ctx, rootCaller(), userRef("alice"), "p", `{"Statement":[]}`),
		"not attachable":   w.admin.AttachPolicy(ctx, rootCaller(), userRef("alice"), "arn:aws:iam::"+account+":policy/none"),
	}
	_, refused["taken"] = w.admin.CreateUser(ctx, rootCaller(), identity.NewUser{Name: "ALICE"})
	_, refused["boundary"] = w.admin.CreateUser(ctx, rootCaller(), identity.NewUser{Name: "carol", Boundary: "arn:aws:iam::" + account + ":policy/none"})
	for what, err := range refused {
		if err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
	if after := counter(); after != before {
		t.Error("a refused call wrote")
	}
	l, err := w.admin.Users(ctx, rootCaller(), "", everything)
	if err != nil || len(l.Items) != 1 {
		t.Errorf("users %v, %v, want alice alone", l.Items, err)
	}
}

func TestRecordsHoldNoSecret(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.user(t, "alice")
	key, _, _, err := w.admin.CreateAccessKey(ctx, rootCaller(), "alice", "")
	if err != nil {
		t.Fatal(err)
	}
	device, err := w.admin.CreateDevice(ctx, rootCaller(), "d", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%+v", w.tape.Records())
	err = w.records.View(ctx, func(tx store.Reader) error {
		for rec, err := range tx.Scan("iam", store.Range{}) {
			if err != nil {
				return err
			}
			text += string(rec.Value)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for what, secret := range map[string]string{"access key": string(key.Secret.Reveal()), "seed": string(device.Seed.Reveal())} {
		if strings.Contains(text, secret) {
			t.Errorf("the %s is in the clear", what)
		}
	}
}

// Readers and writers of the register do not disturb each other.
func TestConcurrentUse(t *testing.T) {
	w := newWorld(t)
	other := node(t, w.records)
	ctx := t.Context()
	u := w.user(t, "alice")
	key, _, _, err := w.admin.CreateAccessKey(ctx, rootCaller(), "alice", "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.admin.SessionToken(ctx, w.caller(u), time.Hour, identity.MFA{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				for _, token := range []string{"", s.SessionToken} {
					id := key.ID
					if token != "" {
						id = s.ID
					}
					if c, err := w.service.Lookup(id, token, now); err != nil || !w.may(c.Principal, "kms:ListKeys") {
						t.Errorf("Lookup(%s) = %v, or alice may nothing", id, err)
						return
					}
				}
				if _, err := w.admin.GroupsForUser(ctx, rootCaller(), "alice", everything); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i, n := range []*world{w, other} {
		writers.Go(func() {
			for j := range 30 {
				name := fmt.Sprintf("g%d-%d", i, j)
				n.user(t, name)
				if err := n.service.Refresh(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	for _, n := range []*world{w, other} {
		if err := n.service.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		l, err := n.admin.Users(ctx, rootCaller(), "", everything)
		if err != nil || len(l.Items) != 61 {
			t.Errorf("%d users, %v, want 61", len(l.Items), err)
		}
	}
}
