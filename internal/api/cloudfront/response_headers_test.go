package cloudfront_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
)

// TestSDKResponseHeadersPolicy takes a policy with every member through its life
// with AWS's own client.
func TestSDKResponseHeadersPolicy(t *testing.T) {
	f := start(t)
	c, ctx := f.client(), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	yes, no := aws.Bool(true), aws.Bool(false)
	config := &types.ResponseHeadersPolicyConfig{
		Name: aws.String("p"), Comment: aws.String("a <policy>"),
		CorsConfig: &types.ResponseHeadersPolicyCorsConfig{
			AccessControlAllowCredentials: yes, OriginOverride: no, AccessControlMaxAgeSec: aws.Int32(0),
			AccessControlAllowHeaders:  &types.ResponseHeadersPolicyAccessControlAllowHeaders{Quantity: aws.Int32(1), Items: []string{"X-A"}},
			AccessControlAllowMethods:  &types.ResponseHeadersPolicyAccessControlAllowMethods{Quantity: aws.Int32(1), Items: []types.ResponseHeadersPolicyAccessControlAllowMethodsValues{"ALL"}},
			AccessControlAllowOrigins:  &types.ResponseHeadersPolicyAccessControlAllowOrigins{Quantity: aws.Int32(1), Items: []string{"https://*.example.org"}},
			AccessControlExposeHeaders: &types.ResponseHeadersPolicyAccessControlExposeHeaders{Quantity: aws.Int32(1), Items: []string{"*"}},
		},
		SecurityHeadersConfig: &types.ResponseHeadersPolicySecurityHeadersConfig{
			ContentSecurityPolicy:   &types.ResponseHeadersPolicyContentSecurityPolicy{ContentSecurityPolicy: aws.String("default-src 'self'"), Override: yes},
			ContentTypeOptions:      &types.ResponseHeadersPolicyContentTypeOptions{Override: no},
			FrameOptions:            &types.ResponseHeadersPolicyFrameOptions{FrameOption: "DENY", Override: yes},
			ReferrerPolicy:          &types.ResponseHeadersPolicyReferrerPolicy{ReferrerPolicy: "same-origin", Override: no},
			StrictTransportSecurity: &types.ResponseHeadersPolicyStrictTransportSecurity{AccessControlMaxAgeSec: aws.Int32(60), IncludeSubdomains: yes, Preload: no, Override: yes},
			XSSProtection:           &types.ResponseHeadersPolicyXSSProtection{Protection: yes, ModeBlock: no, ReportUri: aws.String("/r"), Override: no},
		},
		ServerTimingHeadersConfig: &types.ResponseHeadersPolicyServerTimingHeadersConfig{Enabled: yes, SamplingRate: aws.Float64(12.5)},
		CustomHeadersConfig: &types.ResponseHeadersPolicyCustomHeadersConfig{
			Quantity: aws.Int32(1), Items: []types.ResponseHeadersPolicyCustomHeader{{Header: aws.String("X-B"), Value: aws.String(""), Override: yes}},
		},
		RemoveHeadersConfig: &types.ResponseHeadersPolicyRemoveHeadersConfig{
			Quantity: aws.Int32(1), Items: []types.ResponseHeadersPolicyRemoveHeader{{Header: aws.String("Server")}},
		},
	}
	made, err := c.CreateResponseHeadersPolicy(ctx, &sdk.CreateResponseHeadersPolicyInput{ResponseHeadersPolicyConfig: config})
	must(err)
	id := made.ResponseHeadersPolicy.Id
	read, err := c.GetResponseHeadersPolicyConfig(ctx, &sdk.GetResponseHeadersPolicyConfigInput{Id: id})
	must(err)
	if !reflect.DeepEqual(read.ResponseHeadersPolicyConfig, config) || *read.ETag != *made.ETag {
		t.Errorf("read %+v, want what was written", read.ResponseHeadersPolicyConfig)
	}
	if _, err := c.CreateResponseHeadersPolicy(ctx, &sdk.CreateResponseHeadersPolicyInput{ResponseHeadersPolicyConfig: config}); codeOf(err) != "ResponseHeadersPolicyAlreadyExists" {
		t.Errorf("a name twice: %v", err)
	}
	got, err := c.GetResponseHeadersPolicy(ctx, &sdk.GetResponseHeadersPolicyInput{Id: aws.String("5cc3b908-e619-4b99-88e5-2cf7f45965bd")})
	must(err)
	if managed := got.ResponseHeadersPolicy.ResponseHeadersPolicyConfig; *managed.Name != "Managed-CORS-With-Preflight" || *managed.CorsConfig.AccessControlAllowMethods.Quantity != 7 || managed.SecurityHeadersConfig != nil {
		t.Errorf("managed policy %+v", managed)
	}
	for kind, want := range map[types.ResponseHeadersPolicyType]int32{"custom": 1, "managed": 5, "": 6} {
		l, err := c.ListResponseHeadersPolicies(ctx, &sdk.ListResponseHeadersPoliciesInput{Type: kind})
		must(err)
		if *l.ResponseHeadersPolicyList.Quantity != want {
			t.Errorf("%d policies of type %q, want %d", *l.ResponseHeadersPolicyList.Quantity, kind, want)
		}
	}

	distribution := sdkConfig("d")
	distribution.Enabled = no
	distribution.DefaultCacheBehavior.ResponseHeadersPolicyId = aws.String("unknown")
	if _, err := c.CreateDistribution(ctx, &sdk.CreateDistributionInput{DistributionConfig: distribution}); codeOf(err) != "NoSuchResponseHeadersPolicy" {
		t.Errorf("unknown policy: %v", err)
	}
	distribution.DefaultCacheBehavior.ResponseHeadersPolicyId = id
	d, err := c.CreateDistribution(ctx, &sdk.CreateDistributionInput{DistributionConfig: distribution})
	must(err)
	by, err := c.ListDistributionsByResponseHeadersPolicyId(ctx, &sdk.ListDistributionsByResponseHeadersPolicyIdInput{ResponseHeadersPolicyId: id})
	must(err)
	if !reflect.DeepEqual(by.DistributionIdList.Items, []string{*d.Distribution.Id}) {
		t.Errorf("distributions by policy: %v", by.DistributionIdList.Items)
	}
	config = &types.ResponseHeadersPolicyConfig{Name: aws.String("q")}
	updated, err := c.UpdateResponseHeadersPolicy(ctx, &sdk.UpdateResponseHeadersPolicyInput{Id: id, IfMatch: made.ETag, ResponseHeadersPolicyConfig: config})
	must(err)
	remove := &sdk.DeleteResponseHeadersPolicyInput{Id: id, IfMatch: made.ETag}
	if _, err := c.DeleteResponseHeadersPolicy(ctx, remove); codeOf(err) != "PreconditionFailed" {
		t.Errorf("delete of an old version: %v", err)
	}
	remove.IfMatch = updated.ETag
	if _, err := c.DeleteResponseHeadersPolicy(ctx, remove); codeOf(err) != "ResponseHeadersPolicyInUse" {
		t.Errorf("delete of a used policy: %v", err)
	}
	_, err = c.DeleteDistribution(ctx, &sdk.DeleteDistributionInput{Id: d.Distribution.Id, IfMatch: d.ETag})
	must(err)
	_, err = c.DeleteResponseHeadersPolicy(ctx, remove)
	must(err)
	if _, err := c.GetResponseHeadersPolicy(ctx, &sdk.GetResponseHeadersPolicyInput{Id: id}); codeOf(err) != "NoSuchResponseHeadersPolicy" {
		t.Errorf("read of a deleted policy: %v", err)
	}
}

// The model requires Items of the lists of CORS, and of no others.
func TestEmptyCORSLists(t *testing.T) {
	w := start(t).call("GET", "/response-headers-policy?Type=managed", "", "")
	for _, want := range []string{
		"<AccessControlAllowHeaders><Quantity>0</Quantity><Items></Items></AccessControlAllowHeaders>",
		"<AccessControlAllowMethods><Quantity>0</Quantity><Items></Items></AccessControlAllowMethods>",
		"<AccessControlAllowOrigins><Quantity>1</Quantity><Items><Origin>*</Origin></Items></AccessControlAllowOrigins>",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the managed policies have no %s:\n%s", want, w.Body)
		}
	}
}
