package policy_test

import (
	"testing"

	"github.com/keyfront-project/keyfront/internal/policy"
)

// An origin access identity reads a bucket whose policy names it, by either
// name, and nothing by its own right.
func TestOriginIdentity(t *testing.T) {
	const (
		name      = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2ABCDEFGHIJKL"
		canonical = "4b38a5a2f5f0a1f28c6a3e1c4d9b7a60"
	)
	who := &policy.Principal{Kind: policy.OriginIdentity, ARN: name, CanonicalID: canonical}
	tests := []struct {
		principal string
		allowed   bool
	}{
		{`{"AWS":"` + name + `"}`, true},
		{`{"CanonicalUser":"` + canonical + `"}`, true},
		{`"*"`, true},
		{`{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2OTHER"}`, false},
		{`{"CanonicalUser":"00"}`, false},
		{`{"AWS":"111122223333"}`, false},
		{`{"Service":"cloudfront.amazonaws.com"}`, false},
	}
	for _, tt := range tests {
		doc, err := policy.Parse(policy.UseBucket, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":`+tt.principal+`,"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}`)
		if err != nil {
			t.Fatalf("%s: %v", tt.principal, err)
		}
		r := &policy.Request{Principal: who, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Owner: "111122223333"}
		if got := policy.Decide(r, &policy.Policies{Resource: doc}).Allowed; got != tt.allowed {
			t.Errorf("Principal %s: allowed %v, want %v", tt.principal, got, tt.allowed)
		}
		r.Resource = "arn:aws:s3:::other/k"
		if policy.Decide(r, &policy.Policies{}).Allowed {
			t.Error("allowed without a policy")
		}
	}
}
