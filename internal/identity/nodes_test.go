package identity_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/identity"
)

// A role that was deleted and made anew between two looks of a node is another
// one: the sessions of the first end on that node too, however far it is behind.
func TestReplacedWhileAsleep(t *testing.T) {
	for name, changes := range map[string]int{"a step behind": 0, "far behind": identity.KeptChanges} {
		t.Run(name, func(t *testing.T) {
			a := newWorld(t)
			b := node(t, a.records)
			ctx := t.Context()
			alice := a.user(t, "alice")
			old := a.role(t, "app")
			if err := a.admin.PutInlinePolicy(ctx, rootCaller(), roleRef("app"), "p", allow("*")); err != nil {
				t.Fatal(err)
			}
			s, err := a.admin.AssumeRole(ctx, a.caller(alice), identity.AssumeRole{Role: old.ARN(), Session: "s1"})
			if err != nil {
				t.Fatal(err)
			}
			if err := b.service.Refresh(ctx); err != nil {
				t.Fatal(err)
			}
			session := b.session(t, s)
			if !b.may(session.Principal, "kms:ListKeys") {
				t.Fatal("the session may nothing")
			}
			if err := errors.Join(
				a.admin.DeleteInlinePolicy(ctx, rootCaller(), roleRef("app"), "p"),
				a.admin.DeleteRole(ctx, rootCaller(), "app"),
			); err != nil {
				t.Fatal(err)
			}
			a.role(t, "app")
			for i := range changes {
				if err := a.admin.Tag(ctx, rootCaller(), userRef("alice"), []identity.Tag{{Key: "n", Value: fmt.Sprint(i)}}); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.service.Refresh(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := b.service.Lookup(s.ID, s.SessionToken, now); !errors.Is(err, identity.ErrInvalidToken) {
				t.Errorf("Lookup of the deleted role's session = %v, want ErrInvalidToken", err)
			}
			if b.may(session.Principal, "kms:ListKeys") {
				t.Error("a session of the deleted role may still call")
			}
		})
	}
}

// An alias that moves from one account to another while a node does not look
// stays taken there, in whichever order the node learns of the two changes.
func TestAccountAliasMovesOn(t *testing.T) {
	a := newWorld(t)
	ctx := t.Context()
	rootOf := func(id arn.AccountID) access.Caller {
		who := rootCaller()
		who.Principal.Account, who.Principal.ARN, who.Principal.UserID = id, arn.Root(id).String(), string(id)
		return who
	}
	const pairs = 16 // the order is that of a map
	for i := range 2 * pairs {
		id := arn.AccountID(fmt.Sprintf("2222222222%02d", i))
		if _, _, err := a.admin.CreateAccount(ctx, rootCaller(), id); err != nil {
			t.Fatal(err)
		}
		if i < pairs {
			if err := a.admin.CreateAccountAlias(ctx, rootOf(id), fmt.Sprintf("name-%d", i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := node(t, a.records)
	for i := range pairs {
		from, to := arn.AccountID(fmt.Sprintf("2222222222%02d", i)), arn.AccountID(fmt.Sprintf("2222222222%02d", i+pairs))
		alias := fmt.Sprintf("name-%d", i)
		if err := errors.Join(
			a.admin.DeleteAccountAlias(ctx, rootOf(from), alias),
			a.admin.CreateAccountAlias(ctx, rootOf(to), alias),
		); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.service.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	for i := range pairs {
		err := b.admin.CreateAccountAlias(ctx, rootCaller(), fmt.Sprintf("name-%d", i))
		refuses(t, "an alias that another account has", err, identity.ErrExists, "")
	}
}

// Pages lose no policy where one of AWS and one of the account have one name.
func TestAttachedPoliciesOfOneName(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.user(t, "alice") // has AdministratorAccess of AWS
	own, err := w.admin.CreatePolicy(ctx, rootCaller(), identity.NewPolicy{Name: "administratoraccess", Text: allow("s3:*")})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.admin.AttachPolicy(ctx, rootCaller(), userRef("alice"), own.ARN()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for page := (identity.Page{Max: 1}); ; {
		l, err := w.admin.AttachedPolicies(ctx, rootCaller(), userRef("alice"), "", page)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range l.Items {
			got = append(got, p.ARN())
		}
		if page.Marker = l.Marker; l.Marker == "" {
			break
		}
	}
	slices.Sort(got)
	if want := []string{own.ARN(), administratorAccess}; !slices.Equal(got, want) {
		t.Errorf("pages of AttachedPolicies list %v, want %v", got, want)
	}
}

// What a change keeps of an entity, readers of the old one still read: nothing of
// it may be written. The race detector sees it.
func TestReadWhileChanging(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.role(t, "app")
	if err := w.admin.PutInlinePolicy(ctx, rootCaller(), roleRef("app"), "p", allow("s3:*")); err != nil {
		t.Fatal(err)
	}
	var workers sync.WaitGroup
	workers.Go(func() {
		for i := range 50 {
			if err := w.admin.Tag(ctx, rootCaller(), roleRef("app"), []identity.Tag{{Key: "n", Value: fmt.Sprint(i)}}); err != nil {
				t.Error(err)
			}
		}
	})
	workers.Go(func() {
		for range 50 {
			if p, err := w.admin.InlinePolicy(ctx, rootCaller(), roleRef("app"), "p"); err != nil || p.Text != allow("s3:*") {
				t.Errorf("InlinePolicy = %v, %v", p, err)
			}
		}
	})
	workers.Wait()
}
