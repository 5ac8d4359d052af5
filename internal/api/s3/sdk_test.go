package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

func (s *server) client(options ...func(*awss3.Options)) *awss3.Client {
	return awss3.New(awss3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(s.URL), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(accessKeyID, secretKey, ""),
		Retryer:     aws.NopRetryer{},
		// What a client made from the shared configuration does.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}, options...)
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("%s = %v, want %s", what, err, code)
	}
}

func content(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func TestSDKObjects(t *testing.T) {
	s := newServer(t, nil)
	c := s.client()
	ctx := t.Context()
	if _, err := c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("films")}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"plain", "dir/a b+c%2F.txt", "//x/../y", "käse/☃", "a\x01b"} {
		for _, n := range []int{0, 10, 3*sealed.ChunkBytes + 1} {
			want := content(n)
			put, err := c.PutObject(ctx, &awss3.PutObjectInput{
				Bucket: aws.String("films"), Key: &key, Body: bytes.NewReader(want), ContentType: aws.String("video/mp4"),
				Metadata: map[string]string{"Title": "x y"}, CacheControl: aws.String("max-age=60"),
			})
			if err != nil {
				t.Fatalf("PutObject(%q, %d) = %v", key, n, err)
			}
			if put.ServerSideEncryption != types.ServerSideEncryptionAes256 || put.ChecksumCRC32 == nil {
				t.Errorf("PutObject answers %+v", put)
			}
			got, err := c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("films"), Key: &key})
			if err != nil {
				t.Fatalf("GetObject(%q, %d) = %v", key, n, err)
			}
			b, err := io.ReadAll(got.Body)
			if err != nil || !bytes.Equal(b, want) {
				t.Errorf("GetObject(%q) reads %d bytes, %v, want %d", key, len(b), err, n)
			}
			if *got.ETag != *put.ETag || *got.ContentType != "video/mp4" || got.Metadata["title"] != "x y" || *got.CacheControl != "max-age=60" {
				t.Errorf("GetObject(%q) answers %+v", key, got)
			}
		}
	}
	head, err := c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("films"), Key: aws.String("plain")})
	if err != nil || *head.ContentLength != 3*sealed.ChunkBytes+1 {
		t.Errorf("HeadObject = %+v, %v", head, err)
	}
	_, err = c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("films"), Key: aws.String("none")})
	wantCode(t, "HeadObject of an absent key", err, "NotFound")
	_, err = c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("films"), Key: aws.String("none")})
	wantCode(t, "GetObject of an absent key", err, "NoSuchKey")
	ranged, err := c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("films"), Key: aws.String("plain"), Range: aws.String("bytes=65530-65540")})
	if err != nil || *ranged.ContentRange != fmt.Sprintf("bytes 65530-65540/%d", 3*sealed.ChunkBytes+1) {
		t.Fatalf("ranged GetObject = %+v, %v", ranged, err)
	}
	if b, err := io.ReadAll(ranged.Body); err != nil || !bytes.Equal(b, content(70_000)[65530:65541]) {
		t.Errorf("range reads %x, %v", b, err)
	}
	_, err = c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("films"), Key: aws.String("plain"), Range: aws.String("bytes=9999999-")})
	wantCode(t, "GetObject behind the end", err, "InvalidRange")
	_, err = c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("films"), Key: aws.String("plain"), IfNoneMatch: aws.String("*")})
	wantCode(t, "PutObject if absent", err, "PreconditionFailed")
	_, err = c.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: aws.String("films")})
	wantCode(t, "DeleteBucket", err, "BucketNotEmpty")

	copied, err := c.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: aws.String("films"), Key: aws.String("copy"), CopySource: aws.String("films/k%C3%A4se/%E2%98%83")})
	if err != nil || copied.CopyObjectResult.ETag == nil {
		t.Errorf("CopyObject = %+v, %v", copied, err)
	}

	var seen []types.ObjectIdentifier
	pages := awss3.NewListObjectsV2Paginator(c, &awss3.ListObjectsV2Input{Bucket: aws.String("films"), MaxKeys: aws.Int32(2), EncodingType: types.EncodingTypeUrl})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			key, err := url.QueryUnescape(*o.Key)
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, types.ObjectIdentifier{Key: &key})
		}
	}
	if len(seen) != 6 {
		t.Errorf("listed %d objects, want 6", len(seen))
	}
	// No XML document can name this one.
	odd := slices.IndexFunc(seen, func(o types.ObjectIdentifier) bool { return *o.Key == "a\x01b" })
	if _, err := c.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("films"), Key: seen[odd].Key}); err != nil {
		t.Error(err)
	}
	seen = slices.Delete(seen, odd, odd+1)
	gone, err := c.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("films"), Delete: &types.Delete{Objects: seen}})
	if err != nil || len(gone.Deleted) != 5 || len(gone.Errors) != 0 {
		t.Errorf("DeleteObjects = %+v, %v", gone, err)
	}
	if _, err := c.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: aws.String("films")}); err != nil {
		t.Error(err)
	}
	_, err = c.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: aws.String("films")})
	wantCode(t, "HeadBucket", err, "NotFound")
}

func TestSDKEncryption(t *testing.T) {
	s := newServer(t, nil)
	s.bucket(t, "films")
	c := s.client()
	ctx := t.Context()
	put := func(in awss3.PutObjectInput) (*awss3.PutObjectOutput, error) {
		in.Bucket, in.Key, in.Body = aws.String("films"), aws.String("k"), strings.NewReader("hello")
		return c.PutObject(ctx, &in)
	}
	out, err := put(awss3.PutObjectInput{ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String("1")})
	if err != nil || *out.SSEKMSKeyId != keyARN {
		t.Fatalf("PutObject = %+v, %v", out, err)
	}
	_, err = put(awss3.PutObjectInput{ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String("alias/none")})
	wantCode(t, "PutObject under an absent key", err, "KMS.NotFoundException")
	_, err = put(awss3.PutObjectInput{SSEKMSKeyId: aws.String("1")})
	wantCode(t, "PutObject with a key only", err, "InvalidArgument")
	_, err = put(awss3.PutObjectInput{ServerSideEncryption: "rot13"})
	wantCode(t, "PutObject under rot13", err, "InvalidArgument")
	out, err = put(awss3.PutObjectInput{ServerSideEncryption: types.ServerSideEncryptionAwsKmsDsse})
	if err != nil || out.ServerSideEncryption != types.ServerSideEncryptionAwsKmsDsse {
		t.Errorf("PutObject under DSSE = %+v, %v", out, err)
	}
	_, err = put(awss3.PutObjectInput{SSECustomerAlgorithm: aws.String("AES256"), SSECustomerKey: aws.String(strings.Repeat("k", 32))})
	wantCode(t, "PutObject under SSE-C", err, "AccessDenied")
	_, err = put(awss3.PutObjectInput{StorageClass: types.StorageClassGlacier})
	wantCode(t, "PutObject into GLACIER", err, "NotImplemented")
	_, err = put(awss3.PutObjectInput{ACL: types.ObjectCannedACLPublicRead})
	wantCode(t, "PutObject public-read", err, "AccessControlListNotSupported")

	s.keys.disabled.Store(true)
	_, err = c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("films"), Key: aws.String("k")})
	wantCode(t, "GetObject under a disabled key", err, "KMS.DisabledException")
	s.keys.disabled.Store(false)

	get := func() types.ServerSideEncryptionRule {
		t.Helper()
		out, err := c.GetBucketEncryption(ctx, &awss3.GetBucketEncryptionInput{Bucket: aws.String("films")})
		if err != nil || len(out.ServerSideEncryptionConfiguration.Rules) != 1 {
			t.Fatalf("GetBucketEncryption = %+v, %v", out, err)
		}
		return out.ServerSideEncryptionConfiguration.Rules[0]
	}
	if r := get(); r.ApplyServerSideEncryptionByDefault.SSEAlgorithm != types.ServerSideEncryptionAes256 || *r.BucketKeyEnabled {
		t.Errorf("the default is %+v", r)
	}
	_, err = c.PutBucketEncryption(ctx, &awss3.PutBucketEncryptionInput{
		Bucket: aws.String("films"),
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String("alias/films")},
			BucketKeyEnabled:                   aws.Bool(true),
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := get(); *r.ApplyServerSideEncryptionByDefault.KMSMasterKeyID != "alias/films" || !*r.BucketKeyEnabled {
		t.Errorf("after PutBucketEncryption the default is %+v", r)
	}
	out, err = put(awss3.PutObjectInput{})
	if err != nil || out.ServerSideEncryption != types.ServerSideEncryptionAwsKms || !*out.BucketKeyEnabled {
		t.Errorf("PutObject under the default = %+v, %v", out, err)
	}
	if _, err := c.DeleteBucketEncryption(ctx, &awss3.DeleteBucketEncryptionInput{Bucket: aws.String("films")}); err != nil {
		t.Fatal(err)
	}
	if r := get(); r.ApplyServerSideEncryptionByDefault.SSEAlgorithm != types.ServerSideEncryptionAes256 {
		t.Errorf("after DeleteBucketEncryption the default is %+v", r)
	}
}

func TestSDKPolicy(t *testing.T) {
	s := newServer(t, nil)
	s.bucket(t, "films")
	c := s.client()
	ctx := t.Context()
	const source = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::films/*"}}`
	_, err := c.GetBucketPolicy(ctx, &awss3.GetBucketPolicyInput{Bucket: aws.String("films")})
	wantCode(t, "GetBucketPolicy", err, "NoSuchBucketPolicy")
	_, err = c.PutBucketPolicy(ctx, &awss3.PutBucketPolicyInput{Bucket: aws.String("films"), Policy: aws.String("{}")})
	wantCode(t, "PutBucketPolicy of {}", err, "MalformedPolicy")
	public := &awss3.PutBucketPolicyInput{Bucket: aws.String("films"), Policy: aws.String(source)}
	_, err = c.PutBucketPolicy(ctx, public)
	wantCode(t, "a public PutBucketPolicy", err, "AccessDenied")
	if _, err := c.DeletePublicAccessBlock(ctx, &awss3.DeletePublicAccessBlockInput{Bucket: aws.String("films")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutBucketPolicy(ctx, public); err != nil {
		t.Fatal(err)
	}
	out, err := c.GetBucketPolicy(ctx, &awss3.GetBucketPolicyInput{Bucket: aws.String("films")})
	if err != nil || *out.Policy != source {
		t.Errorf("GetBucketPolicy = %+v, %v", out, err)
	}
	status, err := c.GetBucketPolicyStatus(ctx, &awss3.GetBucketPolicyStatusInput{Bucket: aws.String("films")})
	if err != nil || !*status.PolicyStatus.IsPublic {
		t.Errorf("GetBucketPolicyStatus = %+v, %v", status, err)
	}
	if _, err := c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("films"), Key: aws.String("k"), Body: strings.NewReader("x")}); err != nil {
		t.Fatal(err)
	}
	if resp := s.do(t, "GET", "/films/k", ""); resp.StatusCode != 200 {
		t.Errorf("anonymous GET under an open policy: %s", resp.Status)
	}
	if _, err := c.DeleteBucketPolicy(ctx, &awss3.DeleteBucketPolicyInput{Bucket: aws.String("films")}); err != nil {
		t.Fatal(err)
	}
	if resp := s.do(t, "GET", "/films/k", ""); resp.StatusCode != 403 {
		t.Errorf("anonymous GET without a policy: %s", resp.Status)
	}
}

func TestSDKStreamingUpload(t *testing.T) {
	s := newServer(t, nil)
	s.bucket(t, "films")
	want := content(300_000)
	c := s.client()
	for _, algorithm := range types.ChecksumAlgorithm("").Values() {
		key := string(algorithm)
		_, err := c.PutObject(t.Context(), &awss3.PutObjectInput{
			Bucket: aws.String("films"), Key: &key, Body: bytes.NewReader(want), ChecksumAlgorithm: algorithm,
		}, awss3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware))
		switch algorithm {
		case types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmCrc64nvme, types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256:
			if err != nil {
				t.Errorf("PutObject with %s = %v", algorithm, err)
				continue
			}
			out, err := c.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("films"), Key: &key})
			if err != nil {
				t.Fatal(err)
			}
			// The SDK verifies the checksum itself.
			if b, err := io.ReadAll(out.Body); err != nil || !bytes.Equal(b, want) {
				t.Errorf("%s: read %d bytes, %v", algorithm, len(b), err)
			}
		}
	}
}

func TestSDKPresigned(t *testing.T) {
	s := newServer(t, nil)
	s.bucket(t, "films")
	p := awss3.NewPresignClient(s.client())
	put, err := p.PresignPutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("films"), Key: aws.String("a b")})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := http.NewRequest(put.Method, put.URL, strings.NewReader("hello"))
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.StatusCode != 200 {
		b, _ := io.ReadAll(resp.Body)
		t.Fatalf("presigned PUT: %v, %v %s", resp.Status, err, b)
	}
	get, err := p.PresignGetObject(t.Context(), &awss3.GetObjectInput{
		Bucket: aws.String("films"), Key: aws.String("a b"), ResponseContentType: aws.String("text/x-test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	resp, err = http.Get(get.URL)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || string(b) != "hello" || resp.Header.Get("Content-Type") != "text/x-test" {
		t.Errorf("presigned GET: %s, %q, %v", resp.Status, b, resp.Header)
	}
	resp, err = http.Get(get.URL + "x")
	if err != nil || resp.StatusCode != 403 {
		t.Errorf("presigned GET with another signature: %v, %v", resp.Status, err)
	}
}

func TestSDKRegions(t *testing.T) {
	s := newServer(t, nil)
	ctx := t.Context()
	abroad := s.client(func(o *awss3.Options) { o.Region = "eu-west-1" })
	in := &awss3.CreateBucketInput{
		Bucket:                    aws.String("filme"),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraintEuWest1},
	}
	if _, err := abroad.CreateBucket(ctx, in); err != nil {
		t.Fatal(err)
	}
	_, err := abroad.CreateBucket(ctx, in)
	wantCode(t, "CreateBucket again", err, "BucketAlreadyOwnedByYou")
	c := s.client()
	_, err = c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("b_d")})
	wantCode(t, "CreateBucket of a bad name", err, "InvalidBucketName")
	_, err = c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("filme")})
	wantCode(t, "ListObjectsV2 in another region", err, "AuthorizationHeaderMalformed")
	location, err := c.GetBucketLocation(ctx, &awss3.GetBucketLocationInput{Bucket: aws.String("filme")})
	if err != nil || location.LocationConstraint != types.BucketLocationConstraintEuWest1 {
		t.Errorf("GetBucketLocation = %+v, %v", location, err)
	}
	list, err := c.ListBuckets(ctx, &awss3.ListBucketsInput{})
	if err != nil || len(list.Buckets) != 1 || *list.Buckets[0].BucketRegion != "eu-west-1" {
		t.Errorf("ListBuckets = %+v, %v", list, err)
	}
}
