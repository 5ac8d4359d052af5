package policy_test

import (
	"testing"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
)

func TestDenial(t *testing.T) {
	const (
		bob    = "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: "
		eve    = "User: arn:aws:iam::444455556666:user/eve is not authorized to perform: "
		hidden = " because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access"
	)
	for _, test := range []struct {
		who      *policy.Principal
		action   policy.Action
		resource string
		owner    arn.AccountID
		style    policy.Style
		why      policy.Reason
		want     string
	}{
		{user("bob"), "kms:Decrypt", key, accountA, policy.Sentence, policy.NoIdentityAllow, bob + "kms:Decrypt on resource: " + key + " because no identity-based policy allows the kms:Decrypt action"},
		{user("bob"), "kms:Decrypt", key, "", policy.Sentence, policy.NoResourceAllow, bob + "kms:Decrypt on resource: " + key + " because no resource-based policy allows the kms:Decrypt action"},
		{user("bob"), "kms:Decrypt", key, accountA, policy.Sentence, policy.NoBoundaryAllow, bob + "kms:Decrypt on resource: " + key + " because no permissions boundary allows the kms:Decrypt action"},
		{user("bob"), "kms:Decrypt", key, accountA, policy.Sentence, policy.NoSessionAllow, bob + "kms:Decrypt on resource: " + key + " because no session policy allows the kms:Decrypt action"},
		{user("bob"), "kms:Decrypt", key, accountA, policy.Sentence, policy.IdentityDeny, bob + "kms:Decrypt on resource: " + key + " with an explicit deny in an identity-based policy"},
		{user("bob"), "kms:Decrypt", key, accountA, policy.Sentence, policy.ResourceDeny, bob + "kms:Decrypt on resource: " + key + " with an explicit deny in a resource-based policy"},
		{user("bob"), "kms:Decrypt", key, accountA, policy.Sentence, policy.BoundaryDeny, bob + "kms:Decrypt on resource: " + key + " with an explicit deny in a permissions boundary"},
		{user("bob"), "kms:Decrypt", key, accountA, policy.Sentence, policy.SessionDeny, bob + "kms:Decrypt on resource: " + key + " with an explicit deny in a session policy"},
		{user("bob"), "kms:Decrypt", key, accountA, policy.Sentence, policy.ControlDeny, bob + "kms:Decrypt on resource: " + key + " with an explicit deny in a service control policy"},
		{user("bob"), "kms:CreateKey", "*", accountA, policy.Sentence, policy.Undecidable, bob + "kms:CreateKey on resource: *"},
		{user("bob"), "s3:GetObject", object, accountA, policy.QuotedResource, policy.NoIdentityAllow, bob + `s3:GetObject on resource: "` + object + `" because no identity-based policy allows the s3:GetObject action`},
		{user("bob"), "sts:AssumeRole", roleARN, accountA, policy.Bare, policy.NoResourceAllow, bob + "sts:AssumeRole on resource: " + roleARN},
		{root(accountA), "sts:AssumeRole", roleARN, accountA, policy.Bare, policy.RootMayNotAssume, "Roles may not be assumed by root accounts."},
		{userOf(accountB, "eve"), "kms:Decrypt", key, accountA, policy.Sentence, policy.NoResourceAllow, eve + "kms:Decrypt on resource: " + key + hidden},
		{userOf(accountB, "eve"), "kms:Decrypt", key, accountA, policy.Sentence, policy.ResourceDeny, eve + "kms:Decrypt on resource: " + key + hidden},
		{userOf(accountB, "eve"), "kms:Decrypt", key, accountA, policy.Sentence, policy.NoIdentityAllow, eve + "kms:Decrypt on resource: " + key + " because no identity-based policy allows the kms:Decrypt action"},
		{userOf(accountB, "eve"), "cloudfront:GetDistribution", "*", accountA, policy.Sentence, policy.ResourceDeny, eve + "cloudfront:GetDistribution on resource: *"},
		{userOf(accountB, "eve"), "s3:GetObject", object, accountA, policy.QuotedResource, policy.ResourceDeny, "Access Denied"},
		{anonymous, "s3:GetObject", object, accountA, policy.QuotedResource, policy.ResourceDeny, "Access Denied"},
		{cloudfront, "s3:GetObject", object, accountA, policy.QuotedResource, policy.NoResourceAllow, "Access Denied"},
	} {
		r := &policy.Request{Principal: test.who, Action: test.action, Resource: test.resource, Owner: test.owner}
		if got := r.Denial(test.style, policy.Decision{Reason: test.why}); got != test.want {
			t.Errorf("Denial(%v) of %s by %s:\n got %s\nwant %s", test.why, test.action, test.who.ARN, got, test.want)
		}
	}
}

func TestReasonString(t *testing.T) {
	for r, want := range map[policy.Reason]string{
		policy.Undenied: "allowed", policy.NoBoundaryAllow: "no permissions boundary allows the action", policy.SessionDeny: "explicit deny in a session policy",
		policy.RootMayNotAssume: "root users may not assume roles", policy.Undecidable: "cannot be judged",
	} {
		if got := r.String(); got != want {
			t.Errorf("Reason(%d).String() = %q, want %q", uint8(r), got, want)
		}
	}
}
