package kms_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/keyfront-project/keyfront/keyfronttest"
)

// A whole server: grants to a user and to a role, whose credentials come from
// IAM and STS, in two regions, until the key's end.
func TestGrantsOnAServer(t *testing.T) {
	srv := keyfronttest.Start(t)
	ctx, config := t.Context(), srv.AWSConfig()
	root := kms.NewFromConfig(config)
	users := iam.NewFromConfig(config)
	as := func(id, secret, token string) *kms.Client {
		c := config.Copy()
		c.Credentials = credentials.NewStaticCredentialsProvider(id, secret, token)
		return kms.NewFromConfig(c)
	}
	user := must(users.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("app")})).User
	access := must(users.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: user.UserName})).AccessKey
	role := must(users.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("worker"), AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + *user.Arn + `"},"Action":"sts:AssumeRole"}}`)})).Role
	asUser := config.Copy()
	asUser.Credentials = credentials.NewStaticCredentialsProvider(*access.AccessKeyId, *access.SecretAccessKey, "")
	session := must(sts.NewFromConfig(asUser).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: role.Arn, RoleSessionName: aws.String("one")})).Credentials

	key := must(root.CreateKey(ctx, &kms.CreateKeyInput{MultiRegion: aws.Bool(true)})).KeyMetadata
	for name, who := range map[string]struct {
		arn    *string
		client *kms.Client
	}{
		"user": {user.Arn, as(*access.AccessKeyId, *access.SecretAccessKey, "")},
		"role": {role.Arn, as(*session.AccessKeyId, *session.SecretAccessKey, *session.SessionToken)},
	} {
		encrypt := func() error {
			_, err := who.client.Encrypt(ctx, &kms.EncryptInput{KeyId: key.Arn, Plaintext: []byte("x"), EncryptionContext: map[string]string{"a": "b"}})
			return err
		}
		var api smithy.APIError
		if err := encrypt(); !errors.As(err, &api) || api.ErrorCode() != "AccessDeniedException" {
			t.Errorf("%s before the grant: %v", name, err)
		}
		grant := must(root.CreateGrant(ctx, &kms.CreateGrantInput{
			KeyId: key.KeyId, GranteePrincipal: who.arn, Operations: []types.GrantOperation{types.GrantOperationEncrypt, types.GrantOperationRetireGrant},
			Constraints: &types.GrantConstraints{EncryptionContextEquals: map[string]string{"a": "b"}},
		}))
		if err := encrypt(); err != nil {
			t.Errorf("%s with the grant: %v", name, err)
		}
		if _, err := who.client.RetireGrant(ctx, &kms.RetireGrantInput{GrantToken: grant.GrantToken}); err != nil {
			t.Errorf("%s retires the grant: %v", name, err)
		}
		if err := encrypt(); !errors.As(err, &api) || api.ErrorCode() != "AccessDeniedException" {
			t.Errorf("%s after the grant: %v", name, err)
		}
	}

	// What is encrypted here opens there.
	blob := must(root.Encrypt(ctx, &kms.EncryptInput{KeyId: key.KeyId, Plaintext: []byte("x")})).CiphertextBlob
	must(root.ReplicateKey(ctx, &kms.ReplicateKeyInput{KeyId: key.KeyId, ReplicaRegion: aws.String("eu-central-1")}))
	must(root.UpdatePrimaryRegion(ctx, &kms.UpdatePrimaryRegionInput{KeyId: key.KeyId, PrimaryRegion: aws.String("eu-central-1")}))
	config.Region = "eu-central-1"
	if opened := must(kms.NewFromConfig(config).Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: blob})); string(opened.Plaintext) != "x" {
		t.Errorf("Decrypt there = %q", opened.Plaintext)
	}
}
