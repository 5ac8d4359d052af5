package policy_test

import (
	"reflect"
	"testing"

	"github.com/keyfront-project/keyfront/internal/policy"
)

func TestExplain(t *testing.T) {
	s := scene{
		rule: policy.KeyPolicy, resource: defaultKeyPolicy, boundary: allowS3,
		identity: []string{`{"Version":"2012-10-17","Statement":[
			{"Sid":"Other","Effect":"Allow","NotAction":["kms:D*"],"Resource":"*"},
			{"Effect":"Allow","Action":"kms:*","Resource":"arn:aws:kms:*:*:key/other"},
			{"Sid":"Cond","Effect":"Allow","Action":"kms:*","Resource":"*","Condition":{
				"StringEquals":{"aws:PrincipalTag/owner":["${aws:username}","${aws:PrincipalTag/none}"]},"Bool":{"aws:SecureTransport":true}}}]}`},
	}
	r := allow(user("bob"), "kms:Decrypt", key, kv("aws:SecureTransport", "true"), kv("aws:PrincipalTag/owner", "ann")).request("")
	want := []policy.Finding{
		{Source: policy.ResourceSource, Sid: "Enable IAM User Permissions", Applied: true, Delegates: true},
		{Source: policy.IdentitySource, Sid: "Other", Failed: policy.ActionElement, Not: true, Wanted: []string{"kms:D*"}, Present: []string{"kms:Decrypt"}},
		{Source: policy.IdentitySource, Statement: 1, Failed: policy.ResourceElement, Wanted: []string{"arn:aws:kms:*:*:key/other"}, Present: []string{key}},
		{
			Source: policy.IdentitySource, Statement: 2, Sid: "Cond", Failed: policy.ConditionElement,
			Conditions: []policy.ConditionFinding{
				{Operator: "StringEquals", Key: "aws:PrincipalTag/owner", Wanted: []string{"bob", "${aws:PrincipalTag/none}"}, Present: []string{"ann"}},
				{Operator: "Bool", Key: "aws:SecureTransport", Wanted: []string{"true"}, Present: []string{"true"}, Held: true},
			},
		},
		{Source: policy.IdentitySource, Statement: -1},
		{Source: policy.BoundarySource, Failed: policy.ActionElement, Wanted: []string{"s3:*"}, Present: []string{"kms:Decrypt"}},
		{Source: policy.BoundarySource, Statement: -1},
	}
	got := policy.Explain(r, s.policies(t))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Explain:\n got %+v\nwant %+v", got, want)
	}
	r.Principal = userOf(accountB, "eve")
	f := policy.Explain(r, s.policies(t))[0]
	if f.Failed != policy.PrincipalElement || !reflect.DeepEqual(f.Wanted, []string{"arn:aws:iam::111122223333:root"}) {
		t.Errorf("Explain for a stranger: %+v", f)
	}
	if policy.Explain(nil, nil) != nil {
		t.Error("Explain(nil, nil) finds something")
	}
}
