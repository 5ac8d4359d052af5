package delivery_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/policy"
)

func aliased(reference string, aliases ...string) delivery.DistributionConfig {
	return config(reference, func(c *delivery.DistributionConfig) { c.Aliases = aliases })
}

func TestAssociateAlias(t *testing.T) {
	f, ctx := open(t), t.Context()
	a := must(f.CreateDistribution(ctx, me, aliased("a", "www.example.com", "*.example.com")))
	b := must(f.CreateDistribution(ctx, me, aliased("b")))
	for _, alias := range []string{"WWW.example.com", "*.example.com", "new.example.org", "new.example.org"} {
		if err := f.AssociateAlias(ctx, me, b.ID, alias); err != nil {
			t.Errorf("%s: %v", alias, err)
		}
	}
	for _, s := range []*delivery.Service{f.Service, f.reopen()} {
		for _, host := range []string{"www.example.com", "other.example.com", "new.example.org"} {
			if d := s.Snapshot().Lookup(host); d == nil || string(d.ID) != b.ID {
				t.Errorf("%s leads to %+v, want %s", host, d, b.ID)
			}
		}
		got := must(s.GetDistribution(ctx, me, a.ID))
		if len(got.Config.Aliases) != 0 || got.ETag == a.ETag {
			t.Errorf("the first has kept %v under the version %s", got.Config.Aliases, got.ETag)
		}
		if got := must(s.GetDistribution(ctx, me, b.ID)); fmt.Sprint(got.Config.Aliases) != "[www.example.com *.example.com new.example.org]" {
			t.Errorf("the second has %v", got.Config.Aliases)
		}
	}
	// What was given away may be taken again.
	if _, err := f.CreateDistribution(ctx, me, aliased("c", "www.example.com")); !errors.Is(err, delivery.ErrAliasTaken) {
		t.Errorf("a taken alias: %v", err)
	}
	if err := f.AssociateAlias(ctx, me, a.ID, "www.example.com"); err != nil {
		t.Error(err)
	}

	other := root("111111111111")
	must(f.CreateDistribution(ctx, other, aliased("x", "theirs.example.net")))
	for _, r := range []struct {
		id, alias string
		want      error
	}{
		{"E00000000000", "fresh.example.com", delivery.ErrNoDistribution},
		{a.ID, "", delivery.ErrInvalid},
		{a.ID, "a..b", delivery.ErrInvalid},
		{a.ID, "d.cloudfront.localhost", delivery.ErrInvalid},
		{a.ID, "theirs.example.net", delivery.ErrAliasElsewhere},
	} {
		if err := f.AssociateAlias(ctx, me, r.id, r.alias); !errors.Is(err, r.want) {
			t.Errorf("%s to %s: %v, want %v", r.alias, r.id, err, r.want)
		}
	}
	if d := f.Snapshot().Lookup("theirs.example.net"); d == nil || d.Account != "111111111111" {
		t.Errorf("an alias of another account leads to %+v", d)
	}
}

// ofEve is an identity policy of the user eve.
type ofEve struct{ document *policy.Document }

func (o *ofEve) PoliciesOf(p *policy.Principal, into *policy.Policies) {
	if p.Name == "eve" && o.document != nil {
		into.Identity = append(into.Identity, o.document)
	}
}

// TestAssociateAliasNeedsBoth wants the permission for the distribution that
// loses the alias as well.
func TestAssociateAliasNeedsBoth(t *testing.T) {
	eve := new(ofEve)
	f := open(t, func(c *delivery.Config) {
		c.Gate = access.NewGate(access.Config{Identities: eve, Record: new(accesstest.Journal)})
	})
	ctx := t.Context()
	a := must(f.CreateDistribution(ctx, me, aliased("a", "www.example.com")))
	b := must(f.CreateDistribution(ctx, me, aliased("b")))
	who := access.Caller{Principal: policy.Principal{Kind: policy.User, Account: testAccount, ARN: "arn:aws:iam::000000000000:user/eve", Name: "eve"}}
	may := func(resources string) {
		text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cloudfront:AssociateAlias","Resource":` + resources + `}]}`
		eve.document = must(policy.Parse(policy.UseIdentity, text))
	}
	may(`["` + b.ARN() + `"]`)
	if err := f.AssociateAlias(ctx, who, b.ID, "www.example.com"); !errors.Is(err, access.ErrDenied) {
		t.Errorf("taking what is another's: %v", err)
	}
	if err := f.AssociateAlias(ctx, who, b.ID, "new.example.com"); err != nil {
		t.Errorf("taking what is nobody's: %v", err)
	}
	may(`["` + a.ARN() + `"]`)
	if err := f.AssociateAlias(ctx, who, b.ID, "www.example.com"); !errors.Is(err, access.ErrDenied) {
		t.Errorf("giving to another: %v", err)
	}
	may(`["` + a.ARN() + `","` + b.ARN() + `"]`)
	if err := f.AssociateAlias(ctx, who, b.ID, "www.example.com"); err != nil {
		t.Errorf("with both permissions: %v", err)
	}
	// The tags of the one that gets the alias are not those of the other.
	if err := f.Tag(ctx, me, a.ARN(), map[string]string{"team": "blue"}); err != nil {
		t.Fatal(err)
	}
	may(`"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}`)
	if err := f.AssociateAlias(ctx, who, a.ID, "www.example.com"); !errors.Is(err, access.ErrDenied) {
		t.Errorf("taking from one without the tag: %v", err)
	}
}

func TestConflictingAliases(t *testing.T) {
	f, ctx := open(t), t.Context()
	mine := must(f.CreateDistribution(ctx, me, aliased("mine", "own.example.com")))
	d := must(f.CreateDistribution(ctx, me, aliased("d", "www.example.com", "*.example.com", "a.b.example.com", "example.com", "www.example.org")))
	must(f.CreateDistribution(ctx, root("111111111111"), aliased("x", "www.example.net", "*.net.example.edu")))
	for alias, want := range map[string]string{
		"www.example.com":     "[*.example.com www.example.com]",
		"*.example.com":       "[*.example.com a.b.example.com www.example.com]",
		"*.b.example.com":     "[*.example.com a.b.example.com]",
		"own.example.com":     "[*.example.com]",
		"WWW.example.net":     "[www.example.net]",
		"a.net.example.edu":   "[]",
		"nothing.example.edu": "[]",
	} {
		var got []string
		for _, c := range must(f.ListConflictingAliases(ctx, me, mine.ID, alias, delivery.Page{})).Items {
			got = append(got, c.Alias)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s conflicts with %v, want %s", alias, got, want)
		}
	}
	l := must(f.ListConflictingAliases(ctx, me, mine.ID, "*.example.com", delivery.Page{Max: 1, After: "*.example.com"}))
	if len(l.Items) != 1 || l.Next != "a.b.example.com" || l.Items[0].Distribution != "*******"+d.ID[7:] || l.Items[0].Account != "******000000" {
		t.Errorf("a page: %+v", l)
	}
	if _, err := f.ListConflictingAliases(ctx, me, mine.ID, "no host", delivery.Page{}); !errors.Is(err, delivery.ErrInvalid) {
		t.Errorf("no host name: %v", err)
	}
	if _, err := f.ListConflictingAliases(ctx, me, "E0", "a.example.com", delivery.Page{}); !errors.Is(err, delivery.ErrNoDistribution) {
		t.Errorf("unknown distribution: %v", err)
	}
}

// TestAliasesOverlapWithinAnAccount keeps accounts from taking hosts that stand under
// a wildcard of another one, and the other way round.
func TestAliasesOverlapWithinAnAccount(t *testing.T) {
	f, ctx, other := open(t), t.Context(), root("111111111111")
	must(f.CreateDistribution(ctx, me, aliased("a", "*.example.com", "login.example.org")))
	theirs := must(f.CreateDistribution(ctx, other, aliased("own", "other.example.net")))
	for _, r := range []struct {
		alias string
		want  error // for the other account; for the first there is none
	}{
		{"login.example.com", delivery.ErrAliasTaken},
		{"deep.login.example.com", delivery.ErrAliasTaken},
		{"*.login.example.com", delivery.ErrAliasTaken},
		{"*.example.org", delivery.ErrAliasTaken},
		{"example.com", nil},
		{"*.login.example.edu", nil},
		{"notexample.com", nil},
	} {
		if err := f.AssociateAlias(ctx, other, theirs.ID, r.alias); !errors.Is(err, r.want) {
			t.Errorf("AssociateAlias of %s by another account = %v, want %v", r.alias, err, r.want)
		}
		_, err := f.CreateDistribution(ctx, other, aliased("x "+r.alias, "a.example.net", r.alias))
		if want := r.want; want != nil && !errors.Is(err, want) {
			t.Errorf("CreateDistribution with %s by another account = %v, want %v", r.alias, err, want)
		}
		if r.want == nil {
			continue
		}
		if _, err := f.CreateDistribution(ctx, me, aliased("b "+r.alias, r.alias)); err != nil {
			t.Errorf("CreateDistribution with %s by the same account = %v", r.alias, err)
		}
	}
	if d := f.Snapshot().Lookup("login.example.com"); d == nil || d.Account != testAccount {
		t.Errorf("login.example.com leads to %+v", d)
	}
}
