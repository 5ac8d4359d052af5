package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"sync/atomic"

	"filippo.io/mldsa"
	mldsax509 "filippo.io/mldsa/x509"
	"gitlab.com/yawning/secp256k1-voi/secec"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

// Origin says where a key's material comes from.
type Origin string

const (
	// FromKMS material was made by the Ring.
	FromKMS Origin = "AWS_KMS"
	// External material is imported, and can be deleted and imported again.
	External Origin = "EXTERNAL"
)

// materialPurpose is what material is wrapped for; its name is its record's key.
const materialPurpose = "key material"

// material is one version of a key's secret. It stays wrapped until its first
// use, and is then kept in the form in which it works fastest. Snapshots of one
// key share it.
//
// What is wrapped: 32 bytes of a symmetric key, the bytes of an HMAC key, the
// seed of an ML-DSA or ML-KEM key, and otherwise the PrivateKeyInfo of PKCS #8. The
// public key is derived from the private one, so that nobody who can write to the
// store can exchange it.
type material struct {
	id      string // 64 lower-case hexadecimal digits
	of      path
	spec    *specInfo
	domain  *sealed.Domain
	wrapped []byte // nil when the material is missing
	header  sealed.BlobHeader

	blob    lazy[*sealed.BlobKey]
	private lazy[crypto.Signer]
	kem     lazy[crypto.Decapsulator]
	public  lazy[[]byte]
	mac     lazy[sealed.Secret]
}

// newMaterial is the material of a record, or with nil the place of one that is
// missing: then the key's state lets nobody use it.
func newMaterial(domain *sealed.Domain, spec *specInfo, p path, id string, rec *materialRecord) (*material, error) {
	m := &material{id: id, of: p, spec: spec, domain: domain}
	if rec != nil {
		m.wrapped = rec.Wrapped
	}
	m.header.KeyID = string(p.id)
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != len(m.header.MaterialID) {
		return nil, fmt.Errorf("%w: material id of %s %q", errDamaged, materialSpace, p.materialName(id))
	}
	copy(m.header.MaterialID[:], raw)
	return m, nil
}

// materialID names material without telling anything about it.
func materialID(id KeyID, secret sealed.Secret) string {
	mac := hmac.New(sha256.New, secret.Reveal())
	mac.Write([]byte("keyfront/material-id/1\x00" + string(id)))
	return hex.EncodeToString(mac.Sum(nil))
}

// lazy holds what is made at its first use. First uses that meet may make it
// several times; one of the results is kept.
type lazy[T any] struct{ made atomic.Pointer[T] }

func (l *lazy[T]) get(create func() (T, error)) (T, error) {
	if v := l.made.Load(); v != nil {
		return *v, nil
	}
	v, err := create()
	if err != nil {
		return v, err
	}
	l.made.CompareAndSwap(nil, &v)
	return *l.made.Load(), nil
}

func (m *material) unwrap() (sealed.Secret, error) {
	return m.domain.Unwrap(materialPurpose, m.of.materialName(m.id), m.wrapped)
}

// blobKey is for symmetric material.
func (m *material) blobKey() (*sealed.BlobKey, error) {
	return m.blob.get(func() (*sealed.BlobKey, error) {
		secret, err := m.unwrap()
		if err != nil {
			return nil, err
		}
		defer secret.Wipe()
		return sealed.NewBlobKey(secret, m.header)
	})
}

// signer is the private key of asymmetric material, whatever it is used for.
func (m *material) signer() (crypto.Signer, error) {
	return m.private.get(func() (crypto.Signer, error) {
		secret, err := m.unwrap()
		if err != nil {
			return nil, err
		}
		defer secret.Wipe()
		signer, err := parsePrivate(m.spec, secret.Reveal())
		if err != nil {
			return nil, fmt.Errorf("%w: %s %q", errDamaged, materialSpace, m.of.materialName(m.id))
		}
		return signer, nil
	})
}

// publicDER is the SubjectPublicKeyInfo of asymmetric material.
func (m *material) publicDER() ([]byte, error) {
	return m.public.get(func() ([]byte, error) {
		if m.spec.family == kemKey {
			private, err := m.decapsulator()
			if err != nil {
				return nil, err
			}
			return m.spec.encodeKEM(private.Encapsulator())
		}
		signer, err := m.signer()
		if err != nil {
			return nil, err
		}
		return encodePublic(signer.Public())
	})
}

// decapsulator is the private key of ML-KEM material.
func (m *material) decapsulator() (crypto.Decapsulator, error) {
	return m.kem.get(func() (crypto.Decapsulator, error) {
		seed, err := m.unwrap()
		if err != nil {
			return nil, err
		}
		defer seed.Wipe()
		return m.spec.newDecapsulator(seed.Reveal())
	})
}

// macKey is for HMAC material.
func (m *material) macKey() (sealed.Secret, error) { return m.mac.get(m.unwrap) }

// generate makes new material for a key of this spec, as it will be wrapped.
func (r *Ring) generate(spec *specInfo) (sealed.Secret, error) {
	if spec.bytes > 0 {
		return sealed.RandomSecret(spec.bytes), nil
	}
	pair, err := r.generatePair(spec)
	return pair.private, err
}

// keyPair is a new key pair, encoded.
type keyPair struct {
	private sealed.Secret // PrivateKeyInfo of PKCS #8, RFC 5958
	public  []byte        // SubjectPublicKeyInfo of RFC 5280
}

func (r *Ring) generatePair(spec *specInfo) (keyPair, error) {
	var private crypto.Signer
	var err error
	switch spec.family {
	case rsaKey:
		return r.pairs.take(spec.bits)
	case ecKey:
		private, err = ecdsa.GenerateKey(spec.curve, rand.Reader)
	case secpKey:
		private, err = secec.GenerateKey()
	case edKey:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		panic("keyring: no key pair for a symmetric spec")
	}
	if err != nil {
		return keyPair{}, err
	}
	return encodePair(private)
}

func encodePair(private crypto.Signer) (pair keyPair, err error) {
	if pair.public, err = encodePublic(private.Public()); err != nil {
		return pair, err
	}
	pair.private, err = encodePrivate(private)
	return pair, err
}

// made reports whether the key pair is one of this spec.
func (s *specInfo) made(private crypto.Signer) bool {
	switch private := private.(type) {
	case *rsa.PrivateKey:
		return s.family == rsaKey && private.N.BitLen() == s.bits
	case *secec.PrivateKey:
		return s.family == secpKey
	case *ecdsa.PrivateKey:
		return s.family == ecKey && private.Curve == s.curve
	case ed25519.PrivateKey:
		return s.family == edKey
	}
	return false
}

// parsePrivate reads the private key of the spec that is wrapped as secret.
func parsePrivate(s *specInfo, der []byte) (crypto.Signer, error) {
	switch s.family {
	case secpKey:
		return parseSecp256k1(der)
	case dsaKey:
		return mldsa.NewPrivateKey(parameters(s), der)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("keyring: a %T is no private key of ours", parsed)
	}
	return signer, nil
}

// encodePrivate is the PrivateKeyInfo of PKCS #8, RFC 5958.
func encodePrivate(private crypto.Signer) (sealed.Secret, error) {
	var der []byte
	var err error
	if k, ok := private.(*secec.PrivateKey); ok {
		der, err = encodeSecp256k1(k)
	} else {
		der, err = x509.MarshalPKCS8PrivateKey(private)
	}
	if err != nil {
		return sealed.Secret{}, err
	}
	defer clear(der)
	return sealed.NewSecret(der), nil
}

// encodePublic is the SubjectPublicKeyInfo of RFC 5280.
func encodePublic(public crypto.PublicKey) ([]byte, error) {
	if k, ok := public.(*secec.PublicKey); ok {
		return k.ASN1Bytes(), nil
	}
	return mldsax509.MarshalPKIXPublicKey(public)
}

// parameters are those of an ML-DSA key.
func parameters(s *specInfo) mldsa.Parameters {
	switch s.bits {
	case 44:
		return mldsa.MLDSA44()
	case 65:
		return mldsa.MLDSA65()
	default:
		return mldsa.MLDSA87()
	}
}
