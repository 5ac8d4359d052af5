package keyring

import (
	"context"
	"strconv"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// DataKey is a key for use outside the Ring, with its encrypted form, which
// Decrypt opens.
type DataKey struct {
	// Plaintext is missing from the methods WithoutPlaintext.
	Plaintext sealed.Secret
	Blob      []byte
	KeyARN    string
	// MaterialID names the version of the material that encrypted.
	MaterialID string
}

// DataKeyPair is a key pair for use outside the Ring.
type DataKeyPair struct {
	// Private is the PrivateKeyInfo of PKCS #8; its Blob opens to the same bytes.
	Private DataKey
	// Public is the SubjectPublicKeyInfo.
	Public []byte
	Spec   KeySpec
}

// GenerateDataKey makes sizeBytes random bytes, 1 to MaxDataKeyBytes, and
// encrypts them as Encrypt would. The key must be symmetric.
//
// Source: AWS KMS API Reference, GenerateDataKey.
func (r *Ring) GenerateDataKey(ctx context.Context, who access.Caller, use Use, sizeBytes int) (DataKey, error) {
	return r.dataKey(ctx, &who, opGenerateDataKey, &use, sizeBytes)
}

// GenerateDataKeyWithoutPlaintext is GenerateDataKey for callers that will need
// the key later: only its encrypted form is returned.
//
// Source: AWS KMS API Reference, GenerateDataKeyWithoutPlaintext.
func (r *Ring) GenerateDataKeyWithoutPlaintext(ctx context.Context, who access.Caller, use Use, sizeBytes int) (DataKey, error) {
	out, err := r.dataKey(ctx, &who, opGenerateDataKeyWithoutPlaintext, &use, sizeBytes)
	out.Plaintext.Wipe()
	out.Plaintext = sealed.Secret{}
	return out, err
}

func (r *Ring) dataKey(ctx context.Context, who *access.Caller, op operation, use *Use, sizeBytes int) (out DataKey, err error) {
	call := r.begin(who, op)
	defer call.End(ctx, &err)
	if err := use.note(call); err != nil {
		return out, err
	}
	if use.DataKeySpec != "" {
		call.Note("keySpec", use.DataKeySpec)
	} else {
		call.Note("numberOfBytes", strconv.Itoa(sizeBytes))
	}
	if sizeBytes < 1 || sizeBytes > MaxDataKeyBytes {
		return out, outOfRange("numberOfBytes", sizeBytes, 1, MaxDataKeyBytes)
	}
	k, err := r.admitWrapping(ctx, call, who, op, use)
	if err != nil {
		return out, err
	}
	if out, err = k.newDataKey(use.Context, sealed.RandomSecret(sizeBytes)); err == nil {
		k.noteMaterial(call)
		r.used(k, op, who)
	}
	return out, err
}

// admitWrapping admits a key that is to encrypt a data key.
func (r *Ring) admitWrapping(ctx context.Context, call *access.Call, who *access.Caller, op operation, use *Use) (*key, error) {
	call.Keys.Set("kms:EncryptionAlgorithm", string(AlgSymmetric))
	k, err := r.admitUse(ctx, call, who, op, use)
	if err != nil {
		return nil, err
	}
	if k.Usage != EncryptDecrypt {
		return nil, k.checkUse(op, EncryptDecrypt, AlgSymmetric)
	}
	if k.spec.family != symmetricKey {
		return nil, fail(ErrUsage, "%s key spec is %s which is not valid for %s.", k.arn, k.Spec, operations[op].name())
	}
	if err := k.checkContext(use.Context); err != nil {
		return nil, err
	}
	if use.DryRun {
		return nil, dryRun()
	}
	return k, nil
}

func (k *key) newDataKey(bind map[string]string, secret sealed.Secret) (DataKey, error) {
	blob, err := k.seal(bind, secret.Reveal())
	if err != nil {
		return DataKey{}, err
	}
	return DataKey{Plaintext: secret, Blob: blob, KeyARN: k.arn, MaterialID: k.current().id}, nil
}

// GenerateDataKeyPair makes a key pair of an asymmetric spec and encrypts its
// private half. RSA pairs come from the pool while it has some.
//
// Source: AWS KMS API Reference, GenerateDataKeyPair.
func (r *Ring) GenerateDataKeyPair(ctx context.Context, who access.Caller, use Use, spec KeySpec) (DataKeyPair, error) {
	return r.dataKeyPair(ctx, &who, opGenerateDataKeyPair, &use, spec)
}

// GenerateDataKeyPairWithoutPlaintext is GenerateDataKeyPair without the private
// half in plaintext.
//
// Source: AWS KMS API Reference, GenerateDataKeyPairWithoutPlaintext.
func (r *Ring) GenerateDataKeyPairWithoutPlaintext(ctx context.Context, who access.Caller, use Use, spec KeySpec) (DataKeyPair, error) {
	out, err := r.dataKeyPair(ctx, &who, opGenerateDataKeyPairWithoutPlaintext, &use, spec)
	out.Private.Plaintext.Wipe()
	out.Private.Plaintext = sealed.Secret{}
	return out, err
}

func (r *Ring) dataKeyPair(ctx context.Context, who *access.Caller, op operation, use *Use, spec KeySpec) (out DataKeyPair, err error) {
	call := r.begin(who, op)
	defer call.End(ctx, &err)
	if err := use.note(call); err != nil {
		return out, err
	}
	call.Note("keyPairSpec", string(spec))
	call.Keys.Set("kms:DataKeyPairSpec", string(spec))
	k, err := r.admitWrapping(ctx, call, who, op, use)
	if err != nil {
		return out, err
	}
	info := specs[spec]
	if info == nil || !info.pairs {
		return out, fail(ErrUnsupported, "KeyPairSpec %s is not supported.", spec)
	}
	pair, err := r.generatePair(info)
	if err != nil {
		return out, err
	}
	out.Spec, out.Public = spec, pair.public
	if out.Private, err = k.newDataKey(use.Context, pair.private); err == nil {
		k.noteMaterial(call)
		r.used(k, op, who)
	}
	return out, err
}

// NewDataKey is GenerateDataKey of 32 bytes for a service that encrypts its own
// data, on behalf of who: it returns the key, its encrypted form and the ARN of
// the key that encrypted it.
func (r *Ring) NewDataKey(ctx context.Context, who access.Caller, ref string, bind map[string]string) (key sealed.Secret, wrapped []byte, keyARN string, err error) {
	out, err := r.GenerateDataKey(ctx, who, Use{Key: ref, Context: bind, DataKeySpec: "AES_256"}, sealed.KeyBytes)
	return out.Plaintext, out.Blob, out.KeyARN, err
}

// OpenDataKey is Decrypt of what NewDataKey wrapped.
func (r *Ring) OpenDataKey(ctx context.Context, who access.Caller, wrapped []byte, bind map[string]string) (sealed.Secret, error) {
	out, err := r.Decrypt(ctx, who, Use{Context: bind}, wrapped)
	if err != nil {
		return sealed.Secret{}, err
	}
	defer clear(out.Plaintext)
	return sealed.NewSecret(out.Plaintext), nil
}
