package s3_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// A redirect location is kept with its object and never copied along.
func TestRedirectLocation(t *testing.T) {
	c := newServer(t, nil).client()
	ctx, films := t.Context(), aws.String("films")
	if _, err := c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: films}); err != nil {
		t.Fatal(err)
	}
	put := func(key, to string) error {
		_, err := c.PutObject(ctx, &awss3.PutObjectInput{Bucket: films, Key: &key, Body: strings.NewReader("x"), WebsiteRedirectLocation: &to, CacheControl: aws.String("no-store")})
		return err
	}
	wantCode(t, "redirect to nowhere", put("a", "ftp://example.com"), "InvalidRedirectLocation")
	if err := put("a", "/b?c=d"); err != nil {
		t.Fatal(err)
	}
	redirect := func(key string) string {
		head, err := c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: films, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		if aws.ToString(head.CacheControl) != "no-store" {
			t.Errorf("%s lost its metadata: %+v", key, head)
		}
		return aws.ToString(head.WebsiteRedirectLocation)
	}
	if got := redirect("a"); got != "/b?c=d" {
		t.Errorf("redirect location %q", got)
	}
	if _, err := c.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: films, Key: aws.String("copy"), CopySource: aws.String("films/a")}); err != nil {
		t.Fatal(err)
	}
	if got := redirect("copy"); got != "" {
		t.Errorf("a copy took the redirect location %q along", got)
	}
	// A new location is a reason to copy an object to itself.
	self := &awss3.CopyObjectInput{Bucket: films, Key: aws.String("a"), CopySource: aws.String("films/a")}
	_, err := c.CopyObject(ctx, self)
	wantCode(t, "copy to itself", err, "InvalidRequest")
	self.WebsiteRedirectLocation = aws.String("https://example.com/")
	if _, err := c.CopyObject(ctx, self); err != nil {
		t.Fatal(err)
	}
	if got := redirect("a"); got != "https://example.com/" {
		t.Errorf("redirect location %q after a copy that sets it", got)
	}
}

// Configurations of which a bucket can have several read as none.
func TestSeveralUnset(t *testing.T) {
	c := newServer(t, nil).client()
	ctx, films, id := t.Context(), aws.String("films"), aws.String("one")
	if _, err := c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: films}); err != nil {
		t.Fatal(err)
	}
	_, err := c.GetBucketInventoryConfiguration(ctx, &awss3.GetBucketInventoryConfigurationInput{Bucket: films, Id: id})
	wantCode(t, "inventory", err, "NoSuchConfiguration")
	_, err = c.DeleteBucketMetricsConfiguration(ctx, &awss3.DeleteBucketMetricsConfigurationInput{Bucket: films, Id: id})
	wantCode(t, "metrics", err, "NoSuchConfiguration")
	_, err = c.PutBucketAnalyticsConfiguration(ctx, &awss3.PutBucketAnalyticsConfigurationInput{
		Bucket: films, Id: id, AnalyticsConfiguration: &types.AnalyticsConfiguration{Id: id, StorageClassAnalysis: &types.StorageClassAnalysis{}},
	})
	wantCode(t, "a write", err, "NotImplemented")
	list, err := c.ListBucketIntelligentTieringConfigurations(ctx, &awss3.ListBucketIntelligentTieringConfigurationsInput{Bucket: films})
	if err != nil || aws.ToBool(list.IsTruncated) || len(list.IntelligentTieringConfigurationList) != 0 {
		t.Errorf("list = %+v, %v", list, err)
	}
	if _, err := c.PutObject(ctx, &awss3.PutObjectInput{Bucket: films, Key: aws.String("a"), Body: strings.NewReader("x")}); err != nil {
		t.Fatal(err)
	}
	_, err = c.GetObjectRetention(ctx, &awss3.GetObjectRetentionInput{Bucket: films, Key: aws.String("a")})
	wantCode(t, "retention", err, "InvalidRequest")
	_, err = c.GetObjectLegalHold(ctx, &awss3.GetObjectLegalHoldInput{Bucket: films, Key: aws.String("a")})
	wantCode(t, "legal hold", err, "InvalidRequest")
}
