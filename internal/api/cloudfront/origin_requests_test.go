package cloudfront_test

import (
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
)

// TestSDKOriginRequestPolicy takes a policy through its life with AWS's own client.
func TestSDKOriginRequestPolicy(t *testing.T) {
	f := start(t)
	c, ctx := f.client(), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	config := &types.OriginRequestPolicyConfig{
		Name: aws.String("p"), Comment: aws.String("a <policy>"),
		HeadersConfig: &types.OriginRequestPolicyHeadersConfig{
			HeaderBehavior: "allViewerAndWhitelistCloudFront", Headers: &types.Headers{Quantity: aws.Int32(1), Items: []string{"CloudFront-Viewer-TLS"}},
		},
		CookiesConfig: &types.OriginRequestPolicyCookiesConfig{
			CookieBehavior: "allExcept", Cookies: &types.CookieNames{Quantity: aws.Int32(1), Items: []string{"sid"}},
		},
		QueryStringsConfig: &types.OriginRequestPolicyQueryStringsConfig{QueryStringBehavior: "all"},
	}
	made, err := c.CreateOriginRequestPolicy(ctx, &sdk.CreateOriginRequestPolicyInput{OriginRequestPolicyConfig: config})
	must(err)
	id := made.OriginRequestPolicy.Id
	read, err := c.GetOriginRequestPolicyConfig(ctx, &sdk.GetOriginRequestPolicyConfigInput{Id: id})
	must(err)
	if !reflect.DeepEqual(read.OriginRequestPolicyConfig, config) || *read.ETag != *made.ETag {
		t.Errorf("read %+v, want what was written", read.OriginRequestPolicyConfig)
	}
	if _, err := c.CreateOriginRequestPolicy(ctx, &sdk.CreateOriginRequestPolicyInput{OriginRequestPolicyConfig: config}); codeOf(err) != "OriginRequestPolicyAlreadyExists" {
		t.Errorf("a name twice: %v", err)
	}
	got, err := c.GetOriginRequestPolicy(ctx, &sdk.GetOriginRequestPolicyInput{Id: aws.String("bf0718e1-ba1e-49d1-88b1-f726733018ae")})
	must(err)
	if *got.OriginRequestPolicy.OriginRequestPolicyConfig.Name != "Managed-HostHeaderOnly" {
		t.Errorf("managed policy %+v", got.OriginRequestPolicy.OriginRequestPolicyConfig)
	}
	for kind, want := range map[types.OriginRequestPolicyType]int32{"custom": 1, "managed": 8, "": 9} {
		l, err := c.ListOriginRequestPolicies(ctx, &sdk.ListOriginRequestPoliciesInput{Type: kind})
		must(err)
		if *l.OriginRequestPolicyList.Quantity != want {
			t.Errorf("%d policies of type %q, want %d", *l.OriginRequestPolicyList.Quantity, kind, want)
		}
	}

	distribution := sdkConfig("d")
	distribution.Enabled = aws.Bool(false)
	distribution.DefaultCacheBehavior.OriginRequestPolicyId = aws.String("unknown")
	if _, err := c.CreateDistribution(ctx, &sdk.CreateDistributionInput{DistributionConfig: distribution}); codeOf(err) != "NoSuchOriginRequestPolicy" {
		t.Errorf("unknown policy: %v", err)
	}
	distribution.DefaultCacheBehavior.OriginRequestPolicyId = id
	d, err := c.CreateDistribution(ctx, &sdk.CreateDistributionInput{DistributionConfig: distribution})
	must(err)
	by, err := c.ListDistributionsByOriginRequestPolicyId(ctx, &sdk.ListDistributionsByOriginRequestPolicyIdInput{OriginRequestPolicyId: id})
	must(err)
	if !reflect.DeepEqual(by.DistributionIdList.Items, []string{*d.Distribution.Id}) {
		t.Errorf("distributions by policy: %v", by.DistributionIdList.Items)
	}
	config.HeadersConfig = &types.OriginRequestPolicyHeadersConfig{HeaderBehavior: "none"}
	updated, err := c.UpdateOriginRequestPolicy(ctx, &sdk.UpdateOriginRequestPolicyInput{Id: id, IfMatch: made.ETag, OriginRequestPolicyConfig: config})
	must(err)
	remove := &sdk.DeleteOriginRequestPolicyInput{Id: id, IfMatch: made.ETag}
	if _, err := c.DeleteOriginRequestPolicy(ctx, remove); codeOf(err) != "PreconditionFailed" {
		t.Errorf("delete of an old version: %v", err)
	}
	remove.IfMatch = updated.ETag
	if _, err := c.DeleteOriginRequestPolicy(ctx, remove); codeOf(err) != "OriginRequestPolicyInUse" {
		t.Errorf("delete of a used policy: %v", err)
	}
	_, err = c.DeleteDistribution(ctx, &sdk.DeleteDistributionInput{Id: d.Distribution.Id, IfMatch: d.ETag})
	must(err)
	_, err = c.DeleteOriginRequestPolicy(ctx, remove)
	must(err)
	if _, err := c.GetOriginRequestPolicy(ctx, &sdk.GetOriginRequestPolicyInput{Id: id}); codeOf(err) != "NoSuchOriginRequestPolicy" {
		t.Errorf("read of a deleted policy: %v", err)
	}
}
