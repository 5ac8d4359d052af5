package keyfronttest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/keyfront-project/keyfront/keyfronttest"
	"github.com/keyfront-project/keyfront/signedurl"
)

// Five lines are enough to test code that calls the key service.
func ExampleStart() {
	t := newT() // in a test: func TestKeys(t *testing.T)
	defer t.end()

	srv := keyfronttest.Start(t)
	keys := kms.NewFromConfig(srv.AWSConfig())
	out, err := keys.CreateKey(t.Context(), &kms.CreateKeyInput{KeySpec: kmstypes.KeySpecEccNistP256, KeyUsage: kmstypes.KeyUsageTypeSignVerify})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(out.KeyMetadata.SigningAlgorithms)
	// Output: [ECDSA_SHA_256]
}

// A caller who is not the root user may what policies say, so a test can want
// that its own policy suffices, or that it does not.
func ExampleServer_AWSConfig() {
	t := newT()
	defer t.end()

	srv := keyfronttest.Start(t)
	root := srv.AWSConfig()
	users, ada := iam.NewFromConfig(root), aws.String("ada")
	_, err := users.CreateUser(t.Context(), &iam.CreateUserInput{UserName: ada})
	t.must(err)
	_, err = users.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: ada, PolicyName: aws.String("encrypts"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:Encrypt","Resource":"*"}}`)})
	t.must(err)
	access, err := users.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: ada})
	t.must(err)
	key, err := kms.NewFromConfig(root).CreateKey(t.Context(), &kms.CreateKeyInput{})
	t.must(err)

	cfg := root.Copy()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*access.AccessKey.AccessKeyId, *access.AccessKey.SecretAccessKey, "")
	hers := kms.NewFromConfig(cfg)
	sealed, err := hers.Encrypt(t.Context(), &kms.EncryptInput{KeyId: key.KeyMetadata.KeyId, Plaintext: []byte("a secret")})
	fmt.Println("encrypt:", err)
	_, err = hers.Decrypt(t.Context(), &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob})
	var denied smithy.APIError
	fmt.Println("decrypt:", errors.As(err, &denied) && denied.ErrorCode() == "AccessDeniedException")
	// Output:
	// encrypt: <nil>
	// decrypt: true
}

// Whatever expires does so without waiting.
func ExampleServer_Advance() {
	t := newT()
	defer t.end()

	srv := keyfronttest.Start(t)
	files := s3.NewFromConfig(srv.AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true })
	bucket, name := aws.String("films"), aws.String("a.txt")
	_, err := files.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket})
	t.must(err)
	_, err = files.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: name})
	t.must(err)
	link, err := s3.NewPresignClient(files).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: name}, s3.WithPresignExpires(time.Hour))
	t.must(err)

	for range 2 {
		res, err := http.Get(link.URL)
		t.must(err)
		res.Body.Close()
		fmt.Println(res.StatusCode)
		srv.Advance(2 * time.Hour)
	}
	// Output:
	// 200
	// 403
}

// A viewer comes in by a signed URL, until it expires.
func ExampleServer_Viewer() {
	t := newT()
	defer t.end()

	srv := keyfronttest.Start(t)
	api := cloudfront.NewFromConfig(srv.AWSConfig())
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	t.must(err)
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	t.must(err)
	key, err := api.CreatePublicKey(t.Context(), &cloudfront.CreatePublicKeyInput{PublicKeyConfig: &cftypes.PublicKeyConfig{
		CallerReference: aws.String("1"), Name: aws.String("links"),
		EncodedKey: aws.String(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))),
	}})
	t.must(err)
	group, err := api.CreateKeyGroup(t.Context(), &cloudfront.CreateKeyGroupInput{KeyGroupConfig: &cftypes.KeyGroupConfig{
		Name: aws.String("links"), Items: []string{*key.PublicKey.Id},
	}})
	t.must(err)

	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "a film") }))
	defer origin.Close()
	port := origin.Listener.Addr().(*net.TCPAddr).Port
	made, err := api.CreateDistribution(t.Context(), &cloudfront.CreateDistributionInput{DistributionConfig: &cftypes.DistributionConfig{
		CallerReference: aws.String("1"), Comment: aws.String("films"), Enabled: aws.Bool(true),
		Origins: &cftypes.Origins{Quantity: aws.Int32(1), Items: []cftypes.Origin{{
			Id: aws.String("films"), DomainName: aws.String("localhost"), CustomOriginConfig: &cftypes.CustomOriginConfig{
				HTTPPort: aws.Int32(int32(port)), HTTPSPort: aws.Int32(443), OriginProtocolPolicy: cftypes.OriginProtocolPolicyHttpOnly,
			},
		}}},
		DefaultCacheBehavior: &cftypes.DefaultCacheBehavior{
			TargetOriginId: aws.String("films"), ViewerProtocolPolicy: cftypes.ViewerProtocolPolicyAllowAll,
			CachePolicyId:    aws.String("658327ea-f89d-4fab-a63d-7e88639e58f6"), // CachingOptimized
			TrustedKeyGroups: &cftypes.TrustedKeyGroups{Enabled: aws.Bool(true), Quantity: aws.Int32(1), Items: []string{*group.KeyGroup.Id}},
		},
	}})
	t.must(err)

	signer, err := signedurl.NewSigner(signedurl.KeyID(*key.PublicKey.Id), private, &signedurl.SignerOptions{Hash: signedurl.SHA256})
	t.must(err)
	plain := "http://" + *made.Distribution.DomainName + "/film.mp4"
	link, err := signer.Sign(t.Context(), plain, signedurl.Policy{Expires: srv.Now().Add(time.Hour)})
	t.must(err)
	show := func(what, url string) {
		res, err := srv.Viewer().Get(url)
		t.must(err)
		res.Body.Close()
		fmt.Println(what+":", res.StatusCode)
	}
	show("unsigned", plain)
	show("signed", link)
	srv.Advance(2 * time.Hour)
	show("two hours later", link)
	// Output:
	// unsigned: 403
	// signed: 200
	// two hours later: 403
}

// exampleT stands for the *testing.T of a test, which an example has not.
type exampleT struct {
	testing.TB
	cleanups []func()
}

func newT() *exampleT { return &exampleT{} }

func (t *exampleT) Helper()                  {}
func (t *exampleT) Context() context.Context { return context.Background() }
func (t *exampleT) Cleanup(f func())         { t.cleanups = append(t.cleanups, f) }
func (t *exampleT) Fatal(args ...any)        { panic(fmt.Sprint(args...)) }

func (t *exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (t *exampleT) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func (t *exampleT) TempDir() string {
	dir, err := os.MkdirTemp("", "keyfronttest-"+strconv.Itoa(os.Getpid()))
	t.must(err)
	t.Cleanup(func() { t.must(os.RemoveAll(dir)) })
	return dir
}

func (t *exampleT) must(err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func (t *exampleT) end() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}
