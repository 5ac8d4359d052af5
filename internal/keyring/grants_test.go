package keyring_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
)

// session is a session of a role.
func session(in arn.AccountID, role, name string) access.Caller {
	who := root()
	who.Principal = policy.Principal{
		Kind: policy.RoleSession, Account: in, ARN: arn.RoleSession(in, role, name).String(),
		IssuerARN: arn.Role(in, "/", role).String(), UserID: "AROA" + role + ":" + name, UniqueID: "AROA" + role,
	}
	return who
}

func grantTo(t testing.TB, r *keyring.Ring, key string, who access.Caller, ops ...keyring.GrantOperation) (id, token string) {
	t.Helper()
	id, token, err := r.CreateGrant(t.Context(), root(), keyring.GrantInput{Key: key, Grantee: who.Principal.ARN, Operations: ops})
	if err != nil {
		t.Fatal(err)
	}
	return id, token
}

func mayEncrypt(r *keyring.Ring, t testing.TB, who access.Caller, key string, bind map[string]string) bool {
	t.Helper()
	_, err := r.Encrypt(t.Context(), who, keyring.Use{Key: key, Context: bind}, []byte("x"))
	var e *refusal.Error
	if err != nil && !errors.Is(err, access.ErrDenied) && !errors.As(err, &e) {
		t.Fatal(err)
	}
	return err == nil
}

// Who is meant by a grant, and who is not.
func TestGrantees(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	bob, eve := w.user(account, "bob", ""), w.user(account, "eve", "")
	stranger := w.user(other, "bob", "")
	allowed := w.user(other, "ann", allowAll)
	app, app2 := session(account, "app", "one"), session(account, "app", "two")
	for _, tt := range []struct {
		grantee string
		may     []access.Caller
		maynot  []access.Caller
	}{
		{bob.Principal.ARN, []access.Caller{bob, root()}, []access.Caller{eve, stranger, allowed, app}},
		{app.Principal.IssuerARN, []access.Caller{app, app2}, []access.Caller{bob, stranger}},
		{app.Principal.ARN, []access.Caller{app}, []access.Caller{app2, bob}},
		{stranger.Principal.ARN, []access.Caller{stranger}, []access.Caller{bob, allowed}},
		{string(other), []access.Caller{allowed, rootOf(other)}, []access.Caller{stranger, bob}},
	} {
		key := create(t, r, keyring.Symmetric, "").ARN
		if _, _, err := r.CreateGrant(t.Context(), root(), keyring.GrantInput{Key: key, Grantee: tt.grantee, Operations: []keyring.GrantOperation{"Encrypt"}}); err != nil {
			t.Fatal(err)
		}
		for _, ring := range []*keyring.Ring{r, w.open()} {
			for _, who := range tt.may {
				if !mayEncrypt(ring, t, who, key, nil) {
					t.Errorf("granted to %s: %s may not encrypt", tt.grantee, who.Principal.ARN)
				}
			}
			for _, who := range tt.maynot {
				if mayEncrypt(ring, t, who, key, nil) {
					t.Errorf("granted to %s: %s may encrypt", tt.grantee, who.Principal.ARN)
				}
			}
		}
		if _, err := r.GenerateDataKey(t.Context(), tt.may[0], keyring.Use{Key: key}, 32); !errors.Is(err, access.ErrDenied) {
			t.Errorf("granted Encrypt to %s, GenerateDataKey = %v", tt.grantee, err)
		}
	}
}

func TestGrantConstraints(t *testing.T) {
	type context = map[string]string
	a, ab, abc := context{"a": "1"}, context{"a": "1", "b": "2"}, context{"a": "1", "b": "2", "c": "3"}
	w := newWorld(t)
	r := w.open()
	for i, tt := range []struct {
		with  keyring.GrantConstraints
		allow []context
		deny  []context
	}{
		{keyring.GrantConstraints{}, []context{nil, a, abc}, nil},
		{keyring.GrantConstraints{Equals: ab}, []context{ab}, []context{nil, a, abc, {"a": "1", "b": "3"}, {"A": "1", "b": "2"}}},
		{keyring.GrantConstraints{Subset: ab}, []context{ab, abc}, []context{nil, a, {"a": "1", "b": ""}}},
		{keyring.GrantConstraints{Equals: ab, Subset: a}, []context{ab}, []context{a, abc}},
	} {
		who := w.user(account, fmt.Sprint("u", i), "")
		key := create(t, r, keyring.Symmetric, "").ARN
		if _, _, err := r.CreateGrant(t.Context(), root(), keyring.GrantInput{
			Key: key, Grantee: who.Principal.ARN, Operations: []keyring.GrantOperation{"Encrypt", "DescribeKey"}, Constraints: tt.with,
		}); err != nil {
			t.Fatal(err)
		}
		for _, bind := range tt.allow {
			if !mayEncrypt(r, t, who, key, bind) {
				t.Errorf("%+v denies %v", tt.with, bind)
			}
		}
		for _, bind := range tt.deny {
			if mayEncrypt(r, t, who, key, bind) {
				t.Errorf("%+v allows %v", tt.with, bind)
			}
		}
		if _, err := r.Describe(t.Context(), who, keyring.Use{Key: key}); err != nil {
			t.Errorf("%+v: Describe, which has no context, = %v", tt.with, err)
		}
	}
}

// ReEncrypt asks the grants of each side about that side's context.
func TestGrantsOfReEncrypt(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	bob := w.user(account, "bob", "")
	from, to := create(t, r, keyring.Symmetric, "").ARN, create(t, r, keyring.Symmetric, "").ARN
	one, two := map[string]string{"side": "one"}, map[string]string{"side": "two"}
	for _, side := range []keyring.GrantInput{
		{Key: from, Operations: []keyring.GrantOperation{"ReEncryptFrom"}, Constraints: keyring.GrantConstraints{Equals: one}},
		{Key: to, Operations: []keyring.GrantOperation{"ReEncryptTo"}, Constraints: keyring.GrantConstraints{Equals: two}},
	} {
		side.Grantee = bob.Principal.ARN
		if _, _, err := r.CreateGrant(t.Context(), root(), side); err != nil {
			t.Fatal(err)
		}
	}
	blob := must[keyring.Encrypted](t)(r.Encrypt(t.Context(), root(), keyring.Use{Key: from, Context: one}, []byte("x"))).Blob
	if _, err := r.ReEncrypt(t.Context(), bob, keyring.Use{Context: one}, keyring.Use{Key: to, Context: two}, blob); err != nil {
		t.Errorf("ReEncrypt = %v", err)
	}
	if _, err := r.ReEncrypt(t.Context(), bob, keyring.Use{Context: one}, keyring.Use{Key: to, Context: one}, blob); !errors.Is(err, access.ErrDenied) {
		t.Errorf("ReEncrypt to another context = %v", err)
	}
}

// Whoever may create grants by a grant passes on no more than that.
func TestGrantDelegation(t *testing.T) {
	type c = keyring.GrantConstraints
	ops := func(names ...keyring.GrantOperation) []keyring.GrantOperation { return names }
	a, ab := map[string]string{"a": "1"}, map[string]string{"a": "1", "b": "2"}
	w := newWorld(t)
	r := w.open()
	for i, tt := range []struct {
		parentOps []keyring.GrantOperation
		parent    c
		childOps  []keyring.GrantOperation
		child     c
		want      bool
	}{
		{ops("CreateGrant", "Encrypt"), c{}, ops("Encrypt"), c{}, true},
		{ops("CreateGrant", "Encrypt"), c{}, ops("Encrypt"), c{Equals: a}, true},
		{ops("CreateGrant", "Encrypt"), c{}, ops("Decrypt"), c{}, false},
		{ops("CreateGrant", "Encrypt"), c{}, ops("Encrypt", "RetireGrant"), c{}, false},
		{ops("CreateGrant", "Encrypt"), c{}, ops("CreateGrant"), c{}, true},
		{ops("Encrypt"), c{}, ops("Encrypt"), c{}, false},
		{ops("CreateGrant", "Encrypt"), c{Equals: a}, ops("Encrypt"), c{}, false},
		{ops("CreateGrant", "Encrypt"), c{Equals: a}, ops("Encrypt"), c{Equals: a}, true},
		{ops("CreateGrant", "Encrypt"), c{Equals: a}, ops("Encrypt"), c{Equals: ab}, false},
		{ops("CreateGrant", "Encrypt"), c{Equals: a}, ops("Encrypt"), c{Subset: a}, false},
		{ops("CreateGrant", "Encrypt"), c{Subset: a}, ops("Encrypt"), c{Subset: ab}, true},
		{ops("CreateGrant", "Encrypt"), c{Subset: a}, ops("Encrypt"), c{Equals: ab}, true},
		{ops("CreateGrant", "Encrypt"), c{Subset: ab}, ops("Encrypt"), c{Subset: a}, false},
		{ops("CreateGrant", "Encrypt"), c{Subset: ab}, ops("Encrypt"), c{}, false},
	} {
		who := w.user(account, fmt.Sprint("p", i), "")
		key := create(t, r, keyring.Symmetric, "").ARN
		parent := keyring.GrantInput{Key: key, Grantee: who.Principal.ARN, Operations: tt.parentOps, Constraints: tt.parent}
		if _, _, err := r.CreateGrant(t.Context(), root(), parent); err != nil {
			t.Fatal(err)
		}
		_, _, err := r.CreateGrant(t.Context(), who, keyring.GrantInput{Key: key, Grantee: w.user(account, "child", "").Principal.ARN, Operations: tt.childOps, Constraints: tt.child})
		if (err == nil) != tt.want || err != nil && !errors.Is(err, access.ErrDenied) {
			t.Errorf("%v %+v passes on %v %+v: %v, want %v", tt.parentOps, tt.parent, tt.childOps, tt.child, err, tt.want)
		}
	}
}

func TestGrantNames(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	key := create(t, r, keyring.Symmetric, "").ARN
	in := keyring.GrantInput{Key: key, Grantee: w.user(account, "bob", "").Principal.ARN, Operations: []keyring.GrantOperation{"Encrypt", "Decrypt"}, Name: "app"}
	grant := func(in keyring.GrantInput) (string, string) {
		t.Helper()
		id, token, err := r.CreateGrant(t.Context(), root(), in)
		if err != nil {
			t.Fatal(err)
		}
		return id, token
	}
	id, token := grant(in)
	in.Operations = []keyring.GrantOperation{"Decrypt", "Encrypt", "Decrypt"}
	again, token2 := grant(in)
	if id != again || token == token2 {
		t.Errorf("the same named grant is %s, then %s; tokens equal: %v", id, again, token == token2)
	}
	in.Constraints.Subset = map[string]string{"a": "b"}
	if different, _ := grant(in); different == id {
		t.Error("another constraint makes the same grant")
	}
	in.Name, in.Constraints.Subset = "", nil
	if first, _ := grant(in); first == id {
		t.Error("a grant without a name is the named one")
	} else if second, _ := grant(in); first == second {
		t.Error("grants without a name are the same")
	}
	if l, err := r.Grants(t.Context(), root(), key, keyring.GrantFilter{}, keyring.Page{}); err != nil || len(l.Items) != 4 {
		t.Errorf("Grants = %d grants, %v; want 4", len(l.Items), err)
	}
}

// A token makes a grant of another node count at once; one that is none, or of a
// grant that is no more, is refused.
func TestGrantTokens(t *testing.T) {
	w := newWorld(t)
	r, second := w.open(), w.open()
	bob := w.user(account, "bob", "")
	m := create(t, r, keyring.Symmetric, "")
	if err := keyring.Refresh(second, t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	id, token := grantTo(t, r, m.ARN, bob, "Encrypt")
	if mayEncrypt(second, t, bob, m.ARN, nil) {
		t.Error("the other node knew")
	}
	use := keyring.Use{Key: m.ARN, GrantTokens: []string{token}}
	if _, err := second.Encrypt(t.Context(), bob, use, []byte("x")); err != nil {
		t.Errorf("Encrypt with the token = %v", err)
	}
	for _, bad := range []string{"", "x", token[:len(token)-4], token + "AAAA"} {
		_, err := r.Encrypt(t.Context(), bob, keyring.Use{Key: m.ARN, GrantTokens: []string{token, bad}}, []byte("x"))
		wantError(t, "Encrypt with a bad token", err, keyring.ErrInvalidGrantToken, "")
	}
	if err := r.RevokeGrant(t.Context(), root(), m.ARN, id, false); err != nil {
		t.Fatal(err)
	}
	if mayEncrypt(r, t, bob, m.ARN, nil) {
		t.Error("a revoked grant counts")
	}
	_, err := r.Encrypt(t.Context(), bob, use, []byte("x"))
	wantError(t, "Encrypt with the token of a revoked grant", err, keyring.ErrInvalidGrantToken, "")
	wantError(t, "RevokeGrant again", r.RevokeGrant(t.Context(), root(), m.ARN, id, false), keyring.ErrNotFound, "Grant ID "+id+" not found")
	wantError(t, "RevokeGrant(x)", r.RevokeGrant(t.Context(), root(), m.ARN, "x", false), keyring.ErrInvalidGrantID, "Invalid grant id x")
}

// Who may retire a grant. AWS KMS Developer Guide, "Retiring and revoking grants".
func TestRetireGrant(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m := create(t, r, keyring.Symmetric, "")
	// Key policies have no say about RetireGrant, not even against it.
	if err := r.SetPolicy(t.Context(), root(), m.ARN, "", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
		{"Effect":"Deny","Principal":"*","Action":"kms:RetireGrant","Resource":"*"}]}`, false); err != nil {
		t.Fatal(err)
	}
	retiring, grantee, may := w.user(other, "retiring", ""), w.user(account, "grantee", ""), w.user(account, "admin", allowAll)
	for _, tt := range []struct {
		name string
		who  access.Caller
		ops  []keyring.GrantOperation
		want bool
	}{
		{"retiring principal of another account", retiring, nil, true},
		{"grantee", grantee, nil, false},
		{"grantee with RetireGrant", grantee, []keyring.GrantOperation{"RetireGrant"}, true},
		{"root of the issuing account", root(), nil, true},
		{"somebody there whose policies allow it", may, nil, true},
		{"somebody there", w.user(account, "eve", ""), nil, false},
		{"somebody else", w.user(other, "eve", allowAll), nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := keyring.GrantInput{Key: m.ARN, Grantee: grantee.Principal.ARN, Retiring: retiring.Principal.ARN, Operations: append(tt.ops, "Encrypt")}
			for _, byToken := range []bool{true, false} {
				id, token, err := r.CreateGrant(t.Context(), root(), in)
				if err != nil {
					t.Fatal(err)
				}
				retire := func(dry bool) error {
					if byToken {
						return r.RetireGrant(t.Context(), tt.who, token, "", "", dry)
					}
					return r.RetireGrant(t.Context(), tt.who, "", m.ARN, id, dry)
				}
				if err := retire(true); tt.want && !errors.Is(err, keyring.ErrDryRun) || !tt.want && !errors.Is(err, access.ErrDenied) {
					t.Errorf("RetireGrant, dry, = %v", err)
				}
				err = retire(false)
				if (err == nil) != tt.want || err != nil && !errors.Is(err, access.ErrDenied) {
					t.Errorf("RetireGrant = %v, want %v", err, tt.want)
				}
				if !tt.want {
					continue
				}
				if err := r.RetireGrant(t.Context(), root(), "", m.ARN, id, false); !errors.Is(err, keyring.ErrNotFound) {
					t.Errorf("RetireGrant again = %v", err)
				}
			}
		})
	}
	// An identity policy can forbid it to those whom the grant allows it.
	_, token, err := r.CreateGrant(t.Context(), root(), keyring.GrantInput{
		Key: m.ARN, Grantee: grantee.Principal.ARN, Retiring: retiring.Principal.ARN, Operations: []keyring.GrantOperation{"RetireGrant"},
	})
	if err != nil {
		t.Fatal(err)
	}
	const deny = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"kms:RetireGrant","Resource":"*"}}`
	for _, who := range []access.Caller{w.user(other, "retiring", deny), w.user(account, "grantee", deny), w.user(account, "admin", deny)} {
		if err := r.RetireGrant(t.Context(), who, token, "", "", false); !errors.Is(err, access.ErrDenied) {
			t.Errorf("RetireGrant of %s against a Deny = %v", who.Principal.ARN, err)
		}
	}
	wantError(t, "RetireGrant()", r.RetireGrant(t.Context(), root(), "", "", "", false), keyring.ErrInvalid, "Specify either GrantToken, or KeyId and GrantId.")
	if err := r.RetireGrant(t.Context(), w.user(other, "x", allowAll), "", m.ARN, fmt.Sprintf("%064x", 1), false); !errors.Is(err, access.ErrDenied) {
		t.Errorf("a stranger about an unknown grant: %v", err)
	}
}

func TestListGrants(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m, second := create(t, r, keyring.Symmetric, ""), create(t, r, keyring.HMAC256, keyring.MACUsage)
	retiring := w.user(account, "retiring", "").Principal.ARN
	grant := func(key, grantee string, op keyring.GrantOperation) {
		t.Helper()
		if _, _, err := r.CreateGrant(t.Context(), root(), keyring.GrantInput{Key: key, Grantee: grantee, Retiring: retiring, Operations: []keyring.GrantOperation{op}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		grant(m.ARN, arn.User(account, "/", fmt.Sprint("u", i%2)).String(), "Encrypt")
	}
	grant(second.ARN, string(account), "GenerateMac")
	ids := make(map[string]bool)
	count := func(list func(keyring.Page) (keyring.Listing[keyring.Grant], error)) (n int) {
		t.Helper()
		for page := (keyring.Page{Limit: 2}); ; {
			l, err := list(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range l.Items {
				ids[g.ID] = true
				if g.IssuingAccount != account || g.Retiring != retiring || g.Created.IsZero() {
					t.Errorf("grant = %+v", g)
				}
			}
			if n += len(l.Items); l.Next == "" {
				return n
			}
			page.Marker = l.Next
		}
	}
	of := func(f keyring.GrantFilter) func(keyring.Page) (keyring.Listing[keyring.Grant], error) {
		return func(p keyring.Page) (keyring.Listing[keyring.Grant], error) {
			return r.Grants(t.Context(), root(), m.ARN, f, p)
		}
	}
	if n := count(of(keyring.GrantFilter{})); n != 5 || len(ids) != 5 {
		t.Errorf("%d grants, %d of them different; want 5", n, len(ids))
	}
	if n := count(of(keyring.GrantFilter{Grantee: arn.User(account, "/", "u0").String()})); n != 3 {
		t.Errorf("%d grants to u0, want 3", n)
	}
	for id := range ids {
		if n := count(of(keyring.GrantFilter{ID: id})); n != 1 {
			t.Errorf("%d grants %s", n, id)
		}
	}
	if n := count(func(p keyring.Page) (keyring.Listing[keyring.Grant], error) {
		return r.RetirableGrants(t.Context(), root(), retiring, p)
	}); n != 6 {
		t.Errorf("%d retirable grants, want 6", n)
	}
	if _, err := r.RetirableGrants(t.Context(), rootOf(other), retiring, keyring.Page{}); !errors.Is(err, keyring.ErrInvalid) {
		t.Errorf("RetirableGrants of another account's principal = %v", err)
	}
}

func TestGrantsThatDoNotSuitTheKey(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	bob := arn.User(account, "/", "bob").String()
	sym, sig := create(t, r, keyring.Symmetric, "").ARN, create(t, r, keyring.P256, keyring.SignVerify).ARN
	many := make(map[string]string)
	for i := range 9 {
		many[fmt.Sprint(i)] = ""
	}
	for _, tt := range []struct {
		in   keyring.GrantInput
		kind error
	}{
		{keyring.GrantInput{Key: sym, Grantee: bob, Operations: []keyring.GrantOperation{"Sign"}}, keyring.ErrInvalid},
		{keyring.GrantInput{Key: sym, Grantee: bob, Operations: []keyring.GrantOperation{"GetPublicKey"}}, keyring.ErrInvalid},
		{keyring.GrantInput{Key: sig, Grantee: bob, Operations: []keyring.GrantOperation{"Encrypt"}}, keyring.ErrInvalid},
		{keyring.GrantInput{Key: sig, Grantee: bob, Operations: []keyring.GrantOperation{"Sign"}, Constraints: keyring.GrantConstraints{Subset: map[string]string{"a": ""}}}, keyring.ErrInvalid},
		{keyring.GrantInput{Key: sym, Grantee: bob, Operations: []keyring.GrantOperation{"Encrypt"}, Constraints: keyring.GrantConstraints{Equals: many}}, keyring.ErrInvalid},
		{keyring.GrantInput{Key: sym, Grantee: bob}, keyring.ErrInvalid},
		{keyring.GrantInput{Key: sym, Grantee: bob, Operations: []keyring.GrantOperation{"PutKeyPolicy"}}, keyring.ErrInvalid},
		{keyring.GrantInput{Key: sym, Grantee: "bob", Operations: []keyring.GrantOperation{"Encrypt"}}, keyring.ErrInvalidARN},
		{keyring.GrantInput{Key: sym, Grantee: "arn:aws:iam::111122223333:group/g", Operations: []keyring.GrantOperation{"Encrypt"}}, keyring.ErrInvalidARN},
		{keyring.GrantInput{Key: sym, Grantee: bob, Operations: []keyring.GrantOperation{"Encrypt"}, GrantTokens: []string{"x"}}, keyring.ErrInvalidGrantToken},
		{keyring.GrantInput{Key: sym, Grantee: bob, Operations: []keyring.GrantOperation{"Encrypt"}, DryRun: true}, keyring.ErrDryRun},
	} {
		if _, _, err := r.CreateGrant(t.Context(), root(), tt.in); !errors.Is(err, tt.kind) {
			t.Errorf("CreateGrant(%+v) = %v, want %v", tt.in, err, tt.kind)
		}
	}
}

// A deletion takes the grants along.
func TestGrantsGoWithTheirKey(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m := create(t, r, keyring.Symmetric, "")
	bob := w.user(account, "bob", "")
	if _, _, err := r.CreateGrant(t.Context(), root(), keyring.GrantInput{Key: m.ARN, Grantee: bob.Principal.ARN, Retiring: bob.Principal.ARN, Operations: []keyring.GrantOperation{"Encrypt"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ScheduleDeletion(t.Context(), root(), m.ARN, 7); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(8 * day)
	if l, err := r.RetirableGrants(t.Context(), root(), bob.Principal.ARN, keyring.Page{}); err != nil || len(l.Items) != 0 {
		t.Errorf("retirable grants of a key that is gone: %v, %v", l.Items, err)
	}
	if err := keyring.DoDue(r, t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := mentions(t, w.records, m.ID); n != 0 {
		t.Errorf("%d records are left", n)
	}
}
