package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/policy"
)

func parse(tb testing.TB, use policy.Use, source string) *policy.Document {
	tb.Helper()
	d, err := policy.Parse(use, source)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// benchPolicies is a caller with ten policies of ten statements and a key
// policy of ten, like those of a platform team: the statement that allows is
// the last, and one in five has a condition.
func benchPolicies(tb testing.TB, rule policy.Rule) *policy.Policies {
	p := &policy.Policies{Rule: rule}
	for i := range 10 {
		var s []string
		for j := range 10 {
			condition := ""
			if j%5 == 0 {
				condition = `,"Condition":{"StringEquals":{"aws:ResourceTag/team":"red"},"Bool":{"aws:SecureTransport":"true"}}`
			}
			s = append(s, fmt.Sprintf(`{"Effect":"Allow","Action":["kms:Encrypt","kms:Decrypt","kms:GenerateDataKey*","kms:DescribeKey"],
				"Resource":["arn:aws:kms:eu-west-1:111111111111:key/%d-%d","arn:aws:kms:eu-west-1:111111111111:key/%d-%d-b"]%s}`, i, j, i, j, condition))
		}
		if i == 9 {
			s[9] = `{"Effect":"Allow","Action":"kms:*","Resource":"arn:aws:kms:*:111111111111:key/*"}`
		}
		p.Identity = append(p.Identity, parse(tb, policy.UseIdentity, `{"Version":"2012-10-17","Statement":[`+strings.Join(s, ",")+`]}`))
	}
	var s []string
	for j := range 9 {
		s = append(s, fmt.Sprintf(`{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111111111111:role/app-%d","arn:aws:iam::111111111111:role/ops-%d"]},
			"Action":["kms:Encrypt","kms:Decrypt","kms:GenerateDataKey*"],"Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"s3.eu-west-1.amazonaws.com"}}}`, j, j))
	}
	s = append(s, `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"kms:*","Resource":"*"}`)
	p.Resource = parse(tb, policy.UseKey, `{"Version":"2012-10-17","Statement":[`+strings.Join(s, ",")+`]}`)
	return p
}

func benchRequest() *policy.Request {
	c := policy.NewContext(16)
	c.Set("aws:SourceIp", "10.1.2.3")
	c.Set("aws:SecureTransport", "true")
	c.Set("aws:UserAgent", "aws-cli/2.0")
	c.Set("aws:RequestedRegion", "eu-west-1")
	c.Set("aws:ViaAWSService", "false")
	c.Set("kms:CallerAccount", home)
	c.Set("kms:KeySpec", "SYMMETRIC_DEFAULT")
	c.Set("kms:KeyUsage", "ENCRYPT_DECRYPT")
	c.Set("kms:KeyOrigin", "AWS_KMS")
	c.Set("kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT")
	c.SetIn("aws:ResourceTag/", "team", "red")
	return &policy.Request{
		Principal: &people[4], Action: "kms:Decrypt", Resource: "arn:aws:kms:eu-west-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab",
		Owner: home, Time: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Context: c,
	}
}

// BenchmarkDecide is the measure of a decision: 110 statements, all of which
// speak of the action.
func BenchmarkDecide(b *testing.B) {
	r, p := benchRequest(), benchPolicies(b, policy.KeyPolicy)
	if d := policy.Decide(r, p); !d.Allowed {
		b.Fatalf("Decide = %+v", d)
	}
	b.ReportAllocs()
	for b.Loop() {
		policy.Decide(r, p)
	}
}

// BenchmarkDecideConditions has a condition that is judged in every statement.
func BenchmarkDecideConditions(b *testing.B) {
	r, p := benchRequest(), benchPolicies(b, policy.KeyPolicy)
	for i := range p.Identity {
		p.Identity[i] = parse(b, policy.UseIdentity, strings.NewReplacer(
			`"Resource"`, `"Condition":{"IpAddress":{"aws:SourceIp":["192.168.0.0/16","172.16.0.0/12"]},"DateLessThan":{"aws:CurrentTime":"2030-01-01"}},"Resource"`,
			`,"Condition":{"StringEquals":{"aws:ResourceTag/team":"red"},"Bool":{"aws:SecureTransport":"true"}}`, "",
			`arn:aws:kms:eu-west-1:111111111111:key/`, `arn:aws:kms:*:111111111111:key/*`,
		).Replace(p.Identity[i].String()))
	}
	b.ReportAllocs()
	for b.Loop() {
		policy.Decide(r, p)
	}
}

// BenchmarkContext is the building of a request's condition keys.
func BenchmarkContext(b *testing.B) {
	c := policy.NewContext(16)
	b.ReportAllocs()
	for b.Loop() {
		c.Reset()
		c.Set("aws:SourceIp", "10.1.2.3")
		c.Set("aws:SecureTransport", "true")
		c.Set("aws:UserAgent", "aws-cli/2.0")
		c.Set("aws:RequestedRegion", "eu-west-1")
		c.SetIn("kms:EncryptionContext:", "project", "red")
	}
}

func BenchmarkParse(b *testing.B) {
	source := benchPolicies(b, policy.KeyPolicy).Identity[0].String()
	b.SetBytes(int64(len(source)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.Parse(policy.UseIdentity, source); err != nil {
			b.Fatal(err)
		}
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	r, p := benchRequest(), benchPolicies(t, policy.KeyPolicy)
	if n := testing.AllocsPerRun(100, func() { policy.Decide(r, p) }); n != 0 {
		t.Errorf("Decide allocates %v times, want 0", n)
	}
	c := policy.NewContext(4)
	if n := testing.AllocsPerRun(100, func() { c.Reset(); c.Set("aws:SourceIp", "10.1.2.3"); c.SetIn("aws:RequestTag/", "a", "b") }); n != 0 {
		t.Errorf("Context.Set allocates %v times, want 0", n)
	}
}
