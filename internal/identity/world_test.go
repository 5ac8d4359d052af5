package identity_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

const account = "111122223333"

// rootKey keeps nodes from making different root keys.
var rootKey = identity.AccessKey{ID: "AKIAROOT", Secret: sealed.NewSecret([]byte("root"))}

var everything = identity.Page{Max: identity.MaxPage}

func newRecords() store.Records { return memory.NewRecords() }

// world is a register with its operations.
type world struct {
	records store.Records
	service *identity.Service
	admin   *identity.Admin
	tape    *accesstest.Journal
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	return node(tb, newRecords())
}

// node is a world on records that others may use too.
func node(tb testing.TB, records store.Records) *world {
	tb.Helper()
	w := &world{records: records, service: open(tb, records, rootKey), tape: new(accesstest.Journal)}
	w.admin = identity.NewAdmin(w.service, access.NewGate(access.Config{Identities: w.service, Record: w.tape}))
	return w
}

// root is the caller as the root user.
func rootCaller() access.Caller {
	return access.Caller{At: now, Region: "us-east-1", Principal: policy.Principal{
		Kind: policy.Root, Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account,
	}}
}

// user makes a user who may everything.
func (w *world) user(tb testing.TB, name string) *identity.User {
	tb.Helper()
	u, err := w.admin.CreateUser(tb.Context(), rootCaller(), identity.NewUser{Name: name})
	if err != nil {
		tb.Fatal(err)
	}
	if err := w.admin.AttachPolicy(tb.Context(), rootCaller(), userRef(name), administratorAccess); err != nil {
		tb.Fatal(err)
	}
	return u
}

const administratorAccess = "arn:aws:iam::aws:policy/AdministratorAccess"

func userRef(name string) identity.Ref { return identity.Ref{Kind: identity.KindUser, Name: name} }
func roleRef(name string) identity.Ref { return identity.Ref{Kind: identity.KindRole, Name: name} }

// caller is the caller as a user with a long-term key.
func (w *world) caller(u *identity.User) access.Caller {
	return access.Caller{At: now, Region: "us-east-1", Principal: policy.Principal{
		Kind: policy.User, Account: u.Account, ARN: u.ARN(), UniqueID: u.ID, UserID: u.ID, Name: u.Name,
	}}
}

// session is the caller with the credentials of a session.
func (w *world) session(tb testing.TB, s identity.Session) access.Caller {
	tb.Helper()
	c, err := w.service.Lookup(s.ID, s.SessionToken, now)
	if err != nil {
		tb.Fatal(err)
	}
	return access.Caller{At: now, Region: "us-east-1", Principal: c.Principal, Tags: c.Tags, Session: c.Session}
}

// role makes a role that everybody in the account may assume.
func (w *world) role(tb testing.TB, name string) *identity.Role {
	tb.Helper()
	r, err := w.admin.CreateRole(tb.Context(), rootCaller(), identity.NewRole{Name: name, Trust: trustAccount})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

const trustAccount = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}}`

// refuses checks the kind of an error, and its sentence if text is not empty.
func refuses(t *testing.T, what string, err, kind error, text string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: %v, want %v", what, err, kind)
		return
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("%s: %q, want %q", what, err, text)
	}
}
