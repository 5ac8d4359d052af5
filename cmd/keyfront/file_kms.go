package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/keyfront-project/keyfront/internal/detached"
	"github.com/keyfront-project/keyfront/internal/keyfile"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// keyService is a KMS, ours or another. Each call ends after timeout, and its
// errors say what to do.
type keyService struct {
	client  *kms.Client
	timeout time.Duration
}

// keyService connects to the KMS that flags, variables and files name.
func (f *awsFlags) keyService(ctx context.Context) (*keyService, error) {
	client, err := f.kms(ctx)
	if err != nil {
		return nil, err
	}
	_, err = credentialsOf(ctx, aws.Config{Credentials: client.Options().Credentials})
	return &keyService{client, f.Timeout}, err
}

// call does one call under the timeout. An ARN knows its Region better than the
// environment does.
func (k *keyService) call(ctx context.Context, action, key string, do func(context.Context, func(*kms.Options)) error) error {
	limited, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	err := do(limited, func(o *kms.Options) {
		if name, err := arn.Parse(key); err == nil && name.Region != "" {
			o.Region = name.Region
		}
	})
	return explainCall(ctx, k.timeout, fmt.Sprintf("%s with key %s", action, key), kmsHints, err)
}

// hintUsage is about keys that are for something else.
const hintUsage = "sign and verify want a key of usage SIGN_VERIFY; seal and open one of ENCRYPT_DECRYPT or KEY_AGREEMENT; keypair create a symmetric one"

// kmsHints say what to do about the errors of KMS.
var kmsHints = map[string]string{
	"NotFoundException":             "check the key, AWS_REGION and the endpoint: keys live in one account and Region",
	"DisabledException":             "aws kms enable-key lets the key be used again",
	"KMSInvalidStateException":      "aws kms describe-key tells the state of the key",
	"InvalidKeyUsageException":      hintUsage,
	"UnsupportedOperationException": hintUsage,
	"IncorrectKeyException":         "the file was sealed under another key: leave --kms-key out to use the one that the file names",
	"InvalidCiphertextException":    "the file was changed, or made under another --encryption-context, or by another key service",
	"AccessDeniedException":         "the policy of the key and those of the caller must allow it; Keyfront tells the statement: keyfront why-denied REQUEST-ID",
	"ThrottlingException":           "the key service has too many calls: try again later",
}

// credentialHint is for all codes that say so.
const credentialHint = "the credentials are not known at this endpoint, or the clock is wrong: check AWS_ACCESS_KEY_ID, AWS_PROFILE and the endpoint"

var credentialCodes = map[string]bool{
	"UnrecognizedClientException": true, "InvalidSignatureException": true, "ExpiredTokenException": true, "InvalidClientTokenId": true,
	"IncompleteSignature": true, "SignatureDoesNotMatch": true, "InvalidAccessKeyId": true, "ExpiredToken": true, "RequestTimeTooSkewed": true, "MissingAuthenticationTokenException": true,
}

// explainCall turns an error of the SDK into one for people. ctx is the one before
// the timeout was put on it.
func explainCall(ctx context.Context, timeout time.Duration, what string, hints map[string]string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
	if problem, ok := errors.AsType[smithy.APIError](err); ok {
		hint := hints[problem.ErrorCode()]
		if credentialCodes[problem.ErrorCode()] {
			hint = credentialHint
		}
		request := ""
		var res *awshttp.ResponseError
		if errors.As(err, &res) && res.RequestID != "" {
			request = " (request " + res.RequestID + ")"
		}
		message := problem.ErrorMessage()
		if message == "" {
			message = "no more is told"
		}
		return hinted{&serviceError{problem, fmt.Sprintf("%s: %s: %s%s", what, problem.ErrorCode(), message, request)}, hint}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return hinted{
			fmt.Errorf("%s: no answer within %v", what, timeout),
			"is the service up, and the endpoint right (--endpoint, AWS_ENDPOINT_URL)? --timeout waits longer",
		}
	}
	// The SDK tells the story of its layers; the transport's own error is in it.
	if sent, ok := errors.AsType[*url.Error](err); ok {
		return hinted{fmt.Errorf("%s: %w", what, sent), "is the endpoint right (--endpoint, AWS_ENDPOINT_URL), and the service up?"}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// serviceError is an error of a service in words for people.
type serviceError struct {
	smithy.APIError
	text string
}

func (e *serviceError) Error() string { return e.text }
func (e *serviceError) Unwrap() error { return e.APIError }

// hasCode reports whether err is one of a service with this code.
func hasCode(err error, code string) bool {
	problem, ok := errors.AsType[smithy.APIError](err)
	return ok && problem.ErrorCode() == code
}

// kmsPublicKey is the public half of a KMS key.
type kmsPublicKey struct {
	key        crypto.PublicKey
	arn        string
	algorithms []string // for signing
}

func (k *keyService) publicKey(ctx context.Context, key string) (public kmsPublicKey, err error) {
	var out *kms.GetPublicKeyOutput
	err = k.call(ctx, "GetPublicKey", key, func(ctx context.Context, o func(*kms.Options)) (err error) {
		out, err = k.client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &key}, o)
		return err
	})
	if err != nil {
		return public, err
	}
	public = kmsPublicKey{arn: aws.ToString(out.KeyId)}
	for _, a := range out.SigningAlgorithms {
		public.algorithms = append(public.algorithms, string(a))
	}
	// A key that Go does not know can sign all the same: it stays nil.
	public.key, _ = keyfile.ParsePublic(out.PublicKey)
	return public, nil
}

// describe tells what a key is for.
func (k *keyService) describe(ctx context.Context, key string) (usage types.KeyUsageType, symmetric bool, err error) {
	err = k.call(ctx, "DescribeKey", key, func(ctx context.Context, o func(*kms.Options)) error {
		out, err := k.client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &key}, o)
		if err != nil {
			return err
		}
		usage, symmetric = out.KeyMetadata.KeyUsage, out.KeyMetadata.KeySpec == types.KeySpecSymmetricDefault
		return nil
	})
	return usage, symmetric, err
}

func (k *keyService) sign(ctx context.Context, key string, a detached.Algorithm, digest []byte) (signature []byte, err error) {
	err = k.call(ctx, "Sign", key, func(ctx context.Context, o func(*kms.Options)) error {
		out, err := k.client.Sign(ctx, &kms.SignInput{
			KeyId: &key, Message: digest, MessageType: types.MessageTypeDigest, SigningAlgorithm: types.SigningAlgorithmSpec(a),
		}, o)
		if err == nil {
			signature = out.Signature
		}
		return err
	})
	return signature, err
}

// verify returns detached.ErrInvalid about a signature that does not match.
func (k *keyService) verify(ctx context.Context, key string, a detached.Algorithm, digest, signature []byte) error {
	valid := false
	err := k.call(ctx, "Verify", key, func(ctx context.Context, o func(*kms.Options)) error {
		out, err := k.client.Verify(ctx, &kms.VerifyInput{
			KeyId: &key, Message: digest, MessageType: types.MessageTypeDigest, SigningAlgorithm: types.SigningAlgorithmSpec(a), Signature: signature,
		}, o)
		valid = err == nil && out.SignatureValid
		return err
	})
	if hasCode(err, "KMSInvalidSignatureException") || err == nil && !valid {
		return detached.ErrInvalid
	}
	return err
}

// DataKey implements sealedfile.DataKeys.
func (k *keyService) DataKey(ctx context.Context, key string, bind map[string]string) (plain sealed.Secret, wrapped []byte, keyARN string, err error) {
	var out *kms.GenerateDataKeyOutput
	err = k.call(ctx, "GenerateDataKey", key, func(ctx context.Context, o func(*kms.Options)) (err error) {
		out, err = k.client.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{
			KeyId: &key, KeySpec: types.DataKeySpecAes256, EncryptionContext: bind,
		}, o)
		return err
	})
	if err != nil {
		return sealed.Secret{}, nil, "", err
	}
	defer clear(out.Plaintext)
	return sealed.NewSecret(out.Plaintext), out.CiphertextBlob, aws.ToString(out.KeyId), nil
}

// Decrypt implements sealedfile.PrivateKeys.
func (k *keyService) Decrypt(ctx context.Context, key, algorithm string, ciphertext []byte, bind map[string]string) (plain sealed.Secret, err error) {
	err = k.call(ctx, "Decrypt", key, func(ctx context.Context, o func(*kms.Options)) error {
		out, err := k.client.Decrypt(ctx, &kms.DecryptInput{
			KeyId: &key, CiphertextBlob: ciphertext, EncryptionAlgorithm: types.EncryptionAlgorithmSpec(algorithm), EncryptionContext: bind,
		}, o)
		if err != nil {
			return err
		}
		defer clear(out.Plaintext)
		plain = sealed.NewSecret(out.Plaintext)
		return nil
	})
	return plain, err
}

// SharedSecret implements sealedfile.PrivateKeys.
func (k *keyService) SharedSecret(ctx context.Context, key string, peer []byte) (secret sealed.Secret, err error) {
	err = k.call(ctx, "DeriveSharedSecret", key, func(ctx context.Context, o func(*kms.Options)) error {
		out, err := k.client.DeriveSharedSecret(ctx, &kms.DeriveSharedSecretInput{
			KeyId: &key, KeyAgreementAlgorithm: types.KeyAgreementAlgorithmSpecEcdh, PublicKey: peer,
		}, o)
		if err != nil {
			return err
		}
		defer clear(out.SharedSecret)
		secret = sealed.NewSecret(out.SharedSecret)
		return nil
	})
	return secret, err
}
