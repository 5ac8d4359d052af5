package identity_test

import (
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/identity"
)

// Who may pass roles with a tag does not pass others by tagging the profile.
func TestProfileTagsAreNotTheRoles(t *testing.T) {
	w := newWorld(t)
	ctx, blue := t.Context(), []identity.Tag{{Key: "team", Value: "blue"}}
	u, err := w.admin.CreateUser(ctx, rootCaller(), identity.NewUser{Name: "u"})
	if err != nil {
		t.Fatal(err)
	}
	const doc = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:AddRoleToInstanceProfile","Resource":"*"},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/team":"blue"}}}]}`
	if err := w.admin.PutInlinePolicy(ctx, rootCaller(), userRef("u"), "p", doc); err != nil {
		t.Fatal(err)
	}
	if _, err := w.admin.CreateRole(ctx, rootCaller(), identity.NewRole{Name: "theirs", Trust: trustAccount, Tags: blue}); err != nil {
		t.Fatal(err)
	}
	w.role(t, "other")
	for name, tags := range map[string][]identity.Tag{"tagged": blue, "plain": nil} {
		if _, err := w.admin.CreateProfile(ctx, rootCaller(), name, "/", tags); err != nil {
			t.Fatal(err)
		}
		refuses(t, "another role into "+name, w.admin.AddRoleToProfile(ctx, w.caller(u), name, "other"), access.ErrDenied, "iam:PassRole")
		if err := w.admin.AddRoleToProfile(ctx, w.caller(u), name, "theirs"); err != nil {
			t.Errorf("a role with the tag into %s: %v", name, err)
		}
	}
}
