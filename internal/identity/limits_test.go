package identity_test

import (
	"encoding/base32"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/identity"
)

func decodeSeed(t *testing.T, text []byte) []byte {
	t.Helper()
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), rootCaller()
	w.user(t, "alice")
	w.role(t, "r")
	managed, err := w.admin.CreatePolicy(ctx, root, identity.NewPolicy{Name: "versions", Text: allow("s3:*")})
	if err != nil {
		t.Fatal(err)
	}
	pad := func(n int) string {
		return strings.Replace(allow("s3:*"), `"*"}`, `"arn:aws:s3:::`+strings.Repeat("x", n)+`"}`, 1)
	}
	tests := []struct {
		name string
		// do is the n-th call, from 0; most of them go through.
		do   func(n int) error
		most int
		kind error
		text string
	}{
		{"access keys", func(int) error {
			_, _, _, err := w.admin.CreateAccessKey(ctx, root, "alice", "")
			return err
		}, 2, identity.ErrLimit, "Cannot exceed quota for AccessKeysPerUser: 2"},
		{"groups of a user", func(n int) error {
			name := fmt.Sprintf("g%d", n)
			if _, err := w.admin.CreateGroup(ctx, root, name, ""); err != nil {
				return err
			}
			return w.admin.AddUserToGroup(ctx, root, name, "alice")
		}, 10, identity.ErrLimit, "Cannot exceed quota for GroupsPerUser: 10"},
		{"attached policies", func(n int) error {
			p, err := w.admin.CreatePolicy(ctx, root, identity.NewPolicy{Name: fmt.Sprintf("p%d", n), Text: allow("s3:*")})
			if err != nil {
				return err
			}
			return w.admin.AttachPolicy(ctx, root, roleRef("r"), p.ARN())
		}, 10, identity.ErrLimit, "Cannot exceed quota for PoliciesPerRole: 10"},
		{"versions", func(int) error {
			_, err := w.admin.CreatePolicyVersion(ctx, root, managed.ARN(), allow("s3:*"), false)
			return err
		}, 4, identity.ErrLimit, "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version."},
		{"tags", func(n int) error {
			return w.admin.Tag(ctx, root, roleRef("r"), []identity.Tag{{Key: fmt.Sprintf("k%d", n)}})
		}, 50, identity.ErrLimit, ""},
		{"inline policies of a user", func(n int) error {
			return w.admin.PutInlinePolicy(ctx, root, userRef("alice"), fmt.Sprintf("p%d", n), pad(920))
		}, 2, identity.ErrLimit, "Maximum policy size of 2048 bytes exceeded for user alice"},
		{"size of a managed policy", func(n int) error {
			_, err := w.admin.CreatePolicy(ctx, root, identity.NewPolicy{Name: fmt.Sprintf("size%d", n), Text: pad(6000 + 200*n)})
			return err
		}, 1, identity.ErrLimit, "Cannot exceed quota for PolicySize: 6144"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for n := range tt.most {
				if err := tt.do(n); err != nil {
					t.Fatalf("call %d: %v", n+1, err)
				}
			}
			refuses(t, "one more", tt.do(tt.most), tt.kind, tt.text)
		})
	}
}

func TestBadInput(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), rootCaller()
	w.user(t, "alice")
	user := func(in identity.NewUser) error {
		_, err := w.admin.CreateUser(ctx, root, in)
		return err
	}
	role := func(in identity.NewRole) error {
		if in.Trust == "" {
			in.Trust = trustAccount
		}
		_, err := w.admin.CreateRole(ctx, root, in)
		return err
	}
	put := func(text string) error { return w.admin.PutInlinePolicy(ctx, root, userRef("alice"), "p", text) }
	if err := put(strings.Replace(allow("s3:*"), "2012", "2008", 1)); err != nil {
		t.Errorf("inline policy of the old version: %v", err)
	}
	managed := func(text string) error {
		_, err := w.admin.CreatePolicy(ctx, root, identity.NewPolicy{Name: "p", Text: text})
		return err
	}
	tests := []struct {
		name string
		err  error
		kind error
		text string
	}{
		{"no name", user(identity.NewUser{}), identity.ErrValidation, "Value '' at 'userName'"},
		{"bad name", user(identity.NewUser{Name: "a b"}), identity.ErrValidation, "The specified value for userName is invalid."},
		{"long name", user(identity.NewUser{Name: strings.Repeat("a", 65)}), identity.ErrValidation, "have length less than or equal to 64"},
		{"bad path", user(identity.NewUser{Name: "a", Path: "x"}), identity.ErrValidation, "The specified value for path is invalid."},
		{"taken", user(identity.NewUser{Name: "Alice"}), identity.ErrExists, "User with name Alice already exists."},
		{"tag twice", user(identity.NewUser{Name: "a", Tags: []identity.Tag{{Key: "k"}, {Key: "K"}}}), identity.ErrInvalidInput, "Duplicate tag keys found."},
		{"reserved tag", user(identity.NewUser{Name: "a", Tags: []identity.Tag{{Key: "aws:k"}}}), identity.ErrInvalidInput, ""},
		{"bad boundary", user(identity.NewUser{Name: "a", Boundary: "arn:aws:iam::aws:role/something"}), identity.ErrValidation, "Invalid ARN:  Could not be parsed!"},
		{"short session", role(identity.NewRole{Name: "r", MaxSession: time.Minute}), identity.ErrValidation, "Member must have value greater than or equal to 3600"},
		{"trust with resource", role(identity.NewRole{Name: "r", Trust: strings.Replace(trustAccount, `"Effect"`, `"Resource":"*","Effect"`, 1)}), identity.ErrMalformedPolicy, "Has prohibited field Resource."},
		{"trust of another service", role(identity.NewRole{Name: "r", Trust: strings.Replace(trustAccount, "sts:TagSession", "s3:GetObject", 1)}), identity.ErrMalformedPolicy, ""},
		{"not JSON", put("{"), identity.ErrMalformedPolicy, "This policy contains invalid Json"},
		{"old version", put(strings.Replace(allow("s3:*"), "2012", "2011", 1)), identity.ErrMalformedPolicy, "Policy document must be version 2012-10-17 or greater."},
		{"managed policy without a version", managed(strings.Replace(allow("s3:*"), `"Version":"2012-10-17",`, "", 1)), identity.ErrMalformedPolicy, "Policy document must be version 2012-10-17 or greater."},
		{"managed policy of the old version", managed(strings.Replace(allow("s3:*"), "2012", "2008", 1)), identity.ErrMalformedPolicy, "Policy document must be version 2012-10-17 or greater."},
		{"a stack's tag removed", w.admin.Untag(ctx, root, userRef("alice"), []string{"aws:cloudformation:stack-name"}), identity.ErrInvalidInput, "Tag keys starting with 'aws:' are reserved"},
		{"too many keys of tags", w.admin.Untag(ctx, root, userRef("alice"), strings.Split(strings.Repeat("k ", 50)+"k", " ")), identity.ErrValidation, "Value '[k, k, k, "},
		{"no vendor", put(allow("GetObject")), identity.ErrMalformedPolicy, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{"principal", put(strings.Replace(allow("s3:*"), `"Effect"`, `"Principal":"*","Effect"`, 1)), identity.ErrMalformedPolicy, ""},
		{"deep JSON", put(strings.Repeat("[", 10_000)), identity.ErrMalformedPolicy, ""},
		{"huge", put(strings.Repeat(" ", 1<<20)), identity.ErrMalformedPolicy, ""},
		{"AWS's policy", w.admin.DeletePolicy(ctx, root, administratorAccess), identity.ErrForeign, "Policy is outside your own account."},
		{"policy of nobody", w.admin.AttachPolicy(ctx, root, userRef("alice"), "arn:aws:iam::aws:policy/Nothing"), identity.ErrNoSuchEntity, "Policy arn:aws:iam::aws:policy/Nothing does not exist or is not attachable."},
		{"detach what is not attached", w.admin.DetachPolicy(ctx, root, userRef("alice"), "arn:aws:iam::aws:policy/IAMFullAccess"), identity.ErrNoSuchEntity, "Policy arn:aws:iam::aws:policy/IAMFullAccess was not found."},
		{"alias", w.admin.CreateAccountAlias(ctx, root, "A"), identity.ErrValidation, ""},
	}
	for _, tt := range tests {
		refuses(t, tt.name, tt.err, tt.kind, tt.text)
	}
}

func TestOperationsAreDecided(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	u, err := w.admin.CreateUser(ctx, rootCaller(), identity.NewUser{Name: "op", Tags: []identity.Tag{{Key: "team", Value: "a"}}})
	if err != nil {
		t.Fatal(err)
	}
	text := `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:CreateUser","Resource":"arn:aws:iam::*:user/team/*","Condition":{"StringEquals":{"aws:RequestTag/team":"${aws:PrincipalTag/team}"}}},
		{"Effect":"Allow","Action":"iam:TagUser","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}},
		{"Effect":"Allow","Action":"iam:DeleteUser","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}},
		{"Effect":"Allow","Action":"iam:AttachUserPolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}}},
		{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:username}"}]}`
	if err := w.admin.PutInlinePolicy(ctx, rootCaller(), userRef("op"), "p", text); err != nil {
		t.Fatal(err)
	}
	op := w.caller(u)
	op.Tags = u.Tags
	create := func(name, path string, tags ...identity.Tag) error {
		_, err := w.admin.CreateUser(ctx, op, identity.NewUser{Name: name, Path: path, Tags: tags})
		return err
	}
	team := func(v string) identity.Tag { return identity.Tag{Key: "team", Value: v} }
	w.user(t, "root-made")
	get := func(name string) error {
		_, err := w.admin.User(ctx, op, name)
		return err
	}
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"create", create("a", "/team/", team("a")), true},
		{"create for another team", create("b", "/team/", team("b")), false},
		{"create elsewhere", create("c", "/", team("a")), false},
		{"create with another tag", create("d", "/team/", team("a"), identity.Tag{Key: "x", Value: "y"}), false},
		{"create without tags", create("e", "/team/"), false},
		{"attach what may be", w.admin.AttachPolicy(ctx, op, userRef("a"), "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"), true},
		{"attach what may not", w.admin.AttachPolicy(ctx, op, userRef("a"), administratorAccess), false},
		{"detach", w.admin.DetachPolicy(ctx, rootCaller(), userRef("a"), "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"), true},
		{"get itself", get(""), true},
		{"get another", get("a"), false},
		{"get nobody", get("nobody"), false},
		{"delete of another team", w.admin.DeleteUser(ctx, op, "root-made"), false},
		{"delete", w.admin.DeleteUser(ctx, op, "a"), true},
	}
	for _, tt := range tests {
		switch {
		case tt.want && tt.err != nil:
			t.Errorf("%s: %v, want allowed", tt.name, tt.err)
		case !tt.want:
			refuses(t, tt.name, tt.err, access.ErrDenied, "")
		}
	}
	want := "User: " + u.ARN() + " is not authorized to perform: iam:GetUser on resource: arn:aws:iam::" + account + ":user/nobody because no identity-based policy allows the iam:GetUser action"
	refuses(t, "get nobody", get("nobody"), access.ErrDenied, want)
}
