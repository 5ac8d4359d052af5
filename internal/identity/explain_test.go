package identity_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
)

func TestPolicyNamesGoWithPolicies(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), rootCaller()
	u := w.user(t, "alice")
	_, err := w.admin.CreateGroup(ctx, root, "g", "/x/")
	err = errors.Join(
		err, w.admin.AddUserToGroup(ctx, root, "g", "alice"),
		w.admin.PutInlinePolicy(ctx, root, userRef("alice"), "own", allow("kms:Sign")),
		w.admin.PutInlinePolicy(ctx, root, identity.Ref{Kind: identity.KindGroup, Name: "g"}, "shared", allow("kms:Verify")),
		w.admin.PutBoundary(ctx, root, userRef("alice"), administratorAccess),
	)
	if err != nil {
		t.Fatal(err)
	}
	p, _, ok := w.service.PrincipalOf(u.ARN())
	if !ok || p.UniqueID != u.ID {
		t.Fatalf("PrincipalOf = %+v, %v", p, ok)
	}
	names, boundary := w.service.PolicyNames(&p)
	want := []string{u.ARN() + "#own", administratorAccess, "arn:aws:iam::" + account + ":group/x/g#shared"}
	if !slices.Equal(names, want) || boundary != administratorAccess {
		t.Errorf("PolicyNames = %v, %s, want %v", names, boundary, want)
	}
	var policies policy.Policies
	w.service.PoliciesOf(&p, &policies)
	if len(policies.Identity) != len(names) || policies.Identity[0].String() != allow("kms:Sign") || policies.Identity[2].String() != allow("kms:Verify") {
		t.Errorf("%d policies in another order than their names", len(policies.Identity))
	}
}

func TestPrincipalOf(t *testing.T) {
	w := newWorld(t)
	r := w.role(t, "r")
	tests := []struct {
		name, arn, userID string
	}{
		{"arn:aws:iam::" + account + ":root", "arn:aws:iam::" + account + ":root", account},
		{"arn:aws:sts::" + account + ":assumed-role/r/job", "arn:aws:sts::" + account + ":assumed-role/r/job", r.ID + ":job"},
		{r.ARN(), "arn:aws:sts::" + account + ":assumed-role/r/session", r.ID + ":session"},
		{"arn:aws:sts::" + account + ":assumed-role/none/job", "", ""},
		{"arn:aws:iam::" + account + ":user/none", "", ""},
		{"arn:aws:iam::999988887777:root", "", ""},
		{"r", "", ""},
	}
	for _, tt := range tests {
		p, _, ok := w.service.PrincipalOf(tt.name)
		if ok != (tt.arn != "") || ok && (p.ARN != tt.arn || p.UserID != tt.userID) {
			t.Errorf("PrincipalOf(%s) = %s, %s, %v, want %s, %s", tt.name, p.ARN, p.UserID, ok, tt.arn, tt.userID)
		}
	}
}
