// Package kmssigner makes a crypto.Signer of a key that never leaves its key
// service: AWS KMS, or any that speaks its protocol, as Keyfront does.
//
//	key, err := kmssigner.New(ctx, kms.NewFromConfig(cfg), "alias/links", nil)
//	signer, err := signedurl.NewSigner("K2JCJMDEHXQW5F", key, &signedurl.SignerOptions{Hash: signedurl.SHA256})
//
// Keys are RSA_2048 and ECC_NIST_P256 of usage SIGN_VERIFY, the hash is SHA-256:
// what CloudFront takes from a key service.
//
// Source: AWS KMS API Reference, GetPublicKey and Sign.
package kmssigner

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

var (
	// ErrKey is wrapped by errors about a key that is not one of those that the
	// package signs with.
	ErrKey = errors.New("kmssigner: unusable key")
	// ErrSignature says that what the key service answered is no signature by
	// the key that it named before.
	ErrSignature = errors.New("kmssigner: the key service answered a signature that does not verify")
)

// API is the part of the SDK's client that a Signer calls; *kms.Client is one.
type API interface {
	GetPublicKey(context.Context, *kms.GetPublicKeyInput, ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error)
	Sign(context.Context, *kms.SignInput, ...func(*kms.Options)) (*kms.SignOutput, error)
}

// Options bound how long a Signer tries. Nil is like the zero Options.
type Options struct {
	// Timeout bounds one signature with its retries; 0 means 10 s. A context
	// that ends earlier wins.
	Timeout time.Duration
	// Attempts is how often a call is tried that failed in a way that may pass;
	// 0 leaves it to the client, whose default is 3.
	Attempts int
}

// Signer signs with one key of a key service. It may be used concurrently.
type Signer struct {
	api     API
	arn     string
	public  crypto.PublicKey
	how     types.SigningAlgorithmSpec
	timeout time.Duration
	options []func(*kms.Options)
	skew    time.Duration
}

var _ crypto.Signer = (*Signer)(nil)

// New asks the key service for the public half of the key that keyID names: by
// id, ARN or alias. The Signer stays with that key when the alias moves on.
//
// Errors wrap [ErrKey] about a key of another kind, and are the client's
// otherwise. The caller needs kms:GetPublicKey, and kms:Sign to sign.
func New(ctx context.Context, api API, keyID string, opts *Options) (*Signer, error) {
	s := &Signer{api: api, timeout: 10 * time.Second}
	if opts != nil && opts.Timeout > 0 {
		s.timeout = opts.Timeout
	}
	if opts != nil && opts.Attempts > 0 {
		s.options = append(s.options, func(o *kms.Options) { o.RetryMaxAttempts = opts.Attempts })
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	out, err := api.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &keyID}, s.options...)
	if err != nil {
		return nil, fmt.Errorf("kmssigner: get public key: %w", err)
	}
	switch {
	case out.KeySpec == types.KeySpecRsa2048:
		s.how = types.SigningAlgorithmSpecRsassaPkcs1V15Sha256
	case out.KeySpec == types.KeySpecEccNistP256:
		s.how = types.SigningAlgorithmSpecEcdsaSha256
	default:
		return nil, fmt.Errorf("%w: its key spec is %s, want RSA_2048 or ECC_NIST_P256", ErrKey, out.KeySpec)
	}
	if out.KeyUsage != types.KeyUsageTypeSignVerify {
		return nil, fmt.Errorf("%w: its key usage is %s, want SIGN_VERIFY", ErrKey, out.KeyUsage)
	}
	if s.public, err = x509.ParsePKIXPublicKey(out.PublicKey); err != nil {
		return nil, fmt.Errorf("%w: its public half cannot be read: %w", ErrKey, err)
	}
	s.arn = keyID
	if out.KeyId != nil {
		s.arn = *out.KeyId
	}
	s.skew, _ = middleware.GetAttemptSkew(out.ResultMetadata)
	return s, nil
}

// Public returns the public half: an *rsa.PublicKey or an *ecdsa.PublicKey.
func (s *Signer) Public() crypto.PublicKey { return s.public }

// KeyARN names the key, whatever name New was given.
func (s *Signer) KeyARN() string { return s.arn }

// ClockSkew is by how much the key service's clock was ahead of this machine's
// when New asked it; 0 if it did not tell.
func (s *Signer) ClockSkew() time.Duration { return s.skew }

// Sign implements crypto.Signer. The randomness is the key service's own; the
// first argument is ignored.
func (s *Signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.SignContext(context.Background(), digest, opts)
}

// SignContext is Sign that can give up. digest is a SHA-256 digest and opts says
// so, or it is [ErrKey], as is RSASSA-PSS: the signature is PKCS #1 v1.5, or
// ECDSA in ASN.1. It is checked before it is returned: [ErrSignature].
func (s *Signer) SignContext(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if _, pss := opts.(*rsa.PSSOptions); pss {
		return nil, fmt.Errorf("%w: RSASSA-PSS is not what CloudFront takes", ErrKey)
	}
	if opts.HashFunc() != crypto.SHA256 || len(digest) != sha256.Size {
		return nil, fmt.Errorf("%w: a key of a key service signs SHA-256 digests only, not %v", ErrKey, opts.HashFunc())
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	out, err := s.api.Sign(ctx, &kms.SignInput{
		KeyId: &s.arn, Message: digest, MessageType: types.MessageTypeDigest, SigningAlgorithm: s.how,
	}, s.options...)
	if err != nil {
		return nil, fmt.Errorf("kmssigner: sign: %w", err)
	}
	if !verifies(s.public, digest, out.Signature) {
		return nil, ErrSignature
	}
	return out.Signature, nil
}

func verifies(public crypto.PublicKey, digest, signature []byte) bool {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest, signature) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(public, digest, signature)
	}
	return false
}
