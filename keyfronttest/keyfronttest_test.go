package keyfronttest_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/cloudfront/sign"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/keyfront-project/keyfront/keyfronttest"
)

// site is a private bucket behind a distribution that trusts one signing key.
type site struct {
	*keyfronttest.Server
	kms  *kms.Client
	s3   *s3.Client
	cf   *cloudfront.Client
	http *http.Client

	keyARN, bucket, keyID, group, base, distributionARN, distributionID string
	encryptedKey                                                        []byte
}

func clients(srv *keyfronttest.Server) *site {
	return &site{
		Server: srv, kms: kms.NewFromConfig(srv.AWSConfig()), cf: cloudfront.NewFromConfig(srv.AWSConfig()),
		s3: s3.NewFromConfig(srv.AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true }), http: srv.Viewer(),
	}
}

// publish sets up the whole journey with the AWS SDK for Go.
func publish(t *testing.T, srv *keyfronttest.Server) *site {
	t.Helper()
	ctx, s := t.Context(), clients(srv)
	t.Cleanup(s.http.CloseIdleConnections)
	s.bucket = "films"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := s.kms.CreateKey(ctx, &kms.CreateKeyInput{})
	must(err)
	s.keyARN = *key.KeyMetadata.Arn
	pair, err := s.kms.GenerateDataKeyPairWithoutPlaintext(ctx, &kms.GenerateDataKeyPairWithoutPlaintextInput{
		KeyId: &s.keyARN, KeyPairSpec: kmstypes.DataKeyPairSpecRsa2048, EncryptionContext: map[string]string{"USE": "CF"},
	})
	must(err)
	s.encryptedKey = pair.PrivateKeyCiphertextBlob
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pair.PublicKey}))
	pub, err := s.cf.CreatePublicKey(ctx, &cloudfront.CreatePublicKeyInput{PublicKeyConfig: &cftypes.PublicKeyConfig{
		CallerReference: aws.String("1"), Name: aws.String("k"), EncodedKey: &text,
	}})
	must(err)
	s.keyID = *pub.PublicKey.Id
	group, err := s.cf.CreateKeyGroup(ctx, &cloudfront.CreateKeyGroupInput{KeyGroupConfig: &cftypes.KeyGroupConfig{Name: aws.String("g"), Items: []string{s.keyID}}})
	must(err)
	s.group = *group.KeyGroup.Id

	_, err = s.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &s.bucket})
	must(err)
	_, err = s.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
		Bucket: &s.bucket,
		ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{Rules: []s3types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAwsKms, KMSMasterKeyID: &s.keyARN},
		}}},
	})
	must(err)
	oac, err := s.cf.CreateOriginAccessControl(ctx, &cloudfront.CreateOriginAccessControlInput{OriginAccessControlConfig: &cftypes.OriginAccessControlConfig{
		Name: aws.String("oac"), OriginAccessControlOriginType: "s3", SigningBehavior: "always", SigningProtocol: "sigv4",
	}})
	must(err)
	dist, err := s.cf.CreateDistribution(ctx, &cloudfront.CreateDistributionInput{DistributionConfig: &cftypes.DistributionConfig{
		CallerReference: aws.String("1"), Comment: aws.String(""), Enabled: aws.Bool(true),
		Origins: &cftypes.Origins{Quantity: aws.Int32(1), Items: []cftypes.Origin{{
			Id: aws.String("b"), DomainName: aws.String(s.bucket + ".s3.us-east-1.amazonaws.com"), OriginAccessControlId: oac.OriginAccessControl.Id,
			S3OriginConfig: &cftypes.S3OriginConfig{OriginAccessIdentity: aws.String("")},
		}}},
		DefaultCacheBehavior: &cftypes.DefaultCacheBehavior{
			TargetOriginId: aws.String("b"), ViewerProtocolPolicy: "allow-all", CachePolicyId: aws.String("658327ea-f89d-4fab-a63d-7e88639e58f6"),
			TrustedKeyGroups: &cftypes.TrustedKeyGroups{Enabled: aws.Bool(true), Quantity: aws.Int32(1), Items: []string{s.group}},
		},
	}})
	must(err)
	s.distributionARN, s.distributionID = *dist.Distribution.ARN, *dist.Distribution.Id
	s.base = "http://" + *dist.Distribution.DomainName
	must(s.allow(ctx, s.distributionARN))
	return s
}

// allow makes distribution the only reader beside the account.
func (s *site) allow(ctx context.Context, distribution string) error {
	reader := `"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Condition":{"StringEquals":{"AWS:SourceArn":"` + distribution + `"}}`
	if _, err := s.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &s.bucket, Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{` + reader + `,"Action":"s3:GetObject","Resource":"arn:aws:s3:::` + s.bucket + `/*"}]}`)}); err != nil {
		return err
	}
	_, err := s.kms.PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: &s.keyARN, Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + s.Account + `:root"},"Action":"kms:*","Resource":"*"},` +
			`{` + reader + `,"Action":"kms:Decrypt","Resource":"*"}]}`)})
	return err
}

func (s *site) put(t *testing.T, key string, body []byte) {
	t.Helper()
	if _, err := s.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &s.bucket, Key: &key, Body: bytes.NewReader(body)}); err != nil {
		t.Fatal(err)
	}
}

// privateKey decrypts the signing key, as a caller that may.
func (s *site) privateKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	out, err := s.kms.Decrypt(t.Context(), &kms.DecryptInput{CiphertextBlob: s.encryptedKey, EncryptionContext: map[string]string{"USE": "CF"}})
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKCS8PrivateKey(out.Plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}

func (s *site) get(t *testing.T, url string, header http.Header) (status int, xcache, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	res, err := s.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("X-Cache"), string(b)
}

func TestPrivateContentBySDK(t *testing.T) {
	s := publish(t, keyfronttest.Start(t))
	film := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	s.put(t, "dir/film.bin", film)
	url, until := s.base+"/dir/film.bin", s.Now().Add(time.Hour)
	signer := sign.NewURLSigner(s.keyID, s.privateKey(t))
	signed, err := signer.Sign(url, until)
	if err != nil {
		t.Fatal(err)
	}

	if status, _, body := s.get(t, url, nil); status != 403 || !strings.Contains(body, "<Code>MissingKey</Code>") {
		t.Errorf("unsigned = %d %s", status, body)
	}
	if status, xcache, body := s.get(t, signed, nil); status != 200 || body != string(film) || xcache != "Miss from cloudfront" {
		t.Errorf("signed = %d %s, %d bytes, want %d", status, xcache, len(body), len(film))
	}
	if status, xcache, _ := s.get(t, signed, nil); status != 200 || xcache != "Hit from cloudfront" {
		t.Errorf("signed again = %d %s", status, xcache)
	}
	if status, _, body := s.get(t, signed, http.Header{"Range": {"bytes=65530-65545"}}); status != 206 || body != string(film[65530:65546]) {
		t.Errorf("range = %d %q", status, body)
	}
	cookies, err := sign.NewCookieSigner(s.keyID, s.privateKey(t)).Sign(s.base+"/dir/*", until)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	for _, c := range cookies {
		header.Add("Cookie", c.Name+"="+c.Value)
	}
	if status, _, body := s.get(t, url, header); status != 200 || body != string(film) {
		t.Errorf("by cookies = %d, %d bytes", status, len(body))
	}

	s.Advance(2 * time.Hour)
	if status, _, body := s.get(t, signed, nil); status != 403 || !strings.Contains(body, "<Code>AccessDenied</Code><Message>Access denied</Message>") {
		t.Errorf("after its time = %d %s", status, body)
	}
}

func TestOnlyTheNamedDistributionReads(t *testing.T) {
	s := publish(t, keyfronttest.Start(t))
	s.put(t, "film", []byte("film"))
	signed, err := sign.NewURLSigner(s.keyID, s.privateKey(t)).Sign(s.base+"/film", s.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.allow(t.Context(), "arn:aws:cloudfront::"+s.Account+":distribution/EANOTHER00000"); err != nil {
		t.Fatal(err)
	}
	if status, _, body := s.get(t, signed, nil); status != 403 || body == "film" {
		t.Errorf("through a distribution that no policy names = %d %s", status, body)
	}
	if res, err := http.Get(s.APIURL + "/films/film"); err != nil || res.StatusCode != 403 {
		t.Errorf("past the edge, unsigned = %v %v", res, err)
	}
}

func TestDisabledKeyStopsTheOrigin(t *testing.T) {
	s := publish(t, keyfronttest.Start(t))
	s.put(t, "film", []byte("film"))
	signed, err := sign.NewURLSigner(s.keyID, s.privateKey(t)).Sign(s.base+"/film", s.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.kms.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: &s.keyARN}); err != nil {
		t.Fatal(err)
	}
	if status, _, body := s.get(t, signed, nil); status < 400 || body == "film" {
		t.Errorf("object under a disabled key = %d %s", status, body)
	}
	_, err = s.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &s.bucket, Key: aws.String("film")})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "KMS.DisabledException" {
		t.Errorf("GetObject = %v, want KMS.DisabledException", err)
	}
}

func TestStateOnDiskOutlivesTheServer(t *testing.T) {
	dir := t.TempDir()
	srv := keyfronttest.Start(t, keyfronttest.OnDisk(dir))
	s := publish(t, srv)
	s.put(t, "film", []byte("film"))
	private := s.privateKey(t)
	if err := srv.Stop(); err != nil {
		t.Fatal(err)
	}
	again := clients(keyfronttest.Start(t, keyfronttest.OnDisk(dir)))
	if again.AccessKeyID != srv.AccessKeyID {
		t.Errorf("root access key %s, want %s", again.AccessKeyID, srv.AccessKeyID)
	}
	signed, err := sign.NewURLSigner(s.keyID, private).Sign(s.base+"/film", again.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if status, _, body := again.get(t, signed, nil); status != 200 || body != "film" {
		t.Errorf("after a restart = %d %s", status, body)
	}
}

// SDKs go on when the clock was moved, on and back.
func TestCallsAfterAdvance(t *testing.T) {
	srv := keyfronttest.Start(t)
	cfg := srv.AWSConfig()
	keys, objects, files := kms.NewFromConfig(cfg), s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }), cloudfront.NewFromConfig(cfg)
	for _, d := range []time.Duration{0, 90 * 24 * time.Hour, -91 * 24 * time.Hour} {
		srv.Advance(d)
		_, err := keys.CreateKey(t.Context(), &kms.CreateKeyInput{})
		if _, listed := objects.ListBuckets(t.Context(), &s3.ListBucketsInput{}); err == nil {
			err = listed
		}
		if _, listed := files.ListDistributions(t.Context(), &cloudfront.ListDistributionsInput{}); err == nil {
			err = listed
		}
		if err != nil {
			t.Errorf("after a move by %v: %v", d, err)
		}
	}
}

func TestCallerIdentity(t *testing.T) {
	srv := keyfronttest.Start(t)
	out, err := sts.NewFromConfig(srv.AWSConfig()).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "arn:aws:iam::" + srv.Account + ":root"; *out.Arn != want {
		t.Errorf("Arn = %s, want %s", *out.Arn, want)
	}
}
