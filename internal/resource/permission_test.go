package resource_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/stack"
)

// A managed policy counts who has it once the stack has given it to them.
func TestManagedPolicyCountsItsUse(t *testing.T) {
	w := open(t)
	const template = `
Parameters: {Also: {Type: String, Default: 'X'}}
Conditions: {Also: !Equals [!Ref Also, 'yes']}
Resources:
  A: {Type: 'AWS::IAM::User', Properties: {UserName: a}}
  B: {Type: 'AWS::IAM::Group', Properties: {GroupName: b}}
  P:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Users: [!Ref A]
      Groups: !If [Also, [!Ref B], !Ref 'AWS::NoValue']
      PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: 's3:*', Resource: '*'}]}
Outputs:
  Attached: {Value: !GetAtt P.AttachmentCount}
  Bounds: {Value: !GetAtt P.PermissionsBoundaryUsageCount}
`
	for _, tt := range []struct {
		also, attached string
		status         stack.Status
	}{{"no", "1", stack.CreateComplete}, {"yes", "2", stack.UpdateComplete}} {
		got := w.deploy(strings.Replace(template, "X", tt.also, 1), tt.status)
		if got["Attached"] != tt.attached || got["Bounds"] != "0" {
			t.Errorf("with group %s: %v, want %s attachments and no boundaries", tt.also, got, tt.attached)
		}
	}
}

// A policy of one principal comes and goes with the stack. One of the same name that
// was there before stays as it was.
func TestPolicyOfOnePrincipal(t *testing.T) {
	for _, holder := range []identity.Kind{identity.KindGroup, identity.KindRole, identity.KindUser} {
		t.Run(string(holder), func(t *testing.T) {
			w := open(t)
			ref, name := identity.Ref{Kind: holder, Name: "h"}, string(holder)
			template := func(policy, action string) string {
				trust := ""
				if holder == identity.KindRole {
					trust = ", AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: {Effect: Allow, Action: 'sts:AssumeRole', Principal: {Service: lambda.amazonaws.com}}}"
				}
				return `
Resources:
  H: {Type: 'AWS::IAM::` + name + `', Properties: {` + name + `Name: h` + trust + `}}
  P:
    Type: AWS::IAM::` + name + `Policy
    Properties:
      ` + name + `Name: !Ref H
      PolicyName: ` + policy + `
      PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: ` + action + `, Resource: '*'}]}
Outputs:
  Ref: {Value: !Ref P}
`
			}
			want := func(policy, action string) {
				t.Helper()
				got, err := w.Identity.InlinePolicy(t.Context(), w.root(), ref, policy)
				if err != nil || !strings.Contains(got.Text, action) {
					t.Errorf("policy %s = %s, %v, want one about %s", policy, got.Text, err, action)
				}
			}
			if out := w.deploy(template("one", "'s3:GetObject'"), stack.CreateComplete); out["Ref"] != "one|h" {
				t.Errorf("Ref = %s, want one|h", out["Ref"])
			}
			want("one", "s3:GetObject")
			w.deploy(template("one", "'s3:PutObject'"), stack.UpdateComplete)
			want("one", "s3:PutObject")
			if err := w.Identity.PutInlinePolicy(t.Context(), w.root(), ref, "mine", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`); err != nil {
				t.Fatal(err)
			}
			w.deploy(template("mine", "'s3:GetObject'"), stack.UpdateRollbackComplete)
			w.wantReason("mine already exists")
			want("mine", "Deny")
			want("one", "s3:PutObject")
			w.deploy(template("two", "'s3:GetObject'"), stack.UpdateComplete)
			want("two", "s3:GetObject")
			if _, err := w.Identity.InlinePolicy(t.Context(), w.root(), ref, "one"); !errors.Is(err, identity.ErrNoSuchEntity) {
				t.Errorf("the policy that was replaced: %v, want %v", err, identity.ErrNoSuchEntity)
			}
			if err := w.Identity.DeleteInlinePolicy(t.Context(), w.root(), ref, "mine"); err != nil {
				t.Fatal(err)
			}
			w.deploy(strings.Replace(template("two", "'s3:GetObject'"), "PolicyName: two", "PolicyName: two\n      Users: [u]", 1), stack.UpdateRollbackComplete)
			w.wantReason("unsupported property Users")
			w.remove()
		})
	}
}
