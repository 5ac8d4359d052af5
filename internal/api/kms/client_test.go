package kms_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/keyfront-project/keyfront/internal/api/front"
	kmsdoor "github.com/keyfront-project/keyfront/internal/api/kms"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// client is the real SDK's client of a server that has only our door.
func client(t *testing.T) *kms.Client {
	t.Helper()
	w := newWorld(t)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, kmsdoor.MaxBodyBytes))
		request := &front.Request{Request: r, ID: "id", Caller: caller(), Body: body}
		switch {
		case err != nil:
			w.door.Refuse(rw, request, front.ErrBodyTooLarge)
		case !strings.Contains(r.Header.Get("Authorization"), "/us-east-1/kms/aws4_request"):
			w.door.Refuse(rw, request, &sigv4.ScopeError{Field: "region", Want: "us-east-1"})
		default:
			w.door.Serve(rw, request)
		}
	}))
	t.Cleanup(server.Close)
	return kms.New(kms.Options{
		Region: "us-east-1", BaseEndpoint: &server.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "secret"}, nil
		}),
		RetryMaxAttempts: 1,
	})
}

func TestSDKEncryption(t *testing.T) {
	c, ctx := client(t), t.Context()
	key := must(c.CreateKey(ctx, &kms.CreateKeyInput{Description: aws.String("d"), Tags: []types.Tag{{TagKey: aws.String("a"), TagValue: aws.String("b")}}})).KeyMetadata
	if key.KeyState != types.KeyStateEnabled || !key.Enabled || time.Since(*key.CreationDate).Abs() > time.Hour || key.KeyManager != types.KeyManagerTypeCustomer {
		t.Errorf("CreateKey = %+v", key)
	}
	must(c.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String("alias/app"), TargetKeyId: key.KeyId}))
	bind := map[string]string{"who": "me", "what": "test"}
	sealed := must(c.Encrypt(ctx, &kms.EncryptInput{KeyId: aws.String("alias/app"), Plaintext: []byte("secret"), EncryptionContext: bind}))
	opened := must(c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: bind}))
	if string(opened.Plaintext) != "secret" || *opened.KeyId != *key.Arn || *opened.KeyMaterialId != *key.CurrentKeyMaterialId {
		t.Errorf("Decrypt = %+v", opened)
	}

	_, err := c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob})
	var bad *types.InvalidCiphertextException
	if !errors.As(err, &bad) || bad.Message != nil && *bad.Message != "" {
		t.Errorf("Decrypt without its context = %v", err)
	}
	dataKey := must(c.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{KeyId: key.Arn, KeySpec: types.DataKeySpecAes128}))
	opened = must(c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: dataKey.CiphertextBlob, KeyId: key.KeyId}))
	if len(dataKey.Plaintext) != 16 || !bytes.Equal(dataKey.Plaintext, opened.Plaintext) {
		t.Errorf("GenerateDataKey = %d bytes", len(dataKey.Plaintext))
	}
	second := must(c.CreateKey(ctx, &kms.CreateKeyInput{})).KeyMetadata
	moved := must(c.ReEncrypt(ctx, &kms.ReEncryptInput{CiphertextBlob: sealed.CiphertextBlob, SourceEncryptionContext: bind, DestinationKeyId: second.KeyId}))
	opened = must(c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: moved.CiphertextBlob}))
	if string(opened.Plaintext) != "secret" || *opened.KeyId != *second.Arn {
		t.Errorf("Decrypt after ReEncrypt = %+v", opened)
	}

	must(c.DisableKey(ctx, &kms.DisableKeyInput{KeyId: key.KeyId}))
	_, err = c.Encrypt(ctx, &kms.EncryptInput{KeyId: key.KeyId, Plaintext: []byte("x")})
	var disabled *types.DisabledException
	if !errors.As(err, &disabled) || *disabled.Message != *key.Arn+" is disabled." {
		t.Errorf("Encrypt with a disabled key = %v", err)
	}
	scheduled := must(c.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: key.KeyId, PendingWindowInDays: aws.Int32(7)}))
	if scheduled.KeyState != types.KeyStatePendingDeletion || time.Until(*scheduled.DeletionDate) > 7*24*time.Hour || time.Until(*scheduled.DeletionDate) < 6*24*time.Hour {
		t.Errorf("ScheduleKeyDeletion = %+v", scheduled)
	}
}

func TestSDKSigning(t *testing.T) {
	c, ctx := client(t), t.Context()
	key := must(c.CreateKey(ctx, &kms.CreateKeyInput{KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify})).KeyMetadata
	digest := sha256.Sum256([]byte("message"))
	signed := must(c.Sign(ctx, &kms.SignInput{
		KeyId: key.KeyId, Message: digest[:], MessageType: types.MessageTypeDigest, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	}))
	public, err := x509.ParsePKIXPublicKey(must(c.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: key.KeyId})).PublicKey)
	if err != nil || !ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), digest[:], signed.Signature) {
		t.Errorf("the signature does not verify outside: %v", err)
	}
	verify := &kms.VerifyInput{KeyId: key.KeyId, Message: []byte("message"), Signature: signed.Signature, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256}
	if !must(c.Verify(ctx, verify)).SignatureValid {
		t.Error("SignatureValid is false")
	}
	verify.Message = []byte("another")
	_, err = c.Verify(ctx, verify)
	var wrong *types.KMSInvalidSignatureException
	if !errors.As(err, &wrong) {
		t.Errorf("Verify of another message = %v", err)
	}
}

func TestSDKImports(t *testing.T) {
	c, ctx := client(t), t.Context()
	key := must(c.CreateKey(ctx, &kms.CreateKeyInput{Origin: types.OriginTypeExternal})).KeyMetadata
	parameters := must(c.GetParametersForImport(ctx, &kms.GetParametersForImportInput{
		KeyId: key.KeyId, WrappingAlgorithm: types.AlgorithmSpecRsaesOaepSha256, WrappingKeySpec: types.WrappingKeySpecRsa2048,
	}))
	public := must(x509.ParsePKIXPublicKey(parameters.PublicKey)).(*rsa.PublicKey)
	wrapped := must(rsa.EncryptOAEP(sha256.New(), rand.Reader, public, make([]byte, 32), nil))
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	imported := must(c.ImportKeyMaterial(ctx, &kms.ImportKeyMaterialInput{
		KeyId: key.KeyId, ImportToken: parameters.ImportToken, EncryptedKeyMaterial: wrapped, ValidTo: &until, KeyMaterialDescription: aws.String("mine"),
	}))
	got := must(c.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: key.KeyId})).KeyMetadata
	if got.KeyState != types.KeyStateEnabled || got.ExpirationModel != types.ExpirationModelTypeKeyMaterialExpires || !got.ValidTo.Equal(until) || *got.CurrentKeyMaterialId != *imported.KeyMaterialId {
		t.Errorf("DescribeKey = %+v", got)
	}
	all := must(c.ListKeyRotations(ctx, &kms.ListKeyRotationsInput{KeyId: key.KeyId, IncludeKeyMaterial: types.IncludeKeyMaterialAllKeyMaterial})).Rotations
	if len(all) != 1 || all[0].ImportState != types.ImportStateImported || *all[0].KeyMaterialDescription != "mine" || !all[0].ValidTo.Equal(until) || all[0].KeyMaterialState != types.KeyMaterialStateCurrent {
		t.Errorf("ListKeyRotations = %+v", all)
	}
	if out := must(c.DeleteImportedKeyMaterial(ctx, &kms.DeleteImportedKeyMaterialInput{KeyId: key.KeyId})); *out.KeyMaterialId != *imported.KeyMaterialId {
		t.Errorf("DeleteImportedKeyMaterial = %+v", out)
	}
}

func TestSDKPaginates(t *testing.T) {
	c, ctx := client(t), t.Context()
	for range 5 {
		must(c.CreateKey(ctx, &kms.CreateKeyInput{}))
	}
	seen := make(map[string]bool)
	pages := kms.NewListKeysPaginator(c, &kms.ListKeysInput{Limit: aws.Int32(2)})
	for pages.HasMorePages() {
		for _, k := range must(pages.NextPage(ctx)).Keys {
			seen[*k.KeyId] = true
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d keys, want 5", len(seen))
	}
}

func TestSDKErrors(t *testing.T) {
	c, ctx := client(t), t.Context()
	_, err := c.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String("alias/none")})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "NotFoundException" || api.ErrorMessage() != "Alias arn:aws:kms:us-east-1:111122223333:alias/none is not found." {
		t.Errorf("DescribeKey = %v", err)
	}
	_, err = c.DescribeCustomKeyStores(ctx, &kms.DescribeCustomKeyStoresInput{})
	if !errors.As(err, &api) || api.ErrorCode() != "UnsupportedOperationException" {
		t.Errorf("DescribeCustomKeyStores = %v", err)
	}
	_, err = c.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String("x")}, func(o *kms.Options) { o.Region = "eu-west-1" })
	if !errors.As(err, &api) || api.ErrorCode() != "InvalidSignatureException" {
		t.Errorf("DescribeKey signed for another region = %v", err)
	}
}

// must is the value of a call that has to succeed; otherwise the test ends.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
