package keyring

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"slices"
	"time"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

// ExpirationModel says whether imported material ends by itself.
type ExpirationModel string

// The expiration models.
const (
	Expires       ExpirationModel = "KEY_MATERIAL_EXPIRES"
	DoesNotExpire ExpirationModel = "KEY_MATERIAL_DOES_NOT_EXPIRE"
)

// importRecord is what is known of imported material.
type importRecord struct {
	Material    string `json:"material"`
	Description string `json:"description,omitempty"`
	// ValidTo is when the material is deleted; 0 is never.
	ValidTo millis `json:"validTo,omitempty"`
	// Missing material was deleted, or has expired: it can be imported again.
	Missing bool `json:"missing,omitempty"`
}

func (i *importRecord) model() ExpirationModel {
	if i.ValidTo == 0 {
		return DoesNotExpire
	}
	return Expires
}

// imported finds what is known of a material, or nil.
func (rec *keyRecord) imported(material string) *importRecord {
	i := slices.IndexFunc(rec.Imports, func(i importRecord) bool { return i.Material == material })
	if i < 0 {
		return nil
	}
	return &rec.Imports[i]
}

// complete reports whether all material is there that the key has used.
func (rec *keyRecord) complete() bool {
	for _, id := range rec.Materials {
		if i := rec.imported(id); i != nil && i.Missing {
			return false
		}
	}
	return len(rec.Materials) > 0
}

// settle makes the state follow from what has been imported.
func (rec *keyRecord) settle() {
	switch {
	case rec.State != Enabled && rec.State != Disabled && rec.State != PendingImport:
	case !rec.complete():
		rec.State = PendingImport
	case rec.State == PendingImport:
		rec.State = Enabled
	}
}

// addImport takes in material: the first, or a new one that waits for its
// rotation, or one that the key had already.
func (rec *keyRecord) addImport(p path, symmetric bool, in importRecord, kind ImportType) error {
	known := rec.imported(in.Material)
	if kind == "" {
		kind = NewMaterial
		if len(rec.Imports) > 0 {
			kind = ExistingMaterial
		}
	}
	keyARN := p.arn()
	switch {
	case kind == NewMaterial && !rec.primaryAt(p):
		return notPrimary(p)
	case kind == ExistingMaterial && known == nil, kind == NewMaterial && known != nil:
		return fail(ErrIncorrectMaterial, "")
	case kind == ExistingMaterial:
		if in.Description == "" {
			in.Description = known.Description
		}
		*known = in
	case len(rec.Materials) == 0:
		rec.Materials, rec.Imports = []string{in.Material}, []importRecord{in}
	case !symmetric:
		return fail(ErrUnsupported, "%s can have one key material only.", keyARN)
	case rec.Pending != "":
		return fail(ErrInvalidState, "New key material (id: %s) cannot be imported into KMS key %s, because another key material (id: %s) is pending rotation.", in.Material, keyARN, rec.Pending)
	default:
		rec.Pending, rec.Imports = in.Material, append(rec.Imports, in)
	}
	rec.settle()
	return nil
}

// dropImport forgets material, and reports whether there was any to forget. Only
// what waited for its rotation is forgotten altogether.
func (rec *keyRecord) dropImport(p path, material string) bool {
	known := rec.imported(material)
	if known == nil || known.Missing {
		return false
	}
	if material == rec.Pending && rec.primaryAt(p) {
		rec.Pending = ""
		rec.Imports = slices.DeleteFunc(rec.Imports, func(i importRecord) bool { return i.Material == material })
	} else {
		known.Missing, known.ValidTo = true, 0
	}
	rec.settle()
	return true
}

// expiry is the first moment at which material expires; 0 is never.
func (rec *keyRecord) expiry() (first millis) {
	for _, i := range rec.Imports {
		if i.ValidTo != 0 && i.Material != rec.Pending && (first == 0 || i.ValidTo < first) {
			first = i.ValidTo
		}
	}
	return first
}

// WrappingAlgorithm is how key material travels, in the words of KMS.
type WrappingAlgorithm string

// wrapping is one row of the table of wrapping algorithms.
type wrapping struct {
	id   byte // in import tokens
	hash crypto.Hash
	// aes says that RSA-OAEP wraps an AES-256 key, which wraps the material by
	// RFC 5649: CKM_RSA_AES_KEY_WRAP of PKCS #11.
	aes bool
}

var wrappings = map[WrappingAlgorithm]wrapping{
	"RSAES_OAEP_SHA_1":         {1, crypto.SHA1, false},
	"RSAES_OAEP_SHA_256":       {2, crypto.SHA256, false},
	"RSA_AES_KEY_WRAP_SHA_1":   {3, crypto.SHA1, true},
	"RSA_AES_KEY_WRAP_SHA_256": {4, crypto.SHA256, true},
}

// checkWrapping says whether material of the key can travel by the algorithm under an
// RSA key of so many bits.
func (k *key) checkWrapping(algorithm WrappingAlgorithm, bits int) error {
	w, ok := wrappings[algorithm]
	switch {
	case !ok:
		return fail(ErrUnsupported, "The wrapping algorithm %s is not supported.", algorithm)
	case !w.aes && k.spec.family == rsaKey, !w.aes && k.Spec == P521 && bits == 2048:
		return fail(ErrInvalid, "The wrapping algorithm %s with a wrapping key of %d bits cannot wrap key material of the key spec %s.", algorithm, bits, k.Spec)
	}
	return nil
}

// unwrap opens what the algorithm wrapped. All failures look alike.
func (w wrapping) unwrap(private *rsa.PrivateKey, wrapped []byte) (sealed.Secret, error) {
	inner := wrapped
	if w.aes {
		inner = wrapped[:min(len(wrapped), private.Size())]
	}
	opened, err := rsa.DecryptOAEP(w.hash.New(), nil, private, inner, nil)
	if err == nil && w.aes {
		kek := opened
		if len(kek) != 32 {
			err = errKeyWrap
		} else {
			opened, err = unwrapKWP(kek, wrapped[len(inner):])
		}
		clear(kek)
	}
	if err != nil {
		return sealed.Secret{}, fail(ErrInvalidCiphertext, "")
	}
	defer clear(opened)
	return sealed.NewSecret(opened), nil
}

// adopt makes material for a key of this spec of imported bytes: the raw bytes
// of a symmetric or HMAC key, else a PrivateKeyInfo of PKCS #8, which becomes
// the one that encodePrivate would make of the same key.
func (s *specInfo) adopt(in sealed.Secret) (sealed.Secret, error) {
	wrong := fail(ErrIncorrectMaterial, "")
	if s.secret() {
		// A longer HMAC key would be hashed first: nothing is gained by it.
		longest := s.bytes
		if s.family == hmacKey {
			longest = algorithmTable[s.uses[0].algorithms[0]].hash.New().BlockSize()
		}
		if in.Len() < s.bytes || in.Len() > longest {
			return sealed.Secret{}, wrong
		}
		return sealed.NewSecret(in.Reveal()), nil
	}
	private, err := parsePrivate(s, in.Reveal())
	if err != nil || !s.made(private) {
		return sealed.Secret{}, wrong
	}
	return encodePrivate(private)
}

// importToken is what ImportMaterial needs of GetParametersForImport. The caller
// keeps it, sealed and bound to the key, so that the ring keeps nothing:
//
//	version 1 ‖ algorithm 1 ‖ expires 8 (Unix milliseconds) ‖ PrivateKeyInfo
type importToken struct {
	algorithm byte
	expires   millis
	private   *rsa.PrivateKey
}

const (
	importTokenPurpose = "import token"
	importTokenHeader  = 10
)

// importWindow is how long an import token is good for.
const importWindow = 24 * time.Hour

// open unwraps material with the token's algorithm and key.
func (t *importToken) open(wrapped []byte) (sealed.Secret, error) {
	for _, w := range wrappings {
		if w.id == t.algorithm {
			return w.unwrap(t.private, wrapped)
		}
	}
	return sealed.Secret{}, fail(ErrImportToken, "")
}

func (r *Ring) sealImportToken(p path, algorithm byte, expires millis, private sealed.Secret) []byte {
	b := make([]byte, 0, importTokenHeader+private.Len())
	b = append(b, recordVersion, algorithm)
	b = binary.BigEndian.AppendUint64(b, uint64(expires))
	b = append(b, private.Reveal()...)
	secret := sealed.NewSecret(b)
	clear(b)
	defer secret.Wipe()
	return r.domain.Wrap(importTokenPurpose, p.String(), secret)
}

func (r *Ring) openImportToken(p path, token []byte, now time.Time) (t importToken, err error) {
	secret, err := r.domain.Unwrap(importTokenPurpose, p.String(), token)
	if err != nil {
		return t, fail(ErrImportToken, "")
	}
	defer secret.Wipe()
	b := secret.Reveal()
	if len(b) < importTokenHeader || b[0] != recordVersion {
		return t, fail(ErrImportToken, "")
	}
	t.algorithm, t.expires = b[1], millis(binary.BigEndian.Uint64(b[2:]))
	if toMillis(now) >= t.expires {
		return t, fail(ErrImportTokenExpired, "")
	}
	private, err := x509.ParsePKCS8PrivateKey(b[importTokenHeader:])
	if err != nil {
		return t, err
	}
	t.private = private.(*rsa.PrivateKey)
	return t, nil
}
