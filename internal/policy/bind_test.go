package policy_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/policy"
)

const bob = "arn:aws:iam::111122223333:user/bob"

// TestBind tells the life of a policy whose user is deleted and made again.
func TestBind(t *testing.T) {
	source := `{ "Version":"2012-10-17",
	"Statement":[{"Effect":"Allow","Principal":{"AWS":["` + bob + `", "444455556666","arn:aws:iam::444455556666:role\/far"]},"Action":"s3:*","Resource":"*"},
	{"Effect":"Deny","NotPrincipal":{"AWS":["111122223333","` + bob + `"]},"Action":"s3:DeleteObject","Resource":"*"}]}`
	plain := parse(t, policy.UseBucket, source)
	if got, want := plain.Principals(), []string{bob, "arn:aws:iam::444455556666:role/far"}; !slices.Equal(got, want) {
		t.Errorf("Principals = %q, want %q", got, want)
	}

	ids := map[string]string{bob: "AIDAFIRSTFIRSTFIRST1"}
	d, err := plain.Bind(func(name string) (string, bool) { return ids[name], true })
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Bindings(); !maps.Equal(got, ids) {
		t.Errorf("Bindings = %v, want %v", got, ids)
	}
	first, second := user("bob"), user("bob")
	first.UniqueID, second.UniqueID = "AIDAFIRSTFIRSTFIRST1", "AIDASECONDSECONDSEC1"
	for _, test := range []struct {
		who    *policy.Principal
		d      *policy.Document
		action policy.Action
		want   policy.Reason
	}{
		{first, d, "s3:GetObject", policy.Undenied},
		{second, d, "s3:GetObject", policy.NoIdentityAllow},
		{first, d, "s3:DeleteObject", policy.Undenied},
		{second, d, "s3:DeleteObject", policy.ResourceDeny},
		{second, plain, "s3:GetObject", policy.Undenied},
	} {
		r := allow(test.who, test.action, object).request("")
		if got := policy.Decide(r, &policy.Policies{Resource: test.d}); got.Reason != test.want {
			t.Errorf("Decide(%s, %s) = %+v, want reason %v", test.who.UniqueID, test.action, got, test.want)
		}
	}

	alive := func(string) (string, bool) { return bob, true }
	gone := func(string) (string, bool) { return "", false }
	if got := d.Render(alive); got != source {
		t.Errorf("Render changes the source of the living: %s", got)
	}
	raw := d.Render(gone)
	if want := strings.ReplaceAll(source, bob, "AIDAFIRSTFIRSTFIRST1"); raw != want {
		t.Errorf("Render = %s\nwant %s", raw, want)
	}
	again := parse(t, policy.UseBucket, raw)
	if got := policy.Decide(allow(second, "s3:GetObject", object).request(""), &policy.Policies{Resource: again}); got.Allowed {
		t.Error("the raw id matches a later user")
	}
}

func TestBindRefusesUnknown(t *testing.T) {
	for use, want := range map[policy.Use]string{
		policy.UseBucket: "Invalid principal in policy",
		policy.UseKey:    "Policy contains a statement with one or more invalid principals.",
		policy.UseTrust:  `Invalid principal in policy: "AWS":"` + bob + `"`,
	} {
		elements := map[policy.Use]string{
			policy.UseBucket: `"Action":"s3:*","Resource":"*"`, policy.UseKey: `"Action":"kms:*","Resource":"*"`, policy.UseTrust: `"Action":"sts:AssumeRole"`,
		}[use]
		d := parse(t, use, doc(`"Effect":"Allow","Principal":{"AWS":"`+bob+`"},`+elements))
		_, err := d.Bind(func(string) (string, bool) { return "", false })
		var e *policy.Error
		if !errors.As(err, &e) || e.Problem != want || !errors.Is(err, policy.ErrMalformed) {
			t.Errorf("Bind for %v: %v, want %q", use, err, want)
		}
	}
}

func TestCheckBucket(t *testing.T) {
	for resource, want := range map[string]bool{
		"arn:aws:s3:::b": true, "arn:aws:s3:::b/*": true, "arn:aws:s3:::b*": true, "arn:aws:s3:::b/x/${aws:username}": true,
		"arn:aws:s3:::bc": false, "arn:aws:s3:::bc/*": false, "arn:aws:s3:::*": false, "*": false, "arn:aws:kms:::b": false,
	} {
		d := parse(t, policy.UseBucket, doc(`"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"`+resource+`"`))
		err := d.CheckBucket("b")
		if (err == nil) != want {
			t.Errorf("CheckBucket of %s: %v", resource, err)
		}
		var e *policy.Error
		if err != nil && (!errors.As(err, &e) || e.Problem != "Policy has invalid resource") {
			t.Errorf("CheckBucket of %s: %#v", resource, err)
		}
	}
}

func TestPublic(t *testing.T) {
	for _, test := range []struct {
		elements string
		want     bool
	}{
		{`"Effect":"Allow","Principal":"*"`, true},
		{`"Effect":"Allow","Principal":{"AWS":["111122223333","*"]}`, true},
		{`"Effect":"Deny","Principal":"*"`, false},
		{`"Effect":"Allow","Principal":{"AWS":"444455556666"}`, false},
		{`"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"}`, false},
		{`"Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}`, false},
		{`"Effect":"Allow","Principal":"*","Condition":{"StringEqualsIfExists":{"aws:SourceAccount":"111122223333"}}`, true},
		{`"Effect":"Allow","Principal":"*","Condition":{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*"}}`, true},
		{`"Effect":"Allow","Principal":"*","Condition":{"StringNotEquals":{"aws:SourceAccount":"111122223333"}}`, true},
		{`"Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"s3:prefix":"a"}}`, true},
		{`"Effect":"Allow","Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, false},
		{`"Effect":"Allow","Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/1"}}`, true},
	} {
		d := parse(t, policy.UseBucket, doc(test.elements+`,"Action":"s3:*","Resource":"arn:aws:s3:::b/*"`))
		if got := d.Public(); got != test.want {
			t.Errorf("Public of %s = %v, want %v", test.elements, got, test.want)
		}
	}
}

func TestContextKeys(t *testing.T) {
	d := parse(t, policy.UseIdentity, doc(`"Effect":"Allow","Action":"s3:*","Resource":["*","arn:aws:s3:::b/${aws:username}/${AWS:PrincipalTag/team, 'x'}"],
		"Condition":{"StringLike":{"s3:prefix":["a","${aws:username}/*"]},"Null":{"aws:TokenIssueTime":"true"}}`))
	want := []string{"aws:principaltag/team", "aws:tokenissuetime", "aws:username", "s3:prefix"}
	if got := d.ContextKeys(); !slices.Equal(got, want) {
		t.Errorf("ContextKeys = %q, want %q", got, want)
	}
}
