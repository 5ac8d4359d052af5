package server_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/keyfront-project/keyfront/keyfronttest"
)

// user makes a user and returns a KMS client with its key, and its unique id.
func user(t *testing.T, srv *keyfronttest.Server, name string) (*kms.Client, string) {
	t.Helper()
	admin := iam.NewFromConfig(srv.AWSConfig())
	u, err := admin.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	key, err := admin.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	cfg := srv.AWSConfig()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
	return kms.NewFromConfig(cfg), *u.User.UserId
}

func deleteUser(t *testing.T, srv *keyfronttest.Server, name string) {
	t.Helper()
	admin := iam.NewFromConfig(srv.AWSConfig())
	keys, err := admin.ListAccessKeys(t.Context(), &iam.ListAccessKeysInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys.AccessKeyMetadata {
		if _, err := admin.DeleteAccessKey(t.Context(), &iam.DeleteAccessKeyInput{UserName: &name, AccessKeyId: k.AccessKeyId}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := admin.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: &name}); err != nil {
		t.Fatal(err)
	}
}

func errorCode(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// A key policy means the user that it named when it was put, not a later one of
// the same name.
func TestKeyPolicyMeansTheUserOfItsTime(t *testing.T) {
	dir := t.TempDir()
	srv := keyfronttest.Start(t, keyfronttest.OnDisk(dir))
	ann, id := user(t, srv, "ann")
	root := kms.NewFromConfig(srv.AWSConfig())
	document := func(name string) *string {
		return aws.String(`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + srv.Account + `:root"},"Action":"kms:*","Resource":"*"},
			{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + srv.Account + `:user/` + name + `"},"Action":"kms:Encrypt","Resource":"*"}]}`)
	}
	key, err := root.CreateKey(t.Context(), &kms.CreateKeyInput{Policy: document("ann")})
	if err != nil {
		t.Fatal(err)
	}
	encrypt := func(c *kms.Client) error {
		_, err := c.Encrypt(context.Background(), &kms.EncryptInput{KeyId: key.KeyMetadata.Arn, Plaintext: []byte("x")})
		return err
	}
	if err := encrypt(ann); err != nil {
		t.Errorf("the user that the policy names: %v", err)
	}
	_, err = root.PutKeyPolicy(t.Context(), &kms.PutKeyPolicyInput{KeyId: key.KeyMetadata.KeyId, Policy: document("nobody")})
	if errorCode(err) != "MalformedPolicyDocumentException" {
		t.Errorf("a policy that names nobody: %v", err)
	}
	deleteUser(t, srv, "ann")
	another, _ := user(t, srv, "ann")
	if code := errorCode(encrypt(another)); code != "AccessDeniedException" {
		t.Errorf("a later user of the same name: %q, want AccessDeniedException", code)
	}
	got, err := root.GetKeyPolicy(t.Context(), &kms.GetKeyPolicyInput{KeyId: key.KeyMetadata.KeyId})
	if err != nil || !strings.Contains(*got.Policy, id) || strings.Contains(*got.Policy, "user/ann") {
		t.Errorf("the policy reads %v, %v, want the id %s for the user that is gone", got, err, id)
	}

	// The ids are kept.
	if err := srv.Stop(); err != nil {
		t.Fatal(err)
	}
	srv = keyfronttest.Start(t, keyfronttest.OnDisk(dir))
	root = kms.NewFromConfig(srv.AWSConfig())
	got, err = root.GetKeyPolicy(t.Context(), &kms.GetKeyPolicyInput{KeyId: key.KeyMetadata.KeyId})
	if err != nil || !strings.Contains(*got.Policy, id) {
		t.Errorf("after a restart the policy reads %v, %v", got, err)
	}
}

// So does a grant.
func TestGrantMeansTheUserOfItsTime(t *testing.T) {
	srv := keyfronttest.Start(t)
	ann, _ := user(t, srv, "ann")
	root := kms.NewFromConfig(srv.AWSConfig())
	key, err := root.CreateKey(t.Context(), &kms.CreateKeyInput{})
	if err != nil {
		t.Fatal(err)
	}
	grant := func(name string) error {
		_, err := root.CreateGrant(t.Context(), &kms.CreateGrantInput{
			KeyId: key.KeyMetadata.KeyId, Operations: []types.GrantOperation{types.GrantOperationEncrypt},
			GranteePrincipal: aws.String("arn:aws:iam::" + srv.Account + ":user/" + name),
		})
		return err
	}
	if err := grant("ann"); err != nil {
		t.Fatal(err)
	}
	if code := errorCode(grant("nobody")); code != "InvalidArnException" {
		t.Errorf("a grant to nobody: %q, want InvalidArnException", code)
	}
	encrypt := func(c *kms.Client) error {
		_, err := c.Encrypt(context.Background(), &kms.EncryptInput{KeyId: key.KeyMetadata.Arn, Plaintext: []byte("x")})
		return err
	}
	if err := encrypt(ann); err != nil {
		t.Errorf("the grantee: %v", err)
	}
	deleteUser(t, srv, "ann")
	another, _ := user(t, srv, "ann")
	if code := errorCode(encrypt(another)); code != "AccessDeniedException" {
		t.Errorf("a later user of the same name: %q, want AccessDeniedException", code)
	}
}
