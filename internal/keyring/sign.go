package keyring

import (
	"context"
	"crypto/ecdsa"
	"crypto/hmac"

	"github.com/keyfront-project/keyfront/internal/access"
)

// Signed is what Sign made or Verify confirmed.
type Signed struct {
	// Signature is missing from Verify.
	Signature []byte
	KeyARN    string
	Algorithm Algorithm
}

// PublicKey is the public half of an asymmetric key.
type PublicKey struct {
	// DER is a SubjectPublicKeyInfo.
	DER        []byte
	KeyARN     string
	Spec       KeySpec
	Usage      KeyUsage
	Algorithms []Algorithm
}

// Sign signs message with use.Algorithm. A Raw message has 1 to MaxMessageBytes
// bytes and is hashed here; a Digest has the length of the algorithm's hash.
// ML-DSA also signs ExternalMu. ECDSA signatures are ASN.1 DER; the salt of
// RSASSA-PSS is as long as its hash.
//
// It returns the errors of Encrypt about the key and the parameters.
//
// Source: AWS KMS API Reference, Sign.
func (r *Ring) Sign(ctx context.Context, who access.Caller, use Use, as MessageType, message []byte) (out Signed, err error) {
	call := r.begin(&who, opSign)
	defer call.End(ctx, &err)
	k, err := r.admitSigning(ctx, call, &who, opSign, &use, as, message)
	if err != nil {
		return out, err
	}
	if use.DryRun {
		return out, dryRun()
	}
	signer, err := k.current().signer()
	if err != nil {
		return out, err
	}
	out = Signed{KeyARN: k.arn, Algorithm: use.Algorithm}
	out.Signature, err = sign(signer, use.Algorithm, as, prepare(use.Algorithm, as, message))
	if err == nil {
		r.used(k, opSign, &who)
	}
	return out, err
}

// Verify reports whether signature is one of message under the key: nil says
// yes, ErrInvalidSignature no. The parameters are those of Sign, but that it
// cannot verify ExternalMu.
//
// Source: AWS KMS API Reference, Verify.
func (r *Ring) Verify(ctx context.Context, who access.Caller, use Use, as MessageType, message, signature []byte) (out Signed, err error) {
	call := r.begin(&who, opVerify)
	defer call.End(ctx, &err)
	if err := checkLength("signature", len(signature), 1, MaxCiphertextBytes); err != nil {
		return out, err
	}
	k, err := r.admitSigning(ctx, call, &who, opVerify, &use, as, message)
	if err != nil {
		return out, err
	}
	if as == ExternalMu {
		return out, fail(ErrUnsupported, "Verify with the MessageType EXTERNAL_MU is not supported.")
	}
	if use.DryRun {
		return out, dryRun()
	}
	signer, err := k.current().signer()
	if err != nil {
		return out, err
	}
	if !verifies(signer.Public(), use.Algorithm, prepare(use.Algorithm, as, message), signature) {
		return out, fail(ErrInvalidSignature, "")
	}
	r.used(k, opVerify, &who)
	return Signed{KeyARN: k.arn, Algorithm: use.Algorithm}, nil
}

func (r *Ring) admitSigning(ctx context.Context, call *access.Call, who *access.Caller, op operation, use *Use, as MessageType, message []byte) (*key, error) {
	if err := use.note(call); err != nil {
		return nil, err
	}
	call.Note("messageType", string(as))
	call.Note("signingAlgorithm", string(use.Algorithm))
	if err := checkLength("message", len(message), 1, MaxMessageBytes); err != nil {
		return nil, err
	}
	call.Keys.Set("kms:SigningAlgorithm", string(use.Algorithm))
	call.Keys.Set("kms:MessageType", string(as))
	k, err := r.admitUse(ctx, call, who, op, use)
	if err != nil {
		return nil, err
	}
	if err := k.checkUse(op, SignVerify, use.Algorithm); err != nil {
		return nil, err
	}
	return k, checkMessage(use.Algorithm, as, message)
}

// muBytes is the length of μ, FIPS 204 algorithm 7.
const muBytes = 64

// checkMessage says whether a message of this type suits the algorithm.
func checkMessage(algorithm Algorithm, as MessageType, message []byte) error {
	switch {
	case as != Raw && as != Digest && as != ExternalMu,
		as == ExternalMu && algorithm != AlgMLDSA,
		as == Digest && algorithm == AlgMLDSA,
		as == Raw && algorithm == AlgEd25519ph,
		as == Digest && algorithm == AlgEd25519:
		return fail(ErrInvalid, "MessageType %s is not valid for the algorithm %s.", as, algorithm)
	case as == ExternalMu && len(message) != muBytes:
		return fail(ErrInvalid, "The message of type EXTERNAL_MU must have %d bytes.", muBytes)
	case as == Digest && len(message) != algorithmTable[algorithm].hash.Size():
		return fail(ErrInvalid, "Digest is invalid length for algorithm %s.", algorithm)
	}
	return nil
}

// PublicKey returns the public half of an asymmetric key. It returns
// ErrUnsupported about symmetric and HMAC keys.
//
// Source: AWS KMS API Reference, GetPublicKey.
func (r *Ring) PublicKey(ctx context.Context, who access.Caller, use Use) (out PublicKey, err error) {
	call := r.begin(&who, opGetPublicKey)
	defer call.End(ctx, &err)
	if err := use.note(call); err != nil {
		return out, err
	}
	k, err := r.admitUse(ctx, call, &who, opGetPublicKey, &use)
	if err != nil {
		return out, err
	}
	if k.spec.secret() {
		return out, fail(ErrUnsupported, "")
	}
	out = PublicKey{KeyARN: k.arn, Spec: k.Spec, Usage: k.Usage, Algorithms: k.algorithms}
	out.DER, err = k.current().publicDER()
	return out, err
}

// MAC is what GenerateMAC made or VerifyMAC confirmed.
type MAC struct {
	// Code is missing from VerifyMAC.
	Code      []byte
	KeyARN    string
	Algorithm Algorithm
}

// GenerateMAC computes the HMAC of message, 1 to MaxMessageBytes bytes. It is
// never truncated.
//
// Source: AWS KMS API Reference, GenerateMac.
func (r *Ring) GenerateMAC(ctx context.Context, who access.Caller, use Use, message []byte) (MAC, error) {
	return r.mac(ctx, &who, opGenerateMac, &use, message, nil)
}

// VerifyMAC reports whether code is the HMAC of message: nil says yes,
// ErrInvalidMAC no. It compares in constant time.
//
// Source: AWS KMS API Reference, VerifyMac.
func (r *Ring) VerifyMAC(ctx context.Context, who access.Caller, use Use, message, code []byte) (MAC, error) {
	return r.mac(ctx, &who, opVerifyMac, &use, message, code)
}

func (r *Ring) mac(ctx context.Context, who *access.Caller, op operation, use *Use, message, code []byte) (out MAC, err error) {
	call := r.begin(who, op)
	defer call.End(ctx, &err)
	if err := use.note(call); err != nil {
		return out, err
	}
	call.Note("macAlgorithm", string(use.Algorithm))
	if err := checkLength("message", len(message), 1, MaxMessageBytes); err != nil {
		return out, err
	}
	call.Keys.Set("kms:MacAlgorithm", string(use.Algorithm))
	k, err := r.admitUse(ctx, call, who, op, use)
	if err != nil {
		return out, err
	}
	if err := k.checkUse(op, MACUsage, use.Algorithm); err != nil {
		return out, err
	}
	if use.DryRun {
		return out, dryRun()
	}
	secret, err := k.current().macKey()
	if err != nil {
		return out, err
	}
	computed := computeMAC(use.Algorithm, secret.Reveal(), message)
	out = MAC{KeyARN: k.arn, Algorithm: use.Algorithm}
	if op == opGenerateMac {
		out.Code = computed
	} else if !hmac.Equal(computed, code) {
		return MAC{}, fail(ErrInvalidMAC, "")
	}
	r.used(k, op, who)
	return out, nil
}

// SharedSecret is what DeriveSharedSecret agreed on.
type SharedSecret struct {
	// Secret is the x-coordinate of the shared point, as long as the field.
	Secret    []byte
	KeyARN    string
	Algorithm Algorithm
	Origin    Origin
}

// DeriveSharedSecret agrees with the holder of a peer's private key, by ECDH.
// peer is the peer's SubjectPublicKeyInfo on the same curve; any other returns
// ErrInvalid.
//
// Source: AWS KMS API Reference, DeriveSharedSecret; NIST SP 800-56A section 5.7.1.2.
func (r *Ring) DeriveSharedSecret(ctx context.Context, who access.Caller, use Use, peer []byte) (out SharedSecret, err error) {
	call := r.begin(&who, opDeriveSharedSecret)
	defer call.End(ctx, &err)
	if err := use.note(call); err != nil {
		return out, err
	}
	call.Note("keyAgreementAlgorithm", string(use.Algorithm))
	call.Keys.Set("kms:KeyAgreementAlgorithm", string(use.Algorithm))
	k, err := r.admitUse(ctx, call, &who, opDeriveSharedSecret, &use)
	if err != nil {
		return out, err
	}
	if err := k.checkUse(opDeriveSharedSecret, KeyAgreement, use.Algorithm); err != nil {
		return out, err
	}
	signer, err := k.current().signer()
	if err != nil {
		return out, err
	}
	secret, ok := agree(signer.(*ecdsa.PrivateKey), peer)
	if !ok {
		return out, fail(ErrInvalid, "")
	}
	if use.DryRun {
		return out, dryRun()
	}
	r.used(k, opDeriveSharedSecret, &who)
	return SharedSecret{Secret: secret, KeyARN: k.arn, Algorithm: use.Algorithm, Origin: k.Origin}, nil
}
