package keyring

import (
	"context"
	"crypto/rsa"
	"encoding/hex"
	"errors"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// Use is which key a caller wants to use, and how.
type Use struct {
	// Key is a key id, a key ARN, an alias name or an alias ARN. Only Decrypt
	// takes none: then the ciphertext names the key.
	Key string
	// Algorithm is the one to use. Encrypt and Decrypt take none as
	// AlgSymmetric.
	Algorithm Algorithm
	// Context is the encryption context of symmetric keys: authenticated, not
	// stored, recorded in clear. Pairs have no order; none and nil are equal.
	Context map[string]string
	// GrantTokens name grants that are new.
	GrantTokens []string
	// DataKeySpec is how the request named the length of a data key, such as
	// "AES_256"; empty where it gave a number. Only the record tells them apart.
	DataKeySpec string
	// DryRun checks everything, does nothing, and ends with ErrDryRun.
	DryRun bool
	// IgnoreCiphertext, in a dry run of Decrypt or ReEncrypt, asks about the key
	// alone, which must be named then.
	IgnoreCiphertext bool
}

// Encrypted is what Encrypt made.
type Encrypted struct {
	Blob      []byte
	KeyARN    string
	Algorithm Algorithm
}

// Decrypted is what Decrypt opened.
type Decrypted struct {
	Plaintext []byte
	KeyARN    string
	Algorithm Algorithm
	// MaterialID names the version of a symmetric key's material.
	MaterialID string
}

// Encrypt encrypts plaintext under the current material of a key of usage
// EncryptDecrypt: for symmetric keys into a key blob (docs/spec/keyblob.md), for
// RSA keys with OAEP into as many bytes as the modulus has.
//
// plaintext has 1 to MaxPlaintextBytes bytes, for RSA what OAEP leaves of the
// modulus. It returns ErrNotFound, ErrDisabled, ErrInvalidState, ErrUsage or
// ErrInvalid about the key and the parameters, and access.ErrDenied.
//
// Source: AWS KMS API Reference, Encrypt.
func (r *Ring) Encrypt(ctx context.Context, who access.Caller, use Use, plaintext []byte) (out Encrypted, err error) {
	call := r.begin(&who, opEncrypt)
	defer call.End(ctx, &err)
	algorithm := orSymmetric(use.Algorithm)
	if err := use.note(call); err != nil {
		return out, err
	}
	call.Note("encryptionAlgorithm", string(algorithm))
	if err := checkLength("plaintext", len(plaintext), 1, MaxPlaintextBytes); err != nil {
		return out, err
	}
	call.Keys.Set("kms:EncryptionAlgorithm", string(algorithm))
	k, err := r.admitUse(ctx, call, &who, opEncrypt, &use)
	if err != nil {
		return out, err
	}
	if err := k.checkUse(opEncrypt, EncryptDecrypt, algorithm); err != nil {
		return out, err
	}
	if err := k.checkContext(use.Context); err != nil {
		return out, err
	}
	if err := k.checkSize(algorithm, len(plaintext)); err != nil {
		return out, err
	}
	if use.DryRun {
		return out, dryRun()
	}
	if out, err = k.encrypt(algorithm, use.Context, plaintext); err == nil {
		k.noteMaterial(call)
		r.used(k, opEncrypt, &who)
	}
	return out, err
}

// Decrypt opens what Encrypt or the data key methods made under any material
// that the key ever had. A symmetric ciphertext names its key, so use.Key may be
// empty; if it is not, it must name the same key, or Decrypt returns
// ErrIncorrectKey. RSA ciphertexts need use.Key and use.Algorithm.
//
// It returns ErrInvalidCiphertext, without saying more, about a ciphertext that
// does not open. A caller that names no key and may not use the ciphertext's, or
// whose ciphertext's key does not exist, gets access.ErrDenied either way.
//
// Source: AWS KMS API Reference, Decrypt.
func (r *Ring) Decrypt(ctx context.Context, who access.Caller, use Use, blob []byte) (out Decrypted, err error) {
	call := r.begin(&who, opDecrypt)
	defer call.End(ctx, &err)
	algorithm := orSymmetric(use.Algorithm)
	if err := use.note(call); err != nil {
		return out, err
	}
	call.Note("encryptionAlgorithm", string(algorithm))
	if err := use.checkCiphertext(blob); err != nil {
		return out, err
	}
	call.Keys.Set("kms:EncryptionAlgorithm", string(algorithm))
	k, header, err := r.admitCiphertext(ctx, call, &who, opDecrypt, &use, algorithm, blob)
	if err != nil {
		return out, err
	}
	if err := k.checkContext(use.Context); err != nil {
		return out, err
	}
	if use.DryRun {
		return out, dryRun()
	}
	out.KeyARN, out.Algorithm = k.arn, algorithm
	if out.Plaintext, out.MaterialID, err = k.open(algorithm, use.Context, header, blob); err != nil {
		return Decrypted{}, err
	}
	if out.MaterialID != "" {
		call.NoteAnswer(materialNote, out.MaterialID)
	}
	r.used(k, opDecrypt, &who)
	return out, nil
}

// checkCiphertext wants a ciphertext, or a dry run that can do without.
func (u *Use) checkCiphertext(blob []byte) error {
	switch {
	case !u.IgnoreCiphertext:
		return checkLength("ciphertextBlob", len(blob), 1, MaxCiphertextBytes)
	case !u.DryRun:
		return fail(ErrInvalid, "IGNORE_CIPHERTEXT is valid only if DryRun is set.")
	case u.Key == "":
		return fail(ErrInvalid, "A key must be named if the ciphertext is ignored.")
	}
	return nil
}

// admitCiphertext finds and admits the key for a ciphertext, as Decrypt says.
func (r *Ring) admitCiphertext(ctx context.Context, call *access.Call, who *access.Caller, op operation, use *Use, algorithm Algorithm, blob []byte) (*key, sealed.BlobHeader, error) {
	header, notABlob := sealed.ParseBlob(blob)
	if use.IgnoreCiphertext {
		k, err := r.admitUse(ctx, call, who, op, use)
		if err != nil {
			return nil, header, err
		}
		return k, header, k.checkUse(op, EncryptDecrypt, algorithm)
	}
	if use.Key == "" {
		if algorithm != AlgSymmetric {
			return nil, header, fail(ErrInvalid, "KeyId is required for the algorithm %s.", algorithm)
		}
		if notABlob != nil {
			return nil, header, fail(ErrInvalidCiphertext, "")
		}
		k, err := r.admitFromBlob(ctx, call, who, op, use, header)
		return k, header, err
	}
	k, err := r.admitUse(ctx, call, who, op, use)
	if err != nil {
		return nil, header, err
	}
	if algorithm == AlgSymmetric {
		if notABlob != nil {
			return nil, header, fail(ErrInvalidCiphertext, "")
		}
		if header.KeyID != string(k.id) {
			return nil, header, fail(ErrIncorrectKey, "The key ID in the request does not identify a CMK that can perform this operation.")
		}
	}
	return k, header, k.checkUse(op, EncryptDecrypt, algorithm)
}

// hiddenKey is what KMS says of a key that the caller has not named.
const hiddenKey = "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access."

// hideKey takes out of a denial which key it is about.
func hideKey(err error) error {
	if denied, ok := errors.AsType[*access.Denied](err); ok {
		return &access.Denied{Message: hiddenKey, Decision: denied.Decision}
	}
	return err
}

// admitFromBlob admits the key that a blob claims. The claim proves nothing:
// whoever may not use that key must not learn that it exists.
func (r *Ring) admitFromBlob(ctx context.Context, call *access.Call, who *access.Caller, op operation, use *Use, header sealed.BlobHeader) (*key, error) {
	if err := r.checkUse(ctx, call, use); err != nil {
		return nil, err
	}
	k := r.index.key(who.Region, KeyID(header.KeyID))
	if k == nil || k.gone(r.clock.Now()) {
		return nil, &access.Denied{Message: hiddenKey}
	}
	err := r.permit(call, who, op, target{key: k, arn: k.arn, owner: k.account, bind: use.Context})
	if err != nil {
		return nil, hideKey(err)
	}
	return k, checkState(op, k.arn, k.stateAt(r.clock.Now()))
}

// admitUse is admit for a cryptographic operation.
func (r *Ring) admitUse(ctx context.Context, call *access.Call, who *access.Caller, op operation, use *Use) (*key, error) {
	t, err := r.resolve(who, op, use.Key)
	if err != nil {
		return nil, err
	}
	if err := r.checkUse(ctx, call, use); err != nil {
		return nil, err
	}
	t.bind = use.Context
	return r.admitTarget(call, who, op, t)
}

// checkUse looks at the grant tokens and sets the context's condition keys.
func (r *Ring) checkUse(ctx context.Context, call *access.Call, use *Use) error {
	setContextConditions(&call.Keys, use.Context)
	return r.checkGrantTokens(ctx, use.GrantTokens)
}

// note puts what is worth keeping into the record. It refuses an encryption
// context that is too long, which no record is to hold.
func (u *Use) note(call *access.Call) error {
	if err := checkContextSize(u.Context); err != nil {
		return err
	}
	if u.Key != "" {
		call.Note("keyId", u.Key)
	}
	if len(u.Context) > 0 {
		call.NoteContext(u.Context)
	}
	if u.DryRun {
		call.Note("dryRun", "true")
	}
	return nil
}

func orSymmetric(a Algorithm) Algorithm {
	if a == "" {
		return AlgSymmetric
	}
	return a
}

func dryRun() error {
	return fail(ErrDryRun, "The request would have succeeded, but the DryRun option is set.")
}

// checkUse says whether the key was made for op and algorithm.
func (k *key) checkUse(op operation, usage KeyUsage, algorithm Algorithm) error {
	if k.Usage != usage {
		return fail(ErrUsage, "%s key usage is %s which is not valid for %s.", k.arn, k.Usage, operations[op].name())
	}
	if !k.permits(algorithm) {
		return fail(ErrUsage, "Algorithm %s is incompatible with key spec %s.", algorithm, k.Spec)
	}
	return nil
}

// checkContext says whether the key can bind to this encryption context.
func (k *key) checkContext(bind map[string]string) error {
	if len(bind) == 0 {
		return nil
	}
	if k.spec.family != symmetricKey {
		return fail(ErrInvalid, "An encryption context is valid only for symmetric encryption keys, and %s has the key spec %s.", k.arn, k.Spec)
	}
	return nil
}

func checkContextSize(bind map[string]string) error {
	if sealed.CheckContext(bind) != nil {
		return fail(ErrInvalid, "The encryption context is longer than %d bytes.", sealed.MaxContextBytes)
	}
	return nil
}

// checkSize says whether the algorithm takes a plaintext of n bytes.
func (k *key) checkSize(algorithm Algorithm, n int) error {
	if k.spec.family != rsaKey {
		return nil
	}
	if limit := oaepMaxBytes(k.spec.bits, algorithmTable[algorithm].hash); n > limit {
		return fail(ErrInvalid, "Algorithm %s and key spec %s cannot encrypt data larger than %d bytes.", algorithm, k.Spec, limit)
	}
	return nil
}

func (k *key) encrypt(algorithm Algorithm, bind map[string]string, plaintext []byte) (out Encrypted, err error) {
	out = Encrypted{KeyARN: k.arn, Algorithm: algorithm}
	if k.spec.family != rsaKey {
		out.Blob, err = k.seal(bind, plaintext)
		return out, err
	}
	if err := k.checkSize(algorithm, len(plaintext)); err != nil {
		return Encrypted{}, err
	}
	signer, err := k.current().signer()
	if err != nil {
		return Encrypted{}, err
	}
	out.Blob, err = encryptOAEP(signer.Public().(*rsa.PublicKey), algorithm, plaintext)
	return out, err
}

// materialNote is under which name a record says which version of the key's
// material served the call.
const materialNote = "keyMaterialId"

// noteMaterial says that a symmetric key's current material served the call.
func (k *key) noteMaterial(call *access.Call) {
	if k.spec.family == symmetricKey {
		call.NoteAnswer(materialNote, k.current().id)
	}
}

// seal encrypts under a symmetric key.
func (k *key) seal(bind map[string]string, plaintext []byte) ([]byte, error) {
	blobKey, err := k.current().blobKey()
	if err != nil {
		return nil, err
	}
	return blobKey.Seal(bind, plaintext)
}

// open decrypts with whatever material the ciphertext needs.
func (k *key) open(algorithm Algorithm, bind map[string]string, header sealed.BlobHeader, blob []byte) (plaintext []byte, material string, err error) {
	if k.spec.family == rsaKey {
		signer, err := k.current().signer()
		if err != nil {
			return nil, "", err
		}
		if plaintext, err = decryptOAEP(signer.(*rsa.PrivateKey), algorithm, blob); err != nil {
			return nil, "", fail(ErrInvalidCiphertext, "")
		}
		return plaintext, "", nil
	}
	m := k.current()
	if m.header.MaterialID != header.MaterialID {
		if m = k.material(hex.EncodeToString(header.MaterialID[:])); m == nil {
			return nil, "", fail(ErrInvalidCiphertext, "")
		}
	}
	blobKey, err := m.blobKey()
	if err != nil {
		return nil, "", err
	}
	plaintext, err = blobKey.Open(bind, blob)
	if errors.Is(err, sealed.ErrCorrupt) {
		return nil, "", fail(ErrInvalidCiphertext, "")
	}
	return plaintext, m.id, err
}

// blobKeyID is the key that a blob claims to be under.
func blobKeyID(blob []byte) (KeyID, bool) {
	header, err := sealed.ParseBlob(blob)
	return KeyID(header.KeyID), err == nil
}

// checkLength is the sentence of KMS about secret bytes, whose value it hides.
func checkLength(member string, n, low, high int) error {
	switch {
	case n < low:
		return fail(ErrInvalid, "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length greater than or equal to %d", member, low)
	case n > high:
		return fail(ErrInvalid, "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", member, high)
	}
	return nil
}
