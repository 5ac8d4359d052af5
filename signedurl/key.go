package signedurl

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ErrKey is wrapped by every error about a key that cannot be used here.
var ErrKey = errors.New("unusable key")

// KeyID names a public key: the value of Key-Pair-Id. It is opaque; only a
// lookup that succeeds gives it meaning.
type KeyID string

// Hash names the digest under a signature, spelled as on the wire. The zero
// value means SHA1, the protocol's default.
type Hash string

// The two hashes of the protocol.
const (
	SHA1   Hash = "SHA1"
	SHA256 Hash = "SHA256"
)

// rsaBits is the one RSA modulus length that CloudFront takes.
const rsaBits = 2048

// PublicKey is a key that viewers' signatures are verified with: RSA of 2048
// bits or ECDSA P-256. It is immutable and safe for concurrent use. The zero
// PublicKey verifies nothing.
type PublicKey struct {
	rsa *rsa.PublicKey   // one of rsa and ec is set
	ec  *ecdsa.PublicKey //
	der []byte           // SubjectPublicKeyInfo

	// sum identifies the key's material, whatever id it goes by.
	sum [sha256.Size]byte
}

// ParsePublicKey reads one PEM block of type PUBLIC KEY that holds a
// SubjectPublicKeyInfo. White space around the block is allowed, anything else
// is not: no certificate, no PKCS #1, no OpenSSH line, no PEM headers, no second
// block. Errors wrap [ErrKey].
//
// Source: CloudFront API Reference, PublicKeyConfig.
func ParsePublicKey(text []byte) (*PublicKey, error) {
	trimmed := bytes.TrimSpace(text)
	if !bytes.HasPrefix(trimmed, []byte("-----BEGIN ")) {
		return nil, fmt.Errorf("%w: want a PEM block of type PUBLIC KEY", ErrKey)
	}
	block, rest := pem.Decode(trimmed)
	switch {
	case block == nil:
		return nil, fmt.Errorf("%w: the PEM block is damaged", ErrKey)
	case block.Type != "PUBLIC KEY":
		return nil, fmt.Errorf("%w: PEM type is %q, want \"PUBLIC KEY\"", ErrKey, block.Type)
	case len(block.Headers) > 0:
		return nil, fmt.Errorf("%w: the PEM block has headers", ErrKey)
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, fmt.Errorf("%w: there is text after the PEM block", ErrKey)
	}
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return newPublicKey(pub, block.Bytes, rsaBits)
}

// NewPublicKey makes a PublicKey of an *rsa.PublicKey of 2048 bits or an
// *ecdsa.PublicKey on P-256, such as Public of a crypto.Signer returns. It keeps
// a copy. Errors wrap [ErrKey].
func NewPublicKey(pub crypto.PublicKey) (*PublicKey, error) {
	empty := false
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		empty = pub == nil || pub.N == nil
	case *ecdsa.PublicKey:
		empty = pub == nil || *pub == ecdsa.PublicKey{Curve: pub.Curve}
	}
	if empty {
		return nil, fmt.Errorf("%w: the %T is empty", ErrKey, pub)
	}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	own, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return newPublicKey(own, der, rsaBits)
}

func newPublicKey(pub crypto.PublicKey, der []byte, bits int) (*PublicKey, error) {
	k := &PublicKey{der: der, sum: sha256.Sum256(der)}
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		if n := pub.N.BitLen(); n != bits {
			return nil, fmt.Errorf("%w: RSA modulus has %d bits, want %d", ErrKey, n, bits)
		}
		if pub.E < 3 || pub.E&1 == 0 {
			return nil, fmt.Errorf("%w: RSA exponent %d", ErrKey, pub.E)
		}
		k.rsa = pub
	case *ecdsa.PublicKey:
		if pub.Curve != elliptic.P256() {
			return nil, fmt.Errorf("%w: curve is %s, want P-256", ErrKey, pub.Curve.Params().Name)
		}
		k.ec = pub
	default:
		return nil, fmt.Errorf("%w: %T is neither RSA nor ECDSA", ErrKey, pub)
	}
	return k, nil
}

// PEM returns the key in normal form: base64 in 64 columns, LF line ends, one
// LF at the end. CloudFront echoes keys in this form, whatever it was sent.
func (k *PublicKey) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.der})
}

// Equal reports whether x, a *PublicKey, is the same key, regardless of how
// either was spelled in PEM.
func (k *PublicKey) Equal(x crypto.PublicKey) bool {
	other, ok := x.(*PublicKey)
	return ok && other != nil && k.sum == other.sum
}

// Algorithm returns "RSA-2048" or "ECDSA-P256".
func (k *PublicKey) Algorithm() string {
	if k.rsa != nil {
		return "RSA-2048"
	}
	return "ECDSA-P256"
}

// verify reports whether sig signs message under h, which is SHA1 or SHA256.
func (k *PublicKey) verify(h Hash, message, sig []byte) bool {
	var sum [sha256.Size]byte
	digest, id := sumInto(&sum, h, message)
	if k.rsa != nil {
		return rsa.VerifyPKCS1v15(k.rsa, id, digest, sig) == nil
	}
	return k.ec != nil && ecdsa.VerifyASN1(k.ec, digest, sig)
}

// sumInto hashes message into sum and returns the part of sum that is the digest.
func sumInto(sum *[sha256.Size]byte, h Hash, message []byte) ([]byte, crypto.Hash) {
	if h == SHA256 {
		*sum = sha256.Sum256(message)
		return sum[:], crypto.SHA256
	}
	short := sha1.Sum(message)
	return sum[:copy(sum[:], short[:])], crypto.SHA1
}

// Keys answers which public keys a request may be signed with: the keys of the
// key groups that the request's cache behaviour trusts.
type Keys interface {
	// PublicKey returns the trusted key called id, or nil. It is asked once a
	// request, also for requests that a Verifier has seen before, so that a key
	// taken out of its group ends every URL and cookie it signed at once.
	PublicKey(id KeyID) *PublicKey
}

// KeySet is a fixed set of trusted keys. It must not change while in use.
type KeySet map[KeyID]*PublicKey

// PublicKey implements [Keys].
func (s KeySet) PublicKey(id KeyID) *PublicKey { return s[id] }

// ParsePrivateKey reads the first private key in a PEM text: PKCS #1 (RSA
// PRIVATE KEY), PKCS #8 (PRIVATE KEY) or SEC 1 (EC PRIVATE KEY, which openssl
// puts after EC PARAMETERS). The key must be RSA of 2048 bits or ECDSA P-256, and
// not encrypted under a passphrase. Errors wrap [ErrKey] and hold no part of text.
func ParsePrivateKey(text []byte) (crypto.Signer, error) {
	for {
		var block *pem.Block
		block, text = pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("%w: found no PEM block with a private key", ErrKey)
		}
		if block.Type == "EC PARAMETERS" {
			continue
		}
		key, err := parsePrivateBlock(block)
		if err != nil {
			return nil, err
		}
		if _, err := NewPublicKey(key.Public()); err != nil {
			return nil, err
		}
		return key, nil
	}
}

func parsePrivateBlock(block *pem.Block) (crypto.Signer, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return nil, fmt.Errorf("%w: the private key is encrypted; decrypt it first (openssl pkey -in FILE)", ErrKey)
	}
	var (
		key any
		err error
	)
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE":
		return nil, fmt.Errorf("%w: PEM type is %q, which holds no private half", ErrKey, block.Type)
	default:
		return nil, fmt.Errorf("%w: PEM type is %q, want PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY", ErrKey, block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the %s block cannot be parsed", ErrKey, block.Type)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: %T does not sign", ErrKey, key)
	}
	return signer, nil
}
