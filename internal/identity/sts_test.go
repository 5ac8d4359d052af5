package identity_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// RFC 6238, appendix B, the last six of eight digits.
func TestCode(t *testing.T) {
	seed := []byte("12345678901234567890")
	for unix, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got := identity.Code(seed, unix/30); got != want {
			t.Errorf("Code at %d = %s, want %s", unix, got, want)
		}
	}
}

func TestRoleChaining(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	first, second := w.role(t, "first"), w.role(t, "second")
	for _, name := range []string{"first", "second"} {
		if err := w.admin.AttachPolicy(ctx, rootCaller(), roleRef(name), administratorAccess); err != nil {
			t.Fatal(err)
		}
	}
	alice := w.caller(w.user(t, "alice"))
	s, err := w.admin.AssumeRole(ctx, alice, identity.AssumeRole{
		Role: first.ARN(), Session: "one", SourceIdentity: "alice", Transitive: []string{"team"},
		SessionLimits: identity.SessionLimits{Tags: []identity.Tag{{Key: "team", Value: "video"}, {Key: "job", Value: "1"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	one := w.session(t, s)
	want := policy.Principal{
		Kind: policy.RoleSession, Account: account, ARN: arn.RoleSession(account, "first", "one").String(), IssuerARN: first.ARN(),
		UniqueID: first.ID, UserID: first.ID + ":one", CanonicalID: identity.CanonicalID(account),
	}
	if one.Principal != want {
		t.Errorf("principal %+v, want %+v", one.Principal, want)
	}
	if one.Session.SourceIdentity != "alice" || !one.Session.IssuedAt.Equal(now) || one.Session.Limited || len(one.Tags) != 2 {
		t.Errorf("session %+v with tags %v", one.Session, one.Tags)
	}

	s, err = w.admin.AssumeRole(ctx, one, identity.AssumeRole{Role: second.ARN(), Session: "two"})
	if err != nil {
		t.Fatal(err)
	}
	two := w.session(t, s)
	if !slices.Equal(two.Tags, []identity.Tag{{Key: "team", Value: "video"}}) || two.Session.SourceIdentity != "alice" {
		t.Errorf("the chained session has tags %v and source identity %q", two.Tags, two.Session.SourceIdentity)
	}
	_, err = w.admin.AssumeRole(ctx, one, identity.AssumeRole{Role: second.ARN(), Session: "two", SourceIdentity: "mallory"})
	refuses(t, "another source identity", err, identity.ErrSessionDenied, "")
	_, err = w.admin.AssumeRole(ctx, one, identity.AssumeRole{
		Role: second.ARN(), Session: "two", SessionLimits: identity.SessionLimits{Tags: []identity.Tag{{Key: "TEAM", Value: "x"}}},
	})
	refuses(t, "a tag that was handed on", err, identity.ErrInvalidParameter, "")
	twoHours := 2 * time.Hour
	if _, err := w.admin.UpdateRole(ctx, rootCaller(), "iam:UpdateRole", "second", identity.RoleUpdate{MaxSession: &twoHours}); err != nil {
		t.Fatal(err)
	}
	_, err = w.admin.AssumeRole(ctx, one, identity.AssumeRole{Role: second.ARN(), Session: "two", Duration: twoHours})
	refuses(t, "two hours by chaining", err, identity.ErrValidation, "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	if s, err = w.admin.AssumeRole(ctx, alice, identity.AssumeRole{Role: second.ARN(), Session: "two", Duration: twoHours}); err != nil || !s.Expires.Equal(now.Add(twoHours)) {
		t.Errorf("two hours directly: until %v, %v", s.Expires, err)
	}
}

func TestTrustDecides(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	alice := w.user(t, "alice")
	bob, err := w.admin.CreateUser(ctx, rootCaller(), identity.NewUser{Name: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	trust := func(principal, more string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"sts:AssumeRole"` + more + `}}`
	}
	tests := []struct {
		name, trust string
		who         *identity.User
		want        bool
	}{
		{"the account, and the caller's policies", trustAccount, alice, true},
		{"the account alone", trustAccount, bob, false},
		{"the caller by name", trust(bob.ARN(), ""), bob, true},
		{"another by name", trust(bob.ARN(), ""), alice, false},
		{"an external id that is not given", trust(account, `,"Condition":{"StringEquals":{"sts:ExternalId":"e"}}`), alice, false},
		{"a session name", trust(account, `,"Condition":{"StringEquals":{"sts:RoleSessionName":"job"}}`), alice, true},
		{"MFA that is not given", trust(account, `,"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`), alice, false},
	}
	for i, tt := range tests {
		r, err := w.admin.CreateRole(ctx, rootCaller(), identity.NewRole{Name: fmt.Sprintf("r%d", i), Trust: tt.trust})
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		_, err = w.admin.AssumeRole(ctx, w.caller(tt.who), identity.AssumeRole{Role: r.ARN(), Session: "job"})
		if (err == nil) != tt.want {
			t.Errorf("%s: %v, want allowed %v", tt.name, err, tt.want)
		}
	}
}

func TestSessionsAreLimited(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	u := w.user(t, "alice")
	alice := w.caller(u)
	managed, err := w.admin.CreatePolicy(ctx, rootCaller(), identity.NewPolicy{Name: "m", Text: allow("kms:List*")})
	if err != nil {
		t.Fatal(err)
	}
	may := func(who access.Caller, action policy.Action) bool {
		p := policy.Policies{Rule: policy.IdentityOnly, Session: who.Session.Policies, HasSession: who.Session.Limited}
		w.service.PoliciesOf(&who.Principal, &p)
		return policy.Decide(&policy.Request{Principal: &who.Principal, Action: action, Resource: "*", Time: now}, &p).Allowed
	}
	tests := []struct {
		name          string
		limits        identity.SessionLimits
		kms, s3, list bool
	}{
		{"no policy", identity.SessionLimits{}, false, false, false},
		{"inline", identity.SessionLimits{Policy: allow("kms:*")}, true, false, true},
		{"managed", identity.SessionLimits{PolicyARNs: []string{managed.ARN()}}, false, false, true},
		{"both", identity.SessionLimits{Policy: allow("s3:*"), PolicyARNs: []string{managed.ARN()}}, false, true, true},
	}
	for _, tt := range tests {
		s, err := w.admin.FederationToken(ctx, alice, "fred", time.Hour, tt.limits)
		if err != nil {
			t.Fatal(err)
		}
		fred := w.session(t, s)
		if got := may(fred, "kms:Sign"); got != tt.kms {
			t.Errorf("%s: may sign %v, want %v", tt.name, got, tt.kms)
		}
		if got := may(fred, "s3:GetObject"); got != tt.s3 {
			t.Errorf("%s: may read %v, want %v", tt.name, got, tt.s3)
		}
		if got := may(fred, "kms:ListKeys"); got != tt.list {
			t.Errorf("%s: may list %v, want %v", tt.name, got, tt.list)
		}
		_, err = w.admin.User(ctx, fred, "alice")
		refuses(t, "IAM by a federated user", err, identity.ErrSession, "")
	}
	// A policy that is gone denies, it does not vanish from the session.
	s, err := w.admin.FederationToken(ctx, alice, "fred", time.Hour, identity.SessionLimits{Policy: allow("s3:*"), PolicyARNs: []string{managed.ARN()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.admin.DeletePolicy(ctx, rootCaller(), managed.ARN()); err != nil {
		t.Fatal(err)
	}
	if may(w.session(t, s), "s3:GetObject") {
		t.Error("a session whose policy is gone may read")
	}
	// A federated session of the root user has the root's powers, within its policy.
	if s, err = w.admin.FederationToken(ctx, rootCaller(), "fred", 0, identity.SessionLimits{Policy: allow("s3:*")}); err != nil {
		t.Fatal(err)
	}
	if fred := w.session(t, s); !may(fred, "s3:GetObject") || may(fred, "kms:Sign") || !s.Expires.Equal(now.Add(time.Hour)) {
		t.Errorf("root's federated session until %v", s.Expires)
	}
}

func TestSessionRoom(t *testing.T) {
	w := newWorld(t)
	alice := w.caller(w.user(t, "alice"))
	var tags []identity.Tag
	for i := range identity.MaxTags {
		tags = append(tags, identity.Tag{Key: fmt.Sprintf("k%d", i), Value: strings.Repeat("v", 256)})
	}
	// Equal values compress well; ones that do not, do not fit.
	s, err := w.admin.FederationToken(t.Context(), alice, "fred", 0, identity.SessionLimits{Tags: tags})
	if err != nil || s.PackedPercent < 1 || s.PackedPercent > 100 || len(s.SessionToken) > 4096 {
		t.Errorf("50 equal tags: %d %%, %d bytes, %v", s.PackedPercent, len(s.SessionToken), err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range tags {
		value := make([]byte, 256)
		for j := range value {
			value[j] = byte('A' + random.IntN(26))
		}
		tags[i].Value = string(value)
	}
	_, err = w.admin.FederationToken(t.Context(), alice, "fred", 0, identity.SessionLimits{Tags: tags})
	refuses(t, "50 different tags", err, identity.ErrPackedTooLarge, "Packed policy consumes")
	_, err = w.admin.FederationToken(t.Context(), alice, "fred", 0, identity.SessionLimits{Tags: append(tags, identity.Tag{Key: "x"})})
	refuses(t, "51 tags", err, identity.ErrValidation, "")
}

// Whoever guesses codes is stopped before the odds turn.
func TestCodesCannotBeGuessed(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	u := w.user(t, "alice")
	device, err := w.admin.CreateDevice(ctx, rootCaller(), "alice", "/x/", nil)
	if err != nil {
		t.Fatal(err)
	}
	serial := device.ARN()
	seed := decodeSeed(t, device.Seed.Reveal())
	step := now.Unix() / 30
	if err := w.admin.EnableDevice(ctx, rootCaller(), "alice", serial, identity.Code(seed, step-1), identity.Code(seed, step)); err != nil {
		t.Fatal(err)
	}
	w.user(t, "bob")
	err = w.admin.EnableDevice(ctx, rootCaller(), "bob", serial, identity.Code(seed, step+1), identity.Code(seed, step+2))
	refuses(t, "somebody's device", err, identity.ErrExists, "")
	refuses(t, "delete a device in use", w.admin.DeleteDevice(ctx, rootCaller(), serial), identity.ErrDeleteConflict, "")

	try := func(at time.Time, code string) error {
		who := w.caller(u)
		who.At = at
		_, err := w.admin.SessionToken(ctx, who, time.Hour, identity.MFA{Serial: serial, Code: code})
		return err
	}
	at := now.Add(2 * time.Minute)
	next := at.Unix() / 30
	good := func(off int64) string { return identity.Code(seed, next+off) }
	refuses(t, "two steps late", try(at, good(-2)), identity.ErrSessionDenied, "")
	refuses(t, "two steps early", try(at, good(2)), identity.ErrSessionDenied, "")
	if err := try(at, good(-1)); err != nil {
		t.Errorf("one step late: %v", err)
	}
	refuses(t, "again", try(at, good(-1)), identity.ErrSessionDenied, "")
	if err := try(at, good(1)); err != nil {
		t.Errorf("one step early: %v", err)
	}
	refuses(t, "older than the last", try(at, good(0)), identity.ErrSessionDenied, "")
	wrong := "000000"
	if wrong == good(2) || wrong == good(3) {
		wrong = "000001"
	}
	for range 10 {
		refuses(t, "wrong", try(at, wrong), identity.ErrSessionDenied, "")
	}
	at = at.Add(time.Minute)
	next = at.Unix() / 30
	refuses(t, "right, after too many wrong ones", try(at, good(0)), identity.ErrSessionDenied, "")
	at = at.Add(5 * time.Minute)
	next = at.Unix() / 30
	if err := try(at, good(0)); err != nil {
		t.Errorf("right, later: %v", err)
	}
	// The last code is remembered by every node.
	other := node(t, w.records)
	who := other.caller(u)
	who.At = at
	_, err = other.admin.SessionToken(ctx, who, time.Hour, identity.MFA{Serial: serial, Code: good(0)})
	refuses(t, "again, elsewhere", err, identity.ErrSessionDenied, "")
}

func FuzzToken(f *testing.F) {
	w := newWorld(f)
	alice := w.caller(w.user(f, "alice"))
	s, err := w.admin.SessionToken(f.Context(), alice, time.Hour, identity.MFA{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.ID, s.SessionToken)
	f.Add("ASIA", "AAAA")
	f.Fuzz(func(t *testing.T, id, token string) {
		c, err := w.service.Lookup(id, token, now)
		if err == nil && (id != s.ID || token != s.SessionToken) && token != "" {
			t.Errorf("Lookup(%q, %q) = %+v", id, token, c.Principal)
		}
	})
}

// Devices are told apart by path and name together, and each is its user's alone.
func TestDevicesUnderPaths(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	var serials []string
	for _, path := range []string{"", "/x/", "/x/y/"} {
		d, err := w.admin.CreateDevice(ctx, rootCaller(), "alice", path, nil)
		if err != nil {
			t.Fatal(err)
		}
		serials = append(serials, d.ARN())
		_, err = w.admin.CreateDevice(ctx, rootCaller(), "alice", path, nil)
		refuses(t, "the same path and name", err, identity.ErrExists, "")
	}
	want := []string{"arn:aws:iam::111122223333:mfa/alice", "arn:aws:iam::111122223333:mfa/x/alice", "arn:aws:iam::111122223333:mfa/x/y/alice"}
	if !slices.Equal(serials, want) {
		t.Errorf("serial numbers %v, want %v", serials, want)
	}
	var listed []string
	page := identity.Page{Max: 1}
	for {
		l, err := w.admin.Devices(ctx, rootCaller(), "", page)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range l.Items {
			listed = append(listed, d.ARN())
		}
		if page.Marker = l.Marker; page.Marker == "" {
			break
		}
	}
	if !slices.Equal(listed, want) {
		t.Errorf("pages have %v, want %v", listed, want)
	}
	if err := w.admin.DeleteDevice(ctx, rootCaller(), serials[1]); err != nil {
		t.Fatal(err)
	}
	refuses(t, "a deleted one", w.admin.DeleteDevice(ctx, rootCaller(), serials[1]), identity.ErrNoSuchEntity, "")
	if l, err := w.admin.Devices(ctx, rootCaller(), "", identity.Page{Max: 10}); err != nil || len(l.Items) != 2 {
		t.Errorf("%d devices are left, %v, want 2", len(l.Items), err)
	}
}

// A device of an earlier release, which kept it by its name alone, is found, works
// and moves to its place.
func TestDevicesOfEarlierReleases(t *testing.T) {
	records := newRecords()
	w := node(t, records)
	ctx := t.Context()
	w.user(t, "alice")
	device, err := w.admin.CreateDevice(ctx, rootCaller(), "Alice", "/x/", nil)
	if err != nil {
		t.Fatal(err)
	}
	const space, home = store.Space("iam"), "obj/MFADevice/111122223333/"
	err = records.Update(ctx, func(tx store.Writer) error {
		value, err := tx.Get(space, home+"x/alice")
		if err != nil {
			return err
		}
		return errors.Join(tx.Put(space, home+"alice", value), tx.Delete(space, home+"x/alice"))
	})
	if err != nil {
		t.Fatal(err)
	}
	w = node(t, records)
	seed := decodeSeed(t, device.Seed.Reveal())
	step := now.Unix() / 30
	if err := w.admin.EnableDevice(ctx, rootCaller(), "alice", device.ARN(), identity.Code(seed, step-1), identity.Code(seed, step)); err != nil {
		t.Error(err)
	}
	w = node(t, records)
	if l, _, err := w.admin.UserDevices(ctx, rootCaller(), "alice", identity.Page{Max: 10}); err != nil || len(l.Items) != 1 || l.Items[0].ARN() != device.ARN() {
		t.Errorf("devices of alice = %v, %v, want %s", l.Items, err, device.ARN())
	}
	err = records.View(ctx, func(tx store.Reader) error {
		for rec, err := range tx.Scan(space, store.Prefix(home)) {
			if err != nil {
				return err
			}
			if rec.Key != home+"x/alice" {
				t.Errorf("there is a record %s", rec.Key)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
