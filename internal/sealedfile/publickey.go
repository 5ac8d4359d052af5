package sealedfile

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hpke"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

// minRSABits is the shortest modulus that files are sealed to.
const minRSABits = 2048

// ErrKeyType says that a key cannot have files sealed to it.
var ErrKeyType = errors.New("files are sealed to RSA keys of at least 2048 bits, and to keys on P-256, P-384 and P-521")

// curves gives each curve its method, and the KDF of its HPKE suite.
var curves = []struct {
	method Method
	curve  ecdh.Curve
	kdf    func() hpke.KDF
}{
	{MethodP256, ecdh.P256(), hpke.HKDFSHA256},
	{MethodP384, ecdh.P384(), hpke.HKDFSHA384},
	{MethodP521, ecdh.P521(), hpke.HKDFSHA512},
}

func kdfOf(m Method) hpke.KDF {
	for _, c := range curves {
		if c.method == m {
			return c.kdf()
		}
	}
	panic("sealedfile: no curve of this method")
}

type toPublicKey struct {
	header Header // but for Wrapped
	rsa    *rsa.PublicKey
	point  *ecdh.PublicKey
}

// ToPublicKey seals to whoever holds the private half of public, an
// *rsa.PublicKey, *ecdsa.PublicKey or *ecdh.PublicKey; no key service is asked.
// name is what the header calls the key, best the ARN of the KMS key that can
// open the file; it may be empty. The error is ErrKeyType.
func ToPublicKey(public crypto.PublicKey, name string) (Recipient, error) {
	r := toPublicKey{header: Header{Key: name}}
	switch public := public.(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() < minRSABits {
			return nil, fmt.Errorf("RSA key of %d bits: %w", public.N.BitLen(), ErrKeyType)
		}
		r.header.Method, r.rsa = MethodRSA, public
	case *ecdsa.PublicKey:
		point, err := public.ECDH()
		if err != nil {
			return nil, fmt.Errorf("%s key: %w", public.Curve.Params().Name, ErrKeyType)
		}
		r.point = point
	case *ecdh.PublicKey:
		r.point = public
	default:
		return nil, fmt.Errorf("%T: %w", public, ErrKeyType)
	}
	if r.point != nil {
		for _, c := range curves {
			if c.curve == r.point.Curve() {
				r.header.Method = c.method
			}
		}
		if r.header.Method == 0 {
			return nil, fmt.Errorf("%v key: %w", r.point.Curve(), ErrKeyType)
		}
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	r.header.Recipient = der
	return r, nil
}

func (r toPublicKey) wrap(context.Context) (sealed.Secret, *Header, error) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	h := r.header
	if r.rsa != nil {
		wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, r.rsa, key.Reveal(), nil)
		h.Wrapped = wrapped
		return key, &h, err
	}
	kem, err := hpke.NewDHKEMPublicKey(r.point)
	if err != nil {
		return sealed.Secret{}, nil, err
	}
	// The length of the wrapped key is known, and HPKE binds it with the rest.
	h.Wrapped = make([]byte, len(r.point.Bytes())+sealed.KeyBytes+hpkeTagBytes)
	raw, err := h.encode()
	if err != nil {
		return sealed.Secret{}, nil, err
	}
	h.Wrapped, err = hpke.Seal(kem, kdfOf(h.Method), hpke.AES256GCM(), hpkeInfo(raw[:len(raw)-len(h.Wrapped)]), key.Reveal())
	return key, &h, err
}

const hpkeTagBytes = 16

// hpkeInfo binds a wrapped key to the header before it.
func hpkeInfo(head []byte) []byte {
	return append([]byte("keyfront/file/1"), head...)
}

type byPrivateKey struct {
	public []byte // SubjectPublicKeyInfo
	rsa    *rsa.PrivateKey
	ec     *ecdh.PrivateKey
}

// ByPrivateKey opens with an *rsa.PrivateKey, *ecdsa.PrivateKey or
// *ecdh.PrivateKey. The error is ErrKeyType.
func ByPrivateKey(private crypto.PrivateKey) (Opener, error) {
	var o byPrivateKey
	var public crypto.PublicKey
	switch private := private.(type) {
	case *rsa.PrivateKey:
		o.rsa, public = private, private.Public()
	case *ecdsa.PrivateKey:
		key, err := private.ECDH()
		if err != nil {
			return nil, fmt.Errorf("%s key: %w", private.Curve.Params().Name, ErrKeyType)
		}
		o.ec, public = key, private.Public()
	case *ecdh.PrivateKey:
		o.ec, public = private, private.Public()
	default:
		return nil, fmt.Errorf("%T: %w", private, ErrKeyType)
	}
	if _, err := ToPublicKey(public, ""); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	o.public = der
	return o, nil
}

func (o byPrivateKey) unwrap(_ context.Context, h *Header, head []byte) (sealed.Secret, error) {
	if !bytes.Equal(h.Recipient, o.public) {
		if h.Method == MethodKMS {
			return sealed.Secret{}, fmt.Errorf("%w: the KMS key %s", ErrRecipient, h.Key)
		}
		return sealed.Secret{}, ErrRecipient
	}
	switch {
	case h.Method == MethodRSA && o.rsa != nil:
		key, err := rsa.DecryptOAEP(sha256.New(), nil, o.rsa, h.Wrapped, nil)
		if err != nil || len(key) != sealed.KeyBytes {
			return sealed.Secret{}, ErrChanged
		}
		defer clear(key)
		return sealed.NewSecret(key), nil
	case h.Method != MethodRSA && o.ec != nil:
		if _, err := h.point(); err != nil {
			return sealed.Secret{}, err
		}
		return openHPKE(o.ec, h, head)
	}
	return sealed.Secret{}, ErrNotSealed
}

// point is the recipient's public key on the curve of the method.
func (h *Header) point() (*ecdh.PublicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(h.Recipient)
	if err != nil {
		return nil, ErrNotSealed
	}
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, ErrNotSealed
	}
	point, err := public.ECDH()
	if err != nil {
		return nil, ErrNotSealed
	}
	for _, c := range curves {
		if c.method == h.Method && c.curve == point.Curve() {
			return point, nil
		}
	}
	return nil, ErrNotSealed
}

// openHPKE unwraps with a private key that is the recipient's.
func openHPKE(private ecdh.KeyExchanger, h *Header, head []byte) (sealed.Secret, error) {
	kem, err := hpke.NewDHKEMPrivateKey(private)
	if err != nil {
		return sealed.Secret{}, err
	}
	key, err := hpke.Open(kem, kdfOf(h.Method), hpke.AES256GCM(), hpkeInfo(head), h.Wrapped)
	if err != nil || len(key) != sealed.KeyBytes {
		return sealed.Secret{}, ErrChanged
	}
	defer clear(key)
	return sealed.NewSecret(key), nil
}
