package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// conditions are the identity policies of every user: all is allowed, but what a
// condition key does not tell as it should.
type conditions struct{ documents []*policy.Document }

func (c *conditions) PoliciesOf(_ *policy.Principal, of *policy.Policies) { of.Identity = c.documents }

func (c *conditions) want(t *testing.T, action, key, value string) {
	t.Helper()
	d, err := policy.Parse(policy.UseIdentity, fmt.Sprintf(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"*","Resource":"*"},
		{"Effect":"Deny","Action":%q,"Resource":"*","Condition":{"StringNotEquals":{%q:%q}}}]}`, action, key, value))
	if err != nil {
		t.Fatal(err)
	}
	c.documents = []*policy.Document{d}
}

// Policies see what a request says, under the names that the Service Authorization
// Reference lists for each action.
func TestConditionKeys(t *testing.T) {
	var identities conditions
	w := memoryWorld(t)
	w.Close()
	w.open(func(c *bucket.Config) {
		c.Gate = access.NewGate(access.Config{Identities: &identities, Record: w.journal})
	})
	w.bucket("films")
	w.allowCustomerKeys("films")
	w.put("films", "k", []byte("k"), sseS3)
	if _, err := w.SetTags(t.Context(), w.root(), bucket.Get{Bucket: "films", Key: "k"}, []bucket.Pair{{Name: "kind", Value: "trailer"}}); err != nil {
		t.Fatal(err)
	}
	who := w.caller(policy.Principal{Kind: policy.User, Account: account, ARN: "arn:aws:iam::000000000000:user/u", UserID: "AIDAU", Name: "u"})
	who.SignedAt, who.TLSVersion, who.ContentSHA256 = who.At.Add(-time.Second), "1.3", "UNSIGNED-PAYLOAD"

	made := 0
	create := func(ctx context.Context) error {
		made++
		_, err := w.CreateBucket(ctx, who, bucket.NewBucket{
			Name: fmt.Sprintf("made-%d", made), Region: "eu-west-1", Tags: []bucket.Pair{{Name: "kind", Value: "films"}}, Ownership: "BucketOwnerEnforced",
			Sharing: bucket.Sharing{ACL: "private", Grants: []bucket.Pair{{Name: "x-amz-grant-read", Value: "id=1"}}},
		})
		return err
	}
	object := func() bucket.Put {
		return bucket.Put{
			Bucket: "films", Key: "new", Body: bytes.NewReader(nil), ACL: "private", StorageClass: "STANDARD", Metadata: bucket.Metadata{Redirect: "/there"},
			Tags: []bucket.Pair{{Name: "kind", Value: "trailer"}}, Encryption: sseKMS,
		}
	}
	put := func(ctx context.Context) error { _, err := w.Put(ctx, who, object()); return err }
	upload := func(ctx context.Context) error {
		_, err := w.CreateUpload(ctx, who, object(), bucket.Checksum{})
		return err
	}
	copied := func(ctx context.Context) error {
		to := object()
		to.MetadataDirective = "REPLACE"
		_, err := w.Copy(ctx, who, bucket.Copy{Source: bucket.Get{Bucket: "films", Key: "k"}, To: to, ReplaceMetadata: true, ReplaceTags: true})
		return err
	}
	customer := func(ctx context.Context) error {
		in := object()
		in.Encryption = bucket.EncryptionWish{Customer: customer(1)}
		_, err := w.Put(ctx, who, in)
		return err
	}
	onlyNew := func(ctx context.Context) error {
		made++
		in := object()
		in.Key, in.Conditions.IfAbsent = fmt.Sprint("new", made), true
		_, err := w.Put(ctx, who, in)
		return err
	}
	onlyThat := func(ctx context.Context) error {
		in := object()
		in.Key, in.Conditions.IfMatch = "k2", "*"
		_, err := w.Put(ctx, who, in)
		return err
	}
	w.put("films", "k2", nil, sseS3)
	sharing := bucket.Sharing{ACL: "private", Grants: []bucket.Pair{{Name: "x-amz-grant-full-control", Value: "id=1"}}}
	bucketACL := func(ctx context.Context) error {
		_, err := w.DecideACL(ctx, who, bucket.Get{Bucket: "films"}, sharing)
		return err
	}
	objectACL := func(ctx context.Context) error {
		_, err := w.DecideACL(ctx, who, bucket.Get{Bucket: "films", Key: "k"}, sharing)
		return err
	}
	head := func(ctx context.Context) error {
		_, err := w.Head(ctx, who, bucket.Get{Bucket: "films", Key: "k"})
		return err
	}
	list := func(ctx context.Context) error {
		_, err := w.List(ctx, who, bucket.List{Bucket: "films", Prefix: "k", Delimiter: "/", Max: 7})
		return err
	}
	versions := func(ctx context.Context) error {
		_, err := w.ListVersions(ctx, who, bucket.VersionPage{Bucket: "films", Prefix: "k", Delimiter: "/", Max: 7})
		return err
	}
	for _, tt := range []struct {
		action  string
		operate func(context.Context) error
		keys    map[string]string
	}{
		{"s3:CreateBucket", create, map[string]string{
			"s3:LocationConstraint": "eu-west-1", "s3:x-amz-acl": "private", "s3:x-amz-grant-read": "id=1",
			"s3:x-amz-object-ownership": "BucketOwnerEnforced", "aws:RequestTag/kind": "films",
			"s3:authType": "REST-HEADER", "s3:signatureversion": "AWS4-HMAC-SHA256", "s3:signatureAge": "1000", "s3:TlsVersion": "1.3",
			"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD",
		}},
		{"s3:PutObject", put, map[string]string{
			"s3:x-amz-acl": "private", "s3:x-amz-storage-class": "STANDARD", "s3:x-amz-website-redirect-location": "/there",
			"s3:x-amz-server-side-encryption": "aws:kms", "s3:x-amz-server-side-encryption-aws-kms-key-id": keyARN,
			"s3:RequestObjectTag/kind": "trailer", "s3:RequestObjectTagKeys": "kind", "s3:ObjectCreationOperation": "true",
			"s3:ResourceAccount": string(account),
		}},
		{"s3:PutObject", upload, map[string]string{
			"s3:x-amz-acl": "private", "s3:x-amz-storage-class": "STANDARD", "s3:x-amz-website-redirect-location": "/there",
			"s3:x-amz-server-side-encryption": "aws:kms", "s3:x-amz-server-side-encryption-aws-kms-key-id": keyARN,
			"s3:RequestObjectTag/kind": "trailer", "s3:ObjectCreationOperation": "false",
		}},
		{"s3:PutObject", copied, map[string]string{
			"s3:x-amz-acl": "private", "s3:x-amz-storage-class": "STANDARD", "s3:x-amz-website-redirect-location": "/there",
			"s3:x-amz-server-side-encryption": "aws:kms", "s3:x-amz-copy-source": "films/k", "s3:x-amz-metadata-directive": "REPLACE",
			"s3:RequestObjectTag/kind": "trailer",
		}},
		{"s3:PutObject", customer, map[string]string{"s3:x-amz-server-side-encryption-customer-algorithm": "AES256"}},
		{"s3:PutObject", onlyNew, map[string]string{"s3:if-none-match": "*"}},
		{"s3:PutObject", onlyThat, map[string]string{"s3:if-match": "*"}},
		{"s3:PutObjectTagging", put, map[string]string{"s3:RequestObjectTag/kind": "trailer"}},
		{"s3:PutBucketAcl", bucketACL, map[string]string{"s3:x-amz-acl": "private", "s3:x-amz-grant-full-control": "id=1"}},
		{"s3:PutObjectAcl", objectACL, map[string]string{"s3:x-amz-acl": "private", "s3:x-amz-grant-full-control": "id=1", "s3:ExistingObjectTag/kind": "trailer"}},
		{"s3:GetObject", head, map[string]string{"s3:ExistingObjectTag/kind": "trailer"}},
		{"s3:ListBucket", list, map[string]string{"s3:prefix": "k", "s3:delimiter": "/", "s3:max-keys": "7"}},
		{"s3:ListBucketVersions", versions, map[string]string{"s3:prefix": "k", "s3:delimiter": "/", "s3:max-keys": "7"}},
	} {
		for key, value := range tt.keys {
			identities.want(t, tt.action, key, value)
			if err := tt.operate(t.Context()); err != nil {
				t.Errorf("%s where %s has to be %q: %v", tt.action, key, value, err)
			}
			identities.want(t, tt.action, key, "other")
			if err := tt.operate(t.Context()); !errors.Is(err, access.ErrDenied) {
				t.Errorf("%s where %s must not be %q: %v, want it denied", tt.action, key, value, err)
			}
		}
	}
}
