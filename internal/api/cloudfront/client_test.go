package cloudfront_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/smithy-go"
)

// client is the AWS SDK for Go against the door.
func (f *fixture) client() *sdk.Client {
	server := httptest.NewServer(f)
	f.t.Cleanup(server.Close)
	return sdk.New(sdk.Options{
		BaseEndpoint: &server.URL, Region: "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	})
}

// sdkConfig is a distribution as a program writes it: only what it must say.
func sdkConfig(reference string) *types.DistributionConfig {
	return &types.DistributionConfig{
		CallerReference: &reference, Comment: aws.String("made by the SDK"), Enabled: aws.Bool(true),
		Origins: &types.Origins{Quantity: aws.Int32(1), Items: []types.Origin{{
			Id: aws.String("films"), DomainName: aws.String("films.s3.us-east-1.amazonaws.com"),
			S3OriginConfig: &types.S3OriginConfig{OriginAccessIdentity: aws.String("")},
		}}},
		DefaultCacheBehavior: &types.DefaultCacheBehavior{
			TargetOriginId: aws.String("films"), ViewerProtocolPolicy: types.ViewerProtocolPolicyAllowAll,
			CachePolicyId: aws.String("658327ea-f89d-4fab-a63d-7e88639e58f6"),
		},
	}
}

// TestSDKJourney publishes, changes and removes a restricted distribution.
func TestSDKJourney(t *testing.T) {
	f := start(t)
	c, ctx := f.client(), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	text := newPEM(t)
	key, err := c.CreatePublicKey(ctx, &sdk.CreatePublicKeyInput{PublicKeyConfig: &types.PublicKeyConfig{
		CallerReference: aws.String("r"), Name: aws.String("k"), EncodedKey: aws.String(strings.TrimSpace(text)), Comment: aws.String("<&>"),
	}})
	must(err)
	if *key.PublicKey.PublicKeyConfig.EncodedKey != text || *key.PublicKey.PublicKeyConfig.Comment != "<&>" {
		t.Errorf("the key came back as %q, %q", *key.PublicKey.PublicKeyConfig.EncodedKey, *key.PublicKey.PublicKeyConfig.Comment)
	}
	if !strings.HasSuffix(*key.Location, "/2020-05-31/public-key/"+*key.PublicKey.Id) {
		t.Errorf("Location = %s", *key.Location)
	}
	group, err := c.CreateKeyGroup(ctx, &sdk.CreateKeyGroupInput{KeyGroupConfig: &types.KeyGroupConfig{Name: aws.String("g"), Items: []string{*key.PublicKey.Id}}})
	must(err)
	control, err := c.CreateOriginAccessControl(ctx, &sdk.CreateOriginAccessControlInput{OriginAccessControlConfig: &types.OriginAccessControlConfig{
		Name: aws.String("a"), SigningBehavior: "always", SigningProtocol: "sigv4", OriginAccessControlOriginType: "s3",
	}})
	must(err)

	config := sdkConfig("d")
	config.Origins.Items[0].OriginAccessControlId = control.OriginAccessControl.Id
	config.DefaultCacheBehavior.TrustedKeyGroups = &types.TrustedKeyGroups{Enabled: aws.Bool(true), Quantity: aws.Int32(1), Items: []string{*group.KeyGroup.Id}}
	d, err := c.CreateDistributionWithTags(ctx, &sdk.CreateDistributionWithTagsInput{DistributionConfigWithTags: &types.DistributionConfigWithTags{
		DistributionConfig: config, Tags: &types.Tags{Items: []types.Tag{{Key: aws.String("team"), Value: aws.String("video")}}},
	}})
	must(err)
	dist := d.Distribution
	if *dist.Status != "Deployed" || !strings.HasSuffix(*dist.DomainName, ".cloudfront.localhost") ||
		*dist.ARN != "arn:aws:cloudfront::000000000000:distribution/"+*dist.Id || time.Since(*dist.LastModifiedTime) > time.Hour {
		t.Errorf("the distribution is %s %s %s %s", *dist.Status, *dist.DomainName, *dist.ARN, dist.LastModifiedTime)
	}
	active := dist.ActiveTrustedKeyGroups
	if !*active.Enabled || *active.Quantity != 1 || active.Items[0].KeyPairIds.Items[0] != *key.PublicKey.Id {
		t.Errorf("ActiveTrustedKeyGroups = %+v", active)
	}
	must(sdk.NewDistributionDeployedWaiter(c).Wait(ctx, &sdk.GetDistributionInput{Id: dist.Id}, time.Minute))

	tags, err := c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{Resource: dist.ARN})
	must(err)
	if len(tags.Tags.Items) != 1 || *tags.Tags.Items[0].Value != "video" {
		t.Errorf("tags %+v", tags.Tags.Items)
	}
	_, err = c.TagResource(ctx, &sdk.TagResourceInput{Resource: dist.ARN, Tags: &types.Tags{Items: []types.Tag{{Key: aws.String("b"), Value: aws.String("2")}}}})
	must(err)
	_, err = c.UntagResource(ctx, &sdk.UntagResourceInput{Resource: dist.ARN, TagKeys: &types.TagKeys{Items: []string{"team", "b"}}})
	must(err)
	tags, err = c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{Resource: dist.ARN})
	must(err)
	if len(tags.Tags.Items) != 0 {
		t.Errorf("tags after removal: %+v", tags.Tags.Items)
	}

	i, err := c.CreateInvalidation(ctx, &sdk.CreateInvalidationInput{DistributionId: dist.Id, InvalidationBatch: &types.InvalidationBatch{
		CallerReference: aws.String("i"), Paths: &types.Paths{Quantity: aws.Int32(1), Items: []string{"/films/*"}},
	}})
	must(err)
	must(sdk.NewInvalidationCompletedWaiter(c).Wait(ctx, &sdk.GetInvalidationInput{DistributionId: dist.Id, Id: i.Invalidation.Id}, time.Minute))
	invalidations, err := c.ListInvalidations(ctx, &sdk.ListInvalidationsInput{DistributionId: dist.Id})
	must(err)
	if *invalidations.InvalidationList.Quantity != 1 || *invalidations.InvalidationList.Items[0].Status != "Completed" {
		t.Errorf("invalidations %+v", invalidations.InvalidationList)
	}

	listed, err := c.ListDistributions(ctx, &sdk.ListDistributionsInput{})
	must(err)
	if l := listed.DistributionList; *l.Quantity != 1 || *l.IsTruncated || *l.MaxItems != 100 || *l.Items[0].Id != *dist.Id || *l.Items[0].Origins.Quantity != 1 {
		t.Errorf("list %+v", l)
	}
	requests, err := c.ListOriginRequestPolicies(ctx, &sdk.ListOriginRequestPoliciesInput{Type: "managed"})
	must(err)
	if *requests.OriginRequestPolicyList.Quantity != 8 {
		t.Errorf("%d managed origin request policies, want 8", *requests.OriginRequestPolicyList.Quantity)
	}
	policies, err := c.ListCachePolicies(ctx, &sdk.ListCachePoliciesInput{Type: "managed"})
	must(err)
	if *policies.CachePolicyList.Quantity != 7 {
		t.Errorf("%d managed policies, want 7", *policies.CachePolicyList.Quantity)
	}

	// Read, change, write; and the old version is refused.
	got, err := c.GetDistributionConfig(ctx, &sdk.GetDistributionConfigInput{Id: dist.Id})
	must(err)
	got.DistributionConfig.Enabled = aws.Bool(false)
	updated, err := c.UpdateDistribution(ctx, &sdk.UpdateDistributionInput{Id: dist.Id, IfMatch: got.ETag, DistributionConfig: got.DistributionConfig})
	must(err)
	if _, err = c.DeleteDistribution(ctx, &sdk.DeleteDistributionInput{Id: dist.Id, IfMatch: got.ETag}); codeOf(err) != "PreconditionFailed" {
		t.Errorf("delete of the old version: %v", err)
	}
	if _, err = c.DeleteKeyGroup(ctx, &sdk.DeleteKeyGroupInput{Id: group.KeyGroup.Id, IfMatch: group.ETag}); codeOf(err) != "ResourceInUse" {
		t.Errorf("delete of a trusted key group: %v", err)
	}
	_, err = c.DeleteDistribution(ctx, &sdk.DeleteDistributionInput{Id: dist.Id, IfMatch: updated.ETag})
	must(err)
	_, err = c.DeleteKeyGroup(ctx, &sdk.DeleteKeyGroupInput{Id: group.KeyGroup.Id, IfMatch: group.ETag})
	must(err)
	_, err = c.DeletePublicKey(ctx, &sdk.DeletePublicKeyInput{Id: key.PublicKey.Id, IfMatch: key.ETag})
	must(err)
	_, err = c.DeleteOriginAccessControl(ctx, &sdk.DeleteOriginAccessControlInput{Id: control.OriginAccessControl.Id, IfMatch: control.ETag})
	must(err)
	var gone *types.NoSuchDistribution
	if _, err = c.GetDistribution(ctx, &sdk.GetDistributionInput{Id: dist.Id}); !errors.As(err, &gone) {
		t.Errorf("get of a deleted distribution: %v", err)
	}
}

// TestSDKIdentityAndPolicy takes the legacy identity and a custom policy
// through their lives.
func TestSDKIdentityAndPolicy(t *testing.T) {
	f := start(t)
	c, ctx := f.client(), t.Context()
	identity, err := c.CreateCloudFrontOriginAccessIdentity(ctx, &sdk.CreateCloudFrontOriginAccessIdentityInput{
		CloudFrontOriginAccessIdentityConfig: &types.CloudFrontOriginAccessIdentityConfig{CallerReference: aws.String("i"), Comment: aws.String("")},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := identity.CloudFrontOriginAccessIdentity
	if len(*id.S3CanonicalUserId) != 96 {
		t.Errorf("canonical user id %q", *id.S3CanonicalUserId)
	}
	policy, err := c.CreateCachePolicy(ctx, &sdk.CreateCachePolicyInput{CachePolicyConfig: &types.CachePolicyConfig{
		Name: aws.String("p"), MinTTL: aws.Int64(5),
		ParametersInCacheKeyAndForwardedToOrigin: &types.ParametersInCacheKeyAndForwardedToOrigin{
			EnableAcceptEncodingGzip: aws.Bool(true),
			HeadersConfig:            &types.CachePolicyHeadersConfig{HeaderBehavior: "whitelist", Headers: &types.Headers{Quantity: aws.Int32(1), Items: []string{"Origin"}}},
			CookiesConfig:            &types.CachePolicyCookiesConfig{CookieBehavior: "none"},
			QueryStringsConfig:       &types.CachePolicyQueryStringsConfig{QueryStringBehavior: "all"},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := policy.CachePolicy.CachePolicyConfig; *got.DefaultTTL != 86400 || *got.MaxTTL != 31536000 {
		t.Errorf("TTLs %d, %d, want the defaults", *got.DefaultTTL, *got.MaxTTL)
	}
	config := sdkConfig("d")
	config.Enabled = aws.Bool(false)
	config.Origins.Items[0].S3OriginConfig.OriginAccessIdentity = aws.String("origin-access-identity/cloudfront/" + *id.Id)
	config.DefaultCacheBehavior.CachePolicyId = policy.CachePolicy.Id
	d, err := c.CreateDistribution(ctx, &sdk.CreateDistributionInput{DistributionConfig: config})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteCloudFrontOriginAccessIdentity(ctx, &sdk.DeleteCloudFrontOriginAccessIdentityInput{Id: id.Id, IfMatch: identity.ETag}); codeOf(err) != "CloudFrontOriginAccessIdentityInUse" {
		t.Errorf("delete of a used identity: %v", err)
	}
	if _, err := c.DeleteCachePolicy(ctx, &sdk.DeleteCachePolicyInput{Id: policy.CachePolicy.Id, IfMatch: policy.ETag}); codeOf(err) != "CachePolicyInUse" {
		t.Errorf("delete of a used policy: %v", err)
	}
	by, err := c.ListDistributionsByCachePolicyId(ctx, &sdk.ListDistributionsByCachePolicyIdInput{CachePolicyId: policy.CachePolicy.Id})
	if err != nil || len(by.DistributionIdList.Items) != 1 {
		t.Errorf("distributions by policy: %v, %v", by, err)
	}
	if _, err := c.DeleteDistribution(ctx, &sdk.DeleteDistributionInput{Id: d.Distribution.Id, IfMatch: d.ETag}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteCloudFrontOriginAccessIdentity(ctx, &sdk.DeleteCloudFrontOriginAccessIdentityInput{Id: id.Id, IfMatch: identity.ETag}); err != nil {
		t.Error(err)
	}
	if _, err := c.DeleteCachePolicy(ctx, &sdk.DeleteCachePolicyInput{Id: policy.CachePolicy.Id, IfMatch: policy.ETag}); err != nil {
		t.Error(err)
	}
	if _, err := c.DeleteCachePolicy(ctx, &sdk.DeleteCachePolicyInput{Id: aws.String("658327ea-f89d-4fab-a63d-7e88639e58f6"), IfMatch: policy.ETag}); codeOf(err) != "IllegalDelete" {
		t.Errorf("delete of a managed policy: %v", err)
	}
}

// codeOf is the API's code of an SDK error.
func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}
