package identity_test

import (
	"testing"

	"github.com/keyfront-project/keyfront/internal/identity"
)

// The policy of a resource is read as the service of the action reads it.
func TestSimulateResourcePolicies(t *testing.T) {
	w := newWorld(t)
	alice := w.user(t, "alice")
	nothing := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"cloudfront:Nothing","Resource":"*"}}`
	of := func(action, resource string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + alice.ARN() + `"},"Action":"` + action + `"` + resource + `}}`
	}
	const everything = `,"Resource":"*"`
	for _, tt := range []struct {
		action, resource, policy string
		allowed                  bool
		err                      error
	}{
		{"s3:GetObject", "arn:aws:s3:::b/k", of("s3:GetObject", `,"Resource":"arn:aws:s3:::b/*"`), true, nil},
		{"s3:GetObject", "arn:aws:s3:::b/k", of("kms:Decrypt", everything), false, identity.ErrInvalidInput},
		{"kms:Decrypt", "arn:aws:kms:us-east-1:" + account + ":key/1", of("kms:Decrypt", everything), true, nil},
		{"secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:" + account + ":secret:s-abcdef", of("secretsmanager:GetSecretValue", everything), true, nil},
		{"secretsmanager:PutSecretValue", "arn:aws:secretsmanager:us-east-1:" + account + ":secret:s-abcdef", of("secretsmanager:GetSecretValue", everything), false, nil},
		{"sts:AssumeRole", "arn:aws:iam::" + account + ":role/r", of("sts:AssumeRole", ""), true, nil},
		{"sts:AssumeRole", "arn:aws:iam::" + account + ":role/r", of("sts:AssumeRole", everything), false, identity.ErrInvalidInput},
	} {
		got, err := w.admin.SimulateCustom(t.Context(), rootCaller(), identity.Simulation{
			Policies: []string{nothing}, Actions: []string{tt.action}, Resources: []string{tt.resource}, ResourcePolicy: tt.policy, Caller: alice.ARN(),
		}, identity.Page{Max: 10})
		if tt.err != nil {
			refuses(t, tt.action+" under "+tt.policy, err, tt.err, "")
			continue
		}
		if err != nil || len(got.Items) != 1 || got.Items[0].Decision.Allowed != tt.allowed {
			t.Errorf("%s under %s: %+v, %v, want allowed %v", tt.action, tt.policy, got.Items, err, tt.allowed)
		}
	}
}
