package access_test

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/policy"
)

const keyARN = "arn:aws:kms:us-east-1:111122223333:key/1"

// tape keeps what was recorded, and fails when told to.
type tape struct {
	records []audit.Record
	err     error
}

func (t *tape) Append(_ context.Context, r *audit.Record) error {
	if t.err != nil {
		return t.err
	}
	t.records = append(t.records, *r)
	return nil
}

type noPolicies struct{}

func (noPolicies) PoliciesOf(*policy.Principal, *policy.Policies) {}

func gate(t *tape) *access.Gate {
	return access.NewGate(access.Config{
		Identities: noPolicies{}, Record: t,
		ErrorCode: func(_ policy.Action, err error) string { return "code of " + err.Error() },
	})
}

func root() access.Caller {
	return access.Caller{
		Principal: policy.Principal{
			Kind: policy.Root, Account: "111122223333", ARN: "arn:aws:iam::111122223333:root", UserID: "111122223333",
		},
		Region: "us-east-1", RequestID: "r1", At: time.Unix(1_800_000_000, 0), SourceIP: netip.MustParseAddr("192.0.2.1"),
	}
}

func parse(t *testing.T, text string) *policy.Document {
	t.Helper()
	d, err := policy.Parse(policy.UseKey, text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func target(t *testing.T, effect, condition string) access.Target {
	return access.Target{ARN: keyARN, Rule: policy.KeyPolicy, Policy: parse(t, `{"Version":"2012-10-17","Statement":[{"Effect":"`+effect+`",
		"Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"`+condition+`}]}`)}
}

// encrypt stands for a domain method.
func encrypt(ctx context.Context, g *access.Gate, who access.Caller, on access.Target, result error) (err error) {
	call := g.Begin(who, "kms:Encrypt")
	defer call.End(ctx, &err)
	call.NoteContext(map[string]string{"purpose": "test"})
	if err := call.Decide(on); err != nil {
		return err
	}
	return result
}

// TestPanicIsRecordedAsFailure: a call that panics behind its decision, or in its
// effect, did not succeed, and says so.
func TestPanicIsRecordedAsFailure(t *testing.T) {
	allowed := target(t, "Allow", "")
	for name, work := range map[string]func(call *access.Call) error{
		"before the decision": func(*access.Call) error { panic("boom secret") },
		"after the decision": func(call *access.Call) error {
			if err := call.Decide(allowed); err != nil {
				return err
			}
			panic("boom secret")
		},
		"in the effect": func(call *access.Call) error {
			if err := call.Decide(allowed); err != nil {
				return err
			}
			return call.Effect(t.Context(), func() error { panic("boom secret") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			var kept tape
			func() {
				defer func() {
					if v := recover(); v != "boom secret" {
						t.Errorf("recovered %v, want the panic to go on", v)
					}
				}()
				_ = func() (err error) {
					call := gate(&kept).Begin(root(), "kms:Encrypt")
					defer call.End(t.Context(), &err)
					return work(call)
				}()
			}()
			if len(kept.records) == 0 {
				t.Fatal("no record")
			}
			last := kept.records[len(kept.records)-1]
			if last.Error == "" || last.Corrects != (len(kept.records) > 1) || strings.Contains(last.Error+last.Message, "secret") {
				t.Errorf("last record = %+v, want a failure that does not tell what it panicked with", last)
			}
		})
	}
}

func TestOneRecordACall(t *testing.T) {
	broken := errors.New("disabled")
	tests := []struct {
		name     string
		on       access.Target
		result   error
		decision audit.Decision
		code     string
	}{
		{"allowed", target(t, "Allow", ""), nil, audit.Allowed, ""},
		{"allowed and failed", target(t, "Allow", ""), broken, audit.Allowed, "code of disabled"},
		{"denied", target(t, "Deny", ""), nil, audit.Denied, "code of User: arn:aws:iam::111122223333:root is not authorized to perform: kms:Encrypt on resource: " + keyARN + " with an explicit deny in a resource-based policy"},
		{"address", target(t, "Allow", `,"Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`), nil, audit.Allowed, ""},
		{"https only", target(t, "Allow", `,"Condition":{"Bool":{"aws:SecureTransport":"true"}}`), nil, audit.Denied, "code of User: arn:aws:iam::111122223333:root is not authorized to perform: kms:Encrypt on resource: " + keyARN + " because no resource-based policy allows the kms:Encrypt action"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tape tape
			err := encrypt(t.Context(), gate(&tape), root(), tt.on, tt.result)
			if len(tape.records) != 1 {
				t.Fatalf("%d records, want 1", len(tape.records))
			}
			r := tape.records[0]
			if r.Decision != tt.decision || r.Error != tt.code || (err == nil) != (tt.code == "") {
				t.Errorf("err %v, record decision %v, error %q; want %v, %q", err, r.Decision, r.Error, tt.decision, tt.code)
			}
			if errors.Is(err, access.ErrDenied) != (tt.decision == audit.Denied) {
				t.Errorf("err = %v, decision %v", err, tt.decision)
			}
			if r.Action != "kms:Encrypt" || r.Resources[0] != keyARN || r.Who.Type != "Root" || r.Context[0].Value != "test" {
				t.Errorf("record = %+v", r)
			}
		})
	}
}

func TestNoAnswerWithoutARecord(t *testing.T) {
	tape := tape{err: errors.New("disk full")}
	err := encrypt(t.Context(), gate(&tape), root(), target(t, "Allow", ""), nil)
	if !errors.Is(err, access.ErrNotRecorded) {
		t.Errorf("err = %v, want ErrNotRecorded", err)
	}
}

func TestNoAnswerWithoutADecision(t *testing.T) {
	var tape tape
	method := func() (err error) {
		call := gate(&tape).Begin(root(), "kms:Forgetful")
		defer call.End(t.Context(), &err)
		return nil
	}
	if err := method(); !errors.Is(err, access.ErrUndecided) {
		t.Errorf("err = %v, want ErrUndecided", err)
	}
}

func TestEveryDecisionCounts(t *testing.T) {
	var tape tape
	method := func() (err error) {
		call := gate(&tape).Begin(root(), "kms:ReEncrypt")
		defer call.End(t.Context(), &err)
		_ = call.Decide(target(t, "Deny", ""))
		return call.Decide(target(t, "Allow", ""))
	}
	if err := method(); !errors.Is(err, access.ErrUndecided) {
		t.Errorf("a call that ignored a denial = %v, want ErrUndecided", err)
	}
}

func TestRecordComesBeforeTheEffect(t *testing.T) {
	create := func(tape *tape, change func() error) (err error) {
		call := gate(tape).Begin(root(), "kms:CreateKey")
		defer call.End(t.Context(), &err)
		if err := call.Decide(target(t, "Allow", "")); err != nil {
			return err
		}
		return call.Effect(t.Context(), change)
	}
	t.Run("effect", func(t *testing.T) {
		var tape tape
		before := -1
		if err := create(&tape, func() error { before = len(tape.records); return nil }); err != nil {
			t.Fatal(err)
		}
		if before != 1 || len(tape.records) != 1 {
			t.Errorf("%d records before the effect, %d after; want 1 and 1", before, len(tape.records))
		}
	})
	t.Run("effect fails", func(t *testing.T) {
		var tape tape
		if err := create(&tape, func() error { return errors.New("disk full") }); err == nil {
			t.Fatal("err = nil")
		}
		if len(tape.records) != 2 || !tape.records[1].Corrects || !strings.Contains(tape.records[1].Error, "disk full") {
			t.Errorf("records = %+v, want a second one that corrects", tape.records)
		}
	})
	t.Run("record fails", func(t *testing.T) {
		tape := tape{err: errors.New("disk full")}
		ran := false
		err := create(&tape, func() error { ran = true; return nil })
		if !errors.Is(err, access.ErrNotRecorded) || ran {
			t.Errorf("err = %v, effect ran %v; want ErrNotRecorded and no effect", err, ran)
		}
	})
}

func TestWhyADenialHappened(t *testing.T) {
	var tape tape
	g := gate(&tape)
	_ = encrypt(t.Context(), g, root(), target(t, "Allow", `,"Condition":{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}`), nil)
	found, err := g.Why(t.Context(), root(), "r1")
	if err != nil || len(found) != 1 {
		t.Fatalf("Why = %v, %v, want one denial", found, err)
	}
	f := found[0].Findings[0]
	if found[0].Action != "kms:Encrypt" || f.Failed != policy.ConditionElement || len(f.Conditions) != 1 ||
		f.Conditions[0].Held || f.Conditions[0].Present[0] != "192.0.2.1" || f.Conditions[0].Wanted[0] != "198.51.100.0/24" {
		t.Errorf("denial = %+v, want the address condition with both values", found[0])
	}
	stranger := root()
	stranger.Principal.Account, stranger.Principal.ARN = "444455556666", "arn:aws:iam::444455556666:root"
	if _, err := g.Why(t.Context(), stranger, "r1"); !errors.Is(err, access.ErrNoDenial) {
		t.Errorf("another account's Why = %v, want ErrNoDenial", err)
	}
	user := root()
	user.Principal.Kind, user.Principal.ARN = policy.User, "arn:aws:iam::111122223333:user/u"
	if _, err := g.Why(t.Context(), user, "r1"); !errors.Is(err, access.ErrDenied) {
		t.Errorf("Why of a user without keyfront:Explain = %v, want ErrDenied", err)
	}
	if last := tape.records[len(tape.records)-1]; last.Action != "keyfront:Explain" || last.Decision != audit.Denied {
		t.Errorf("last record = %+v", last)
	}
}

// denying gives users one identity policy and a boundary, which both deny.
type denying struct{ document *policy.Document }

func (d denying) PoliciesOf(p *policy.Principal, into *policy.Policies) {
	if p.Kind == policy.User {
		into.Identity, into.Boundary = []*policy.Document{d.document}, d.document
	}
}

// An explanation calls policies what their owner calls them, and by no name when
// they have changed meanwhile.
func TestExplanationsNamePolicies(t *testing.T) {
	document, err := policy.Parse(policy.UseIdentity, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	g := access.NewGate(access.Config{
		Identities: denying{document}, Record: discard{},
		PolicyNames: func(*policy.Principal) ([]string, string) { return names, "arn:aws:iam::aws:policy/Bound" },
	})
	user := root()
	user.Principal.Kind, user.Principal.ARN = policy.User, "arn:aws:iam::111122223333:user/u"
	for _, tt := range []struct {
		request string
		names   []string
		want    string
	}{
		{"named", []string{"arn:aws:iam::aws:policy/No"}, "arn:aws:iam::aws:policy/No"},
		{"changed", []string{"one", "two"}, ""},
	} {
		user.RequestID, names = tt.request, tt.names
		_ = encrypt(t.Context(), g, user, target(t, "Allow", ""), nil)
		found, err := g.Why(t.Context(), root(), tt.request)
		if err != nil {
			t.Fatal(err)
		}
		got := map[policy.Source]string{}
		for _, f := range found[0].Findings {
			got[f.Source] = f.Name
		}
		if len(got) != 3 || got[policy.IdentitySource] != tt.want || got[policy.BoundarySource] != "arn:aws:iam::aws:policy/Bound" || got[policy.ResourceSource] != "" {
			t.Errorf("%s: names = %q, want the identity policy as %q", tt.request, got, tt.want)
		}
	}
}

// Across accounts, each learns what its own policies said and nothing of the other's.
func TestAForeignPolicyStaysHidden(t *testing.T) {
	g := access.NewGate(access.Config{Identities: noPolicies{}, Record: discard{}})
	stranger := root()
	stranger.Principal.Account, stranger.Principal.ARN = "444455556666", "arn:aws:iam::444455556666:root"
	on := target(t, "Deny", "")
	on.Owner = "111122223333"
	_ = encrypt(t.Context(), g, stranger, on, nil)
	has := func(found []access.Denial) (resource bool) {
		for _, f := range found[0].Findings {
			resource = resource || f.Source == policy.ResourceSource
		}
		return resource
	}
	theirs, err := g.Why(t.Context(), stranger, "r1")
	if err != nil || has(theirs) {
		t.Errorf("the caller's account sees %+v, %v", theirs, err)
	}
	owners, err := g.Why(t.Context(), root(), "r1")
	if err != nil || !has(owners) {
		t.Errorf("the owner's account sees %+v, %v", owners, err)
	}
	describe := func(p policy.Principal) func(context.Context, access.Caller, access.Question) (access.Described, error) {
		return func(context.Context, access.Caller, access.Question) (access.Described, error) {
			return access.Described{Principal: p, Target: access.Target{
				ARN: keyARN, Owner: "111122223333", Policy: on.Policy, Rule: policy.KeyPolicy, Action: "kms:Encrypt",
			}}, nil
		}
	}
	_, described, err := g.Explain(t.Context(), stranger, access.Question{}, describe(stranger.Principal))
	if err != nil || has([]access.Denial{described}) {
		t.Errorf("a described request shows %+v, %v", described, err)
	}
	_, _, err = g.Explain(t.Context(), stranger, access.Question{}, describe(root().Principal))
	if !errors.Is(err, access.ErrNoDenial) {
		t.Errorf("a stranger's question about others: %v, want ErrNoDenial", err)
	}
}

func TestOldDenialsAreForgotten(t *testing.T) {
	g := access.NewGate(access.Config{Identities: noPolicies{}, Record: discard{}})
	deny := target(t, "Deny", "")
	for i := range 5000 {
		who := root()
		who.RequestID = strconv.Itoa(i)
		_ = encrypt(t.Context(), g, who, deny, nil)
	}
	if _, err := g.Why(t.Context(), root(), "0"); !errors.Is(err, access.ErrNoDenial) {
		t.Errorf("Why of the oldest = %v, want ErrNoDenial", err)
	}
	if _, err := g.Why(t.Context(), root(), "4999"); err != nil {
		t.Errorf("Why of the newest = %v", err)
	}
}

// However many statements policies have, what is remembered of them is bounded.
func TestLargePoliciesAreForgottenSooner(t *testing.T) {
	g := access.NewGate(access.Config{Identities: noPolicies{}, Record: discard{}})
	deny := target(t, "Deny", "")
	deny.Policy = parse(t, `{"Version":"2012-10-17","Statement":[`+
		strings.Repeat(`{"Effect":"Allow","Principal":"*","Action":"kms:Sign","Resource":"*"},`, 300)+
		`{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}`)
	for i := range 1000 {
		who := root()
		who.RequestID = strconv.Itoa(i)
		_ = encrypt(t.Context(), g, who, deny, nil)
	}
	for id, want := range map[string]bool{"0": false, "500": false, "999": true} {
		if found, err := g.Why(t.Context(), root(), id); (err == nil) != want || want && len(found[0].Findings) != 301 {
			t.Errorf("Why(%s) = %d denials, %v, want %t", id, len(found), err, want)
		}
	}
}

// The owner of a resource does not learn which of a stranger's own policies said no.
func TestAStrangersPoliciesStayHidden(t *testing.T) {
	d, err := policy.Parse(policy.UseIdentity, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`)
	if err != nil {
		t.Fatal(err)
	}
	g := access.NewGate(access.Config{Identities: denying{d}, Record: discard{}})
	stranger := root()
	stranger.Principal.Kind, stranger.Principal.Account, stranger.Principal.ARN = policy.User, "444455556666", "arn:aws:iam::444455556666:user/eve"
	on := target(t, "Allow", "")
	on.Owner = "111122223333"
	_ = encrypt(t.Context(), g, stranger, on, nil)
	owners, err := g.Why(t.Context(), root(), "r1")
	if err != nil || owners[0].Reason != policy.NoIdentityAllow {
		t.Errorf("the owner's account sees %+v, %v, want no more than NoIdentityAllow", owners, err)
	}
}

func TestSideQuestionsLeaveNoTrace(t *testing.T) {
	var tape tape
	method := func() (err error) {
		call := gate(&tape).Begin(root(), "kms:DescribeKey")
		defer call.End(t.Context(), &err)
		if !call.Allows(target(t, "Allow", "")) || call.Allows(target(t, "Deny", "")) {
			t.Error("Allows is wrong")
		}
		return errors.New("no such key")
	}
	_ = method()
	if r := tape.records[0]; r.Decision != audit.Undecided || len(r.Resources) != 0 {
		t.Errorf("record = %+v, want no decision and no resource", r)
	}
}

func BenchmarkCall(b *testing.B) {
	g := access.NewGate(access.Config{Identities: noPolicies{}, Record: discard{}})
	who := root()
	doc, err := policy.Parse(policy.UseKey, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}]}`)
	if err != nil {
		b.Fatal(err)
	}
	on := access.Target{ARN: keyARN, Rule: policy.KeyPolicy, Policy: doc}
	b.ReportAllocs()
	for b.Loop() {
		if err := encrypt(b.Context(), g, who, on, nil); err != nil {
			b.Fatal(err)
		}
	}
}

type discard struct{}

func (discard) Append(context.Context, *audit.Record) error { return nil }

func TestRefusedRequestsAreRecordedOnce(t *testing.T) {
	rec := &tape{}
	g := gate(rec)
	who := root()
	who.Exchange = &access.Exchange{Operation: "UploadPart"}
	refuse := func(w access.Caller) error {
		return g.Refused(t.Context(), w, "s3", "MalformedXML", "what you sent")
	}
	if err := refuse(who); err != nil || len(rec.records) != 1 {
		t.Fatalf("Refused = %v with %d records, want one", err, len(rec.records))
	}
	if r := rec.records[0]; r.Action != "s3:UploadPart" || r.Error != "MalformedXML" || r.Decision != audit.Undecided || r.Operation != "" || r.Who.Type != "Root" {
		t.Errorf("record %+v", r)
	}
	if err := refuse(who); err != nil || len(rec.records) != 1 {
		t.Errorf("the same request was recorded %d times, %v", len(rec.records), err)
	}
	nobody, unnamed, inner := root(), root(), root()
	nobody.Principal, nobody.Exchange = policy.Principal{}, &access.Exchange{Operation: "UploadPart"}
	unnamed.Exchange = &access.Exchange{}
	for _, w := range []access.Caller{nobody, unnamed, inner} {
		if err := refuse(w); err != nil || len(rec.records) != 1 {
			t.Errorf("recorded: %+v, %v", rec.records[1:], err)
		}
	}
	rec.err = errors.New("disk full")
	who.Exchange = &access.Exchange{Operation: "UploadPart"}
	if err := refuse(who); !errors.Is(err, access.ErrNotRecorded) {
		t.Errorf("Refused on a full disk = %v, want ErrNotRecorded", err)
	}
}

func TestRecordNamesOperationAndOwner(t *testing.T) {
	rec := &tape{}
	who := root()
	who.Exchange = &access.Exchange{Operation: "UploadPart"}
	who.Session = &access.Session{IssuedAt: who.At, FederatedProvider: "idp"}
	call := func(who access.Caller, action policy.Action) audit.Record {
		var err error
		c := gate(rec).Begin(who, action)
		_ = c.Decide(access.Target{ARN: keyARN, Owner: "444455556666"})
		c.Open()
		c.End(t.Context(), &err)
		return rec.records[len(rec.records)-1]
	}
	r := call(who, "s3:PutObject")
	if r.Operation != "UploadPart" || r.Owner != "444455556666" || r.Who.Provider != "idp" || !r.Who.Since.Equal(who.At) {
		t.Errorf("record %+v", r)
	}
	if r := call(who.Through("s3"), "kms:GenerateDataKey"); r.Operation != "" {
		t.Errorf("a call made for the request is named %q", r.Operation)
	}
	if r := call(who, "s3:UploadPart"); r.Operation != "" {
		t.Errorf("the operation is said twice: %q", r.Operation)
	}
}
